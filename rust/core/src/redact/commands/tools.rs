//! Command-line tools whose flags hold a password without naming it, and how each flag carries it.

use crate::redact::keys::words::Vocabulary;
use std::sync::LazyLock;

/// How a flag carries its secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Carries {
    /// The next argument is the secret.
    Next,
    /// The next argument is the secret where it looks like one: the flag has other meanings too.
    Likely,
    /// The secret follows the flag without a space.
    Glued,
    /// `user:secret`, as the next argument, behind `=` or glued.
    Login,
    /// `user%secret`.
    Percent,
    /// `user,secret`
    Comma,
    /// `pass:secret`
    Pass,
}

/// Tools, a flag of theirs, how it carries the secret.
#[rustfmt::skip]
const FLAGS: &[(&str, &str, Carries)] = &[
    ("curl wget2 curlie", "-u", Carries::Login),
    ("curl curlie etcdctl", "--user", Carries::Login),
    ("ttyd gotty", "-c", Carries::Login),
    ("transmission-remote", "-n", Carries::Login),
    ("nikto", "-id", Carries::Login),
    ("curl", "-U", Carries::Login),
    ("curl", "--proxy-user", Carries::Login),
    ("http https xh xhs httpie check_http", "-a", Carries::Login),
    ("http https xh xhs httpie", "--auth", Carries::Login),
    ("login", "-u", Carries::Login),
    ("skopeo buildah podman crane oras", "--creds", Carries::Login),
    ("skopeo", "--src-creds", Carries::Login),
    ("skopeo", "--dest-creds", Carries::Login),
    ("jenkins jenkins-cli jenkins-cli.jar", "-auth", Carries::Login),
    ("couchdb-cli", "--admin", Carries::Login),
    ("nmap", "--script-args", Carries::Login),
    ("mysql mysqldump mysqladmin mariadb mariadb-dump mariadb-admin mysqlsh mysqlimport mysqlcheck mysqlbinlog \
      mysqlslap mysqlshow mysql_upgrade mydumper xtrabackup mariabackup mycli sshpass 7z 7za 7zr 7zz rar unrar winrar \
      mongo mongosh mongodump", "-p", Carries::Glued),
    ("rar", "-hp", Carries::Glued),
    ("sqlcmd bcp isql tsql osql zip unzip ipmitool mosquitto_pub mosquitto_sub", "-P", Carries::Glued),
    ("psql", "-W", Carries::Glued),
    ("winrs", "-p:", Carries::Glued),
    ("xfreerdp xfreerdp3 wfreerdp sdl-freerdp mstsc", "/p:", Carries::Glued),
    ("cmdkey", "/pass:", Carries::Glued),
    ("gh", "-b", Carries::Glued),
    ("ldapsearch ldapmodify ldapadd ldapwhoami ldapdelete ldappasswd ldapcompare ldapmodrdn", "-w", Carries::Glued),
    ("sshpass mongo mongosh mongodump mongorestore mongoimport mongoexport mongostat cqlsh nodetool influx cypher-shell \
      snowsql beeline evil-winrm crackmapexec cme nxc netexec smbmap bloodhound-python enum4linux enum4linux-ng medusa \
      hydra ncrack login twine rdesktop vncviewer rabbitmqadmin usermod useradd psexec psexec64 vsce \
      elasticsearch-users veracrypt racadm xcrun altool ncftpput ncftpget dsquery ipa-server-install ldapdomaindump \
      certipy certutil mutool rpcclient create-keychain unlock-keychain set-keychain-password steghide sqoop airflow bloodyad couchbase-cli", "-p", Carries::Next),
    ("az nuget dotnet gitea kcadm.sh kcadm user", "-p", Carries::Likely),
    ("ipa-server-install ipa-client-install hatch", "-a", Carries::Likely),
    ("redis-cli keydb-cli valkey-cli", "-a", Carries::Next),
    ("zip unzip zipcloak sqlcmd bcp isql tsql osql ipmitool ipmi-power mosquitto_pub mosquitto_sub mosquitto_rr mqttx p4 \
      ssh-keygen security", "-P", Carries::Next),
    ("ssh-keygen", "-N", Carries::Next),
    ("ldapsearch ldapmodify ldapadd ldapwhoami ldapdelete ldappasswd ldapcompare ldapmodrdn ipa-client-install odoo \
      add-generic-password add-internet-password kadmin", "-w", Carries::Next),
    ("ldappasswd", "-s", Carries::Next),
    ("ldappasswd", "-a", Carries::Next),
    ("smbclient rpcclient net smbcacls smbget wmic winexe samba-tool", "-U", Carries::Percent),
    ("lftp", "-u", Carries::Comma),
    ("gem nuget dotnet", "-k", Carries::Likely),
    ("security openssl set-key-partition-list", "-k", Carries::Likely),
    ("openssl", "-K", Carries::Next),
    ("openssl", "-pass", Carries::Pass),
    ("openssl", "-passin", Carries::Pass),
    ("openssl", "-passout", Carries::Pass),
    ("apksigner", "--ks-pass", Carries::Pass),
    ("apksigner", "--key-pass", Carries::Pass),
    ("snmpwalk snmpget snmpset snmpbulkwalk snmpgetnext snmptable snmptrap snmpinform", "-A", Carries::Next),
    ("snmpwalk snmpget snmpset snmpbulkwalk snmpgetnext snmptable snmptrap snmpinform", "-X", Carries::Next),
    ("snmpwalk snmpget snmpset snmpbulkwalk snmpgetnext snmptable snmptrap snmpinform", "-c", Carries::Next),
    ("putty plink pscp psftp winscp kitty klink puttygen", "-pw", Carries::Next),
    ("kitty vncviewer x11vnc tightvnc", "-pass", Carries::Next),
    ("vncviewer x11vnc tightvnc", "-passwd", Carries::Next),
    ("dsadd dsmod", "-pwd", Carries::Next),
    ("mosquitto_pub mosquitto_sub", "--pw", Carries::Next),
    ("pdftotext pdfinfo pdftoppm pdfimages pdftocairo", "-upw", Carries::Next),
    ("pdftotext pdfinfo pdftoppm pdfimages pdftocairo", "-opw", Carries::Next),
    ("qpdf", "--encrypt", Carries::Next),
    ("nuget", "-ApiKey", Carries::Next),
    ("wget aria2c", "--http-passwd", Carries::Next),
    ("openconnect", "--passwd", Carries::Next),
    ("doctl influx codecov", "-t", Carries::Likely),
    ("secret", "--body", Carries::Next),
    ("secret", "-b", Carries::Next),
    ("secret secrets keyvault put-parameter", "--value", Carries::Likely),
    ("secretsmanager", "--secret-string", Carries::Next),
];

/// One flag of several tools.
struct Flag {
    name: &'static [u8],
    carries: Carries,
    tools: Vec<Tool>,
}

/// The number of a tool.
pub(crate) type Tool = u8;

/// The table above, indexed by the names of tools and by the first letters of flags.
struct Index {
    tools: Vocabulary<Tool>,
    flags: Vec<Flag>,
    /// For each letter, the rows of `flags` whose names start with it.
    by_letter: [(u8, u8); 128],
}

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let mut names: Vec<&'static str> =
        FLAGS.iter().flat_map(|(tools, ..)| tools.split_ascii_whitespace()).collect();
    names.sort_unstable();
    names.dedup();
    let numbered = names.iter().enumerate().map(|(number, name)| (*name, number as Tool));
    let tools = Vocabulary::new(numbered, |_, new| new);
    let mut flags: Vec<Flag> = FLAGS
        .iter()
        .map(|(tools_of_flag, name, carries)| Flag {
            name: name.as_bytes(),
            carries: *carries,
            tools: tools_of_flag
                .split_ascii_whitespace()
                .filter_map(|tool| tools.get(tool.as_bytes()))
                .collect(),
        })
        .collect();
    flags.sort_by_key(|flag| letter_of(flag.name));
    let mut by_letter = [(0, 0); 128];
    for (row, flag) in flags.iter().enumerate() {
        let rows = &mut by_letter[usize::from(letter_of(flag.name))];
        *rows = (if rows.1 == 0 { row as u8 } else { rows.0 }, row as u8 + 1);
    }
    Index { tools, flags, by_letter }
});

/// The first character of a flag behind its dashes or its slash.
fn letter_of(flag: &[u8]) -> u8 {
    flag.iter().copied().find(|byte| !matches!(byte, b'-' | b'/')).unwrap_or(0) & 127
}

/// The tool that a word of a command line names, without its folder and `.exe`.
pub(crate) fn tool(word: &[u8]) -> Option<Tool> {
    let name =
        word.iter().rposition(|byte| matches!(byte, b'/' | b'\\')).map_or(word, |slash| &word[slash + 1..]);
    let name = name.strip_suffix(b".exe").or_else(|| name.strip_suffix(b".py")).unwrap_or(name);
    let mut lower = [0; 24];
    let lower = lower.get_mut(..name.len())?;
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    INDEX.tools.get(lower)
}

/// How many tools there are.
#[cfg(test)]
pub(crate) fn count() -> usize {
    FLAGS
        .iter()
        .flat_map(|(tools, ..)| tools.split_ascii_whitespace())
        .collect::<std::collections::HashSet<_>>()
        .len()
}

/// Whether a flag that starts with this character can carry a secret for some tool.
pub(crate) fn may_carry(letter: u8) -> bool {
    INDEX.by_letter[usize::from(letter & 127)].1 > 0
}

/// Whether `argument` carries a secret for any tool.
pub(crate) fn is_flag(argument: &[u8]) -> bool {
    flags_like(argument).iter().any(|flag| flag.fits(argument))
}

/// How `argument` carries a secret for one of `tools`, and how much of it is the flag.
pub(crate) fn carried(argument: &[u8], tools: &[Tool]) -> Option<(Carries, usize)> {
    let serves = |flag: &Flag| flag.tools.iter().any(|tool| tools.contains(tool));
    let flag = flags_like(argument).iter().find(|flag| flag.fits(argument) && serves(flag))?;
    Some((flag.carries, flag.name.len()))
}

/// The flags that start with the same letter.
fn flags_like(argument: &[u8]) -> &'static [Flag] {
    let index = &*INDEX;
    let (first, last) = index.by_letter[usize::from(letter_of(argument))];
    &index.flags[usize::from(first)..usize::from(last)]
}

impl Flag {
    fn fits(&self, argument: &[u8]) -> bool {
        if !argument.starts_with(self.name) {
            return false;
        }
        match argument.get(self.name.len()) {
            None => self.carries != Carries::Glued,
            Some(b'=') => self.name.starts_with(b"--"),
            Some(_) => {
                self.carries == Carries::Glued || self.carries == Carries::Login && self.name.len() == 2
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_belong_to_tools() {
        let known = |word: &str| vec![tool(word.as_bytes()).unwrap()];
        assert_eq!(carried(b"-pabc", &known("/usr/bin/mysql")), Some((Carries::Glued, 2)));
        assert_eq!(carried(b"-p", &known("mysql")), None);
        assert_eq!(carried(b"-p", &known("sshpass")), Some((Carries::Next, 2)));
        assert_eq!(carried(b"-pabc", &known("sshpass")), Some((Carries::Glued, 2)));
        assert_eq!(carried(b"-u", &known("curl.exe")), Some((Carries::Login, 2)));
        assert_eq!(carried(b"-uadmin:x", &known("curl")), Some((Carries::Login, 2)));
        assert_eq!(carried(b"--dest-creds=a:b", &known("skopeo")), Some((Carries::Login, 12)));
        assert_eq!(carried(b"-p", &known("curl")), None);
        assert_eq!(tool(b"mkdir"), None);
    }
}
