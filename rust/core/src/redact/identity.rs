//! What the machine knows of its own user, read without name-service calls or subprocesses, and the literals that
//! follow from it.

use crate::redact::labelled::value;
use crate::redact::rules::RuleId;
use crate::redact::scan::Scan;
use crate::redact::tokens::unknown::Shape;
use crate::redact::{Identity, RuleError};
use crate::system;
use aho_corasick::{AhoCorasick, MatchKind};

const MIN_NAME: usize = 5;
const MIN_VALUE: usize = 8;

/// Literals to remove wherever they stand as whole tokens.
#[derive(Debug, Default)]
pub(crate) struct Literals {
    automaton: Option<AhoCorasick>,
    logins: Vec<memchr::memmem::Finder<'static>>,
}

impl Literals {
    /// Compiles what may go without costing a word of harmless text.
    pub(crate) fn new(identity: &Identity, home: Option<&str>) -> Result<Literals, RuleError> {
        let telling = identity.users.iter().chain(&identity.hosts).filter(|name| is_telling_name(name));
        let git = identity.git.iter().filter(|text| text.len() >= MIN_NAME && !is_common(text));
        let values = identity.values.iter().filter(|text| is_telling_value(text));
        let literals: Vec<&String> = telling.chain(git).chain(values).collect();
        let home = home.and_then(last_part);
        let users = identity.users.iter().chain(&home).filter(|name| name.len() > 1 && !is_common(name));
        let mut names: Vec<String> = users.cloned().collect();
        names.dedup();
        let logins = names.iter().map(|name| memchr::memmem::Finder::new(name).into_owned()).collect();
        if literals.is_empty() {
            return Ok(Literals { automaton: None, logins });
        }
        let built = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&literals);
        let reason = |error: aho_corasick::BuildError| RuleError::new("identity", &error.to_string(), "");
        Ok(Literals { automaton: Some(built.map_err(reason)?), logins })
    }
}

/// A user or host name long and rare enough to be searched for in any text.
fn is_telling_name(name: &str) -> bool {
    name.len() >= MIN_NAME && !is_common(name)
}

/// Account and host names that are words of their own: `root`, `user`, `runner`, `localhost`.
fn is_common(name: &str) -> bool {
    const COMMON: &str = " root user admin administrator ubuntu debian fedora centos vagrant docker runner jenkins build builder \
        worker nobody daemon guest test tester testing default local localhost localdomain server client host home main master \
        node desktop laptop macbook computer machine system service deploy deployer developer devel coder vscode codespace \
        gitpod github gitlab actions azure google amazon oracle postgres mysql redis nginx apache python node.js sandbox agent \
        agents example sample demo staging production public private secret password project projects workspace container ";
    let lower = name.to_lowercase();
    COMMON.contains(&format!(" {lower} ")) || lower.bytes().all(|b| b.is_ascii_digit())
}

/// Values of sensitive variables: no word, number, boolean or path.
fn is_telling_value(text: &str) -> bool {
    let shape = Shape::of(text.as_bytes());
    let word = shape.digits == 0 && shape.other == 0;
    let number = shape.letters() == 0;
    text.len() >= MIN_VALUE
        && !word
        && !number
        && !text.starts_with('/')
        && !is_common(text)
        && !value::is_placeholder(text.as_bytes())
}

/// Removes the literals of the redactor from the text of a scan, logins only where the text has a place for one.
pub(crate) fn literals(scan: &mut Scan, place: bool) {
    let redactor = scan.redactor;
    let text = scan.text;
    if let Some(automaton) = &redactor.literals.automaton {
        for hit in automaton.find_iter(text) {
            if is_whole(text, hit.start(), hit.end()) {
                scan.secret(hit.start(), hit.end(), RuleId::IDENTITY);
            }
        }
    }
    // A login stands beside `@`, a slash or a dash.
    if !place {
        return;
    }
    for login in redactor.literals.logins.iter().filter(|login| login.needle().len() < text.len()) {
        for at in login.find_iter(text) {
            let end = at + login.needle().len();
            if is_whole(text, at, end) && is_login_place(text, at, end) {
                scan.secret(at, end, RuleId::IDENTITY);
            }
        }
    }
}

/// `name@host`, `/spool/name/x`, `-Users-name-work`: where a user's name stands in a host or a path.
fn is_login_place(text: &[u8], start: usize, end: usize) -> bool {
    let before = if start > 0 { text[start - 1] } else { b' ' };
    let after = text.get(end).copied().unwrap_or(b' ');
    let ends = b"/\\ \"'\n:-".contains(&after);
    let dashed = before == b'-' && after == b'-' && text[..start].ends_with(b"Users-")
        || text[..start].ends_with(b"home-");
    after == b'@' || (matches!(before, b'/' | b'\\') && ends) || dashed
}

fn is_whole(text: &[u8], start: usize, end: usize) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b >= 0x80;
    let inner_start = word(text[start]) && start > 0 && word(text[start - 1]);
    let inner_end = word(text[end - 1]) && text.get(end).is_some_and(|b| word(*b));
    !inner_start && !inner_end
}

impl Identity {
    /// Collects the names of the user and the host, git's name and e-mail, and the values of sensitive variables.
    ///
    /// `environ` looks up one variable, `all_vars` lists them all. Files that cannot be read are skipped.
    pub fn of_this_machine(
        environ: &dyn Fn(&str) -> Option<String>,
        all_vars: impl Iterator<Item = (String, String)>,
    ) -> Identity {
        let keys = crate::redact::keys::Keys::default();
        let secret = |name: &str| keys.classify(name).hides_strings();
        let values =
            all_vars.filter(|(name, value)| value.len() >= MIN_VALUE && secret(name)).map(|(_, value)| value);
        let home = environ("HOME").or_else(|| environ("USERPROFILE"));
        let mut identity =
            Identity { users: Vec::new(), hosts: Vec::new(), git: Vec::new(), values: values.collect() };
        identity
            .users
            .extend(["USER", "LOGNAME", "USERNAME", "SUDO_USER"].iter().filter_map(|name| environ(name)));
        identity.users.extend(system::user_name());
        identity.users.extend(home.as_deref().and_then(last_part));
        identity.hosts.extend(["HOSTNAME", "COMPUTERNAME"].iter().filter_map(|name| environ(name)));
        identity.hosts.extend(system::host_name());
        identity.git = git_names(environ, home.as_deref());
        identity.tidy();
        identity
    }

    fn tidy(&mut self) {
        for list in [&mut self.users, &mut self.hosts, &mut self.git, &mut self.values] {
            list.retain(|text| !text.trim().is_empty());
            list.sort_unstable();
            list.dedup();
        }
    }
}

fn last_part(path: &str) -> Option<String> {
    path.rsplit(['/', '\\']).find(|part| !part.is_empty()).map(str::to_owned)
}

/// `user.name` and `user.email` of git's files and variables.
fn git_names(environ: &dyn Fn(&str) -> Option<String>, home: Option<&str>) -> Vec<String> {
    const VARIABLES: [&str; 4] =
        ["GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"];
    let mut names: Vec<String> = VARIABLES.iter().filter_map(|name| environ(name)).collect();
    let config = environ("XDG_CONFIG_HOME").or_else(|| home.map(|home| format!("{home}/.config")));
    let files =
        [home.map(|home| format!("{home}/.gitconfig")), config.map(|dir| format!("{dir}/git/config"))];
    for text in files.iter().flatten().filter_map(|file| std::fs::read_to_string(file).ok()) {
        names.extend(git_user(&text));
    }
    names
}

/// The name and e-mail of the `[user]` section of a git configuration.
fn git_user(text: &str) -> Vec<String> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = line.to_lowercase().starts_with("[user]");
        } else if let (true, Some((key, value))) = (inside, line.split_once('='))
            && matches!(key.trim(), "name" | "email")
        {
            found.push(value.trim().trim_matches('"').to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_configuration_gives_the_user_section_only() {
        let text = "[core]\n\tname = no\n[user]\n  name = \"Ann Nguyen\"\n\temail=ann@acme.dev\n[alias]\n email = x\n";
        assert_eq!(git_user(text), ["Ann Nguyen", "ann@acme.dev"]);
    }

    #[test]
    fn environment_names_the_user_and_sensitive_values() {
        let one = |name: &str| (name == "USER").then(|| "zelda77".to_owned());
        let all = [
            ("DEPLOY_TOKEN".to_owned(), "correct-horse-7".to_owned()),
            ("EDITOR".to_owned(), "vim-the-editor".to_owned()),
        ];
        let identity = Identity::of_this_machine(&one, all.into_iter());
        assert!(identity.users.contains(&"zelda77".to_owned()));
        assert_eq!(identity.values, ["correct-horse-7"]);
    }

    #[test]
    fn common_names_are_no_literals() {
        for name in ["root", "user", "runner", "bob", "1000", "localhost"] {
            assert!(!is_telling_name(name), "{name}");
        }
        assert!(is_telling_name("mwilson"));
        assert!(!is_telling_value("/usr/lib/secret1"));
    }
}
