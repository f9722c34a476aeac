//! The vocabulary of key names: segments and the word lists they are compared with.

use super::KeyClass;

const MAX_BYTES: usize = 96;
const MAX_SEGMENTS: usize = 16;

/// A key in lower-case segments, in place: no allocation for keys of any length (the end of a long one counts).
#[derive(Clone, Copy)]
pub(crate) struct Segments {
    text: [u8; MAX_BYTES],
    ends: [u8; MAX_SEGMENTS],
    len: usize,
}

impl Segments {
    /// Splits at everything that is no letter or digit and at camel-case humps.
    pub(crate) fn of(key: &str) -> Segments {
        let bytes = key.as_bytes();
        let bytes = &bytes[bytes.len().saturating_sub(MAX_BYTES)..];
        let mut out = Segments {
            text: [0; MAX_BYTES],
            ends: [0; MAX_SEGMENTS],
            len: 0,
        };
        let mut at = 0;
        for (i, &byte) in bytes.iter().enumerate() {
            let word = byte.is_ascii_alphanumeric() || byte >= 0x80;
            if !word || starts_hump(bytes, i) {
                out.close(at);
            }
            if word {
                out.text[at] = byte.to_ascii_lowercase();
                at += 1;
            }
        }
        out.close(at);
        out
    }

    fn close(&mut self, end: usize) {
        if end == self.start(self.len) {
            return;
        }
        if self.len == MAX_SEGMENTS {
            self.ends[MAX_SEGMENTS - 1] = end as u8;
            return;
        }
        self.ends[self.len] = end as u8;
        self.len += 1;
    }

    fn start(&self, index: usize) -> usize {
        if index == 0 {
            0
        } else {
            usize::from(self.ends[index - 1])
        }
    }

    fn get(&self, index: usize) -> &[u8] {
        let end = usize::from(self.ends[index]);
        &self.text[self.start(index)..end]
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn first(&self) -> &[u8] {
        if self.len == 0 { b"" } else { self.get(0) }
    }

    /// The segment `back` places before the last one, without trailing digits; empty where there is none.
    pub(crate) fn from_end(&self, back: usize) -> &[u8] {
        if back < self.len {
            undigited(self.get(self.len - 1 - back))
        } else {
            b""
        }
    }

    /// All segments in one, without separators: equal for all spellings of a name.
    pub(crate) fn joined(&self) -> &[u8] {
        &self.text[..self.start(self.len)]
    }

    /// Whether the last segments, joined, are `name`.
    pub(crate) fn ends_with_joined(&self, name: &[u8]) -> bool {
        let all = self.joined();
        let Some(start) = all.len().checked_sub(name.len()) else {
            return false;
        };
        &all[start..] == name && (0..self.len).any(|index| self.start(index) == start)
    }

    pub(crate) fn without_last(&self) -> Segments {
        Segments {
            len: self.len.saturating_sub(1),
            ..*self
        }
    }

    pub(crate) fn any(&self, wanted: fn(&[u8]) -> bool) -> bool {
        (0..self.len).any(|index| wanted(undigited(self.get(index))))
    }
}

/// `aB` and the `B` of `ABc` start a hump.
fn starts_hump(bytes: &[u8], i: usize) -> bool {
    if i == 0 || !bytes[i].is_ascii_uppercase() {
        return false;
    }
    let before = bytes[i - 1];
    before.is_ascii_lowercase()
        || before.is_ascii_digit()
        || (before.is_ascii_uppercase() && bytes.get(i + 1).is_some_and(u8::is_ascii_lowercase))
}

fn undigited(segment: &[u8]) -> &[u8] {
    let end = segment
        .iter()
        .rposition(|b| !b.is_ascii_digit())
        .map_or(segment.len(), |last| last + 1);
    &segment[..end]
}

fn listed(word: &[u8], list: &str) -> bool {
    list.split_ascii_whitespace()
        .any(|entry| entry.as_bytes() == word)
}

/// Fields whose strings are content: source text, messages, output.
pub(crate) fn is_content(joined: &[u8]) -> bool {
    matches!(
        joined,
        b"oldstring"
            | b"newstring"
            | b"oldstr"
            | b"newstr"
            | b"content"
            | b"filetext"
            | b"patch"
            | b"diff"
            | b"messages"
            | b"prompt"
            | b"prompts"
            | b"completion"
            | b"completions"
            | b"response"
            | b"output"
            | b"stdout"
            | b"stderr"
            | b"text"
            | b"body"
            | b"thinking"
            | b"result"
    )
}

/// Words that say how a value is written or where it is used, not what it is.
pub(crate) fn is_filler(word: &[u8]) -> bool {
    listed(
        word,
        "value val values raw plain plaintext clear cleartext b64 base64 encoded pem data prod \
         production dev development test testing staging stage live sandbox old new current previous confirm \
         confirmation again repeat env1",
    )
}

/// Words in front that make a setting, a count or a question of the rest.
pub(crate) fn is_benign_first(word: &[u8]) -> bool {
    listed(
        word,
        "is has have use uses using require requires required show hide max min num n total enable enables enabled \
         disable disabled allow allows skip should can must count validate check verify toggle forgot needs supports \
         ignore avg mean sum with without",
    )
}

/// Last words that say that the value is about a secret and is none.
pub(crate) fn is_benign_last(word: &[u8]) -> bool {
    listed(
        word,
        "count counts type types limit limits name names url urls uri uris endpoint endpoints length len policy \
         policies id ids required require expiry expires expire expiration exp ttl timeout timeouts enabled disabled \
         mode method methods provider providers level levels file files filename path paths dir directory format size \
         sizes min max used usage budget rate rates index idx hint hints label labels field fields form input inputs \
         prompt reset strength rule rules regex pattern validator validation store manager service server host port \
         version status help title description placeholder class schema algorithm alg algo kind source scope scopes at \
         date time timestamp age days hours minutes seconds ms column columns table ref refs reference arn location \
         region strategy scheme flow config settings options handler callback error errors success attempts retries \
         retry history exists set changed updated created valid verified present missing supported allowed needed \
         visible hidden position start end estimate cost price total in out per window percent ratio remaining saved \
         cached detail details generator encoder decoder parser issuer audience var variable vars less ish ized ize \
         rotation lifetime interval interface module plugin plugins package middleware controller component view page \
         screen dialog button link icon text1 message messages msg msgs bytes chars char words word family domain \
         domains realm user username email client clients guard hook hooks helper helpers util utils api sdk library",
    )
}

/// Words that name a secret wherever they stand in a key.
pub(crate) fn is_strong(word: &[u8]) -> bool {
    listed(
        word,
        "password passwords passwd passwort passphrase passphrases passcode passcodes secret secrets apikey apikeys \
         credential credentials creds privatekey secretkey accesskey accesstoken refreshtoken authtoken clientsecret",
    ) || has_strong_end(word)
}

fn has_strong_end(word: &[u8]) -> bool {
    [
        "password",
        "passwd",
        "passphrase",
        "apikey",
        "secretkey",
        "accesskey",
        "privatekey",
        "authtoken",
        "accesstoken",
        "secret",
    ]
    .iter()
    .any(|end| word.ends_with(end.as_bytes()))
}

/// The class of a key by its last segment and the one before it.
pub(crate) fn head(last: &[u8], before: &[u8]) -> KeyClass {
    match last {
        b"token" if is_model_token(before) => KeyClass::PLAIN,
        b"tokens" if is_model_token(before) => KeyClass::PLAIN,
        b"tokens" => KeyClass::TOKENS,
        b"key" | b"keys" => key_class(before),
        b"code" | b"codes"
            if listed(
                before,
                "backup recovery security verification auth authorization otp mfa pin card access activation pairing totp",
            ) =>
        {
            KeyClass::SECRET
        }
        b"string" | b"str" if listed(before, "connection conn dsn") => KeyClass::SECRET,
        b"header" | b"headers" if listed(before, "auth authorization cookie") => KeyClass::SECRET,
        b"phrase" if listed(before, "pass seed recovery secret mnemonic") => KeyClass::SECRET,
        b"word" if before == b"pass" => KeyClass::SECRET,
        b"signature" | b"sig" | b"hmac" => KeyClass::MAYBE,
        _ if is_strong(last) || listed(last, SECRET_HEADS) || is_glued_pass(last) => {
            KeyClass::SECRET
        }
        _ if listed(last, TOKEN_HEADS) || glued_token(last) => KeyClass::TOKEN,
        _ => KeyClass::PLAIN,
    }
}

const SECRET_HEADS: &str = "pwd otp totp pin cvv cvc cvv2 ssn mnemonic htpasswd connectionstring connstr passkey \
    masterkey encryptionkey signingkey sshkey backupcodes recoverycodes seedphrase securitycode";
const TOKEN_HEADS: &str = "token auth authorization bearer jwt cookie cookies csrf xsrf cred pass oauth sessiontoken \
    sessionkey setcookie authkey accountkey sharedkey licensekey";

fn is_model_token(before: &[u8]) -> bool {
    listed(
        before,
        "max min num total input output prompt completion cached cache reasoning thinking used next previous prev page \
         continuation sync cursor pad eos bos unk start end stop special first last mask sep cls added bad suppress \
         forced per image audio text n current extra vocab budget target context write read creation generated new \
         remaining estimated",
    )
}

fn key_class(before: &[u8]) -> KeyClass {
    if listed(
        before,
        "api access secret private auth encryption encrypt decryption signing sign master account shared ssh deploy \
         service storage subscription consumer admin session ssl tls pgp gpg license licence recovery webhook app \
         application functions client server symmetric hmac crypto wallet age vault root unseal psk wpa preshared",
    ) {
        return KeyClass::SECRET;
    }
    if before.is_empty()
        || listed(
            before,
            "primary foreign sort partition cache idempotency public publishable pub row hash range map dict object s3 \
         lookup index group join unique config composite candidate natural surrogate alternate routing sharding shard \
         dedup dedupe hot short modifier arrow function enter return escape shift control ctrl alt meta tab delete \
         backspace space any every each same json yaml context i18n translation message locale query param parameter \
         attribute property prop item record entity field column data storage1 registry step job task build state \
         order sorting ordering filter search trace metric label tag setting option feature flag event topic",
        )
    {
        return KeyClass::PLAIN;
    }
    KeyClass::MAYBE
}

fn is_glued_pass(word: &[u8]) -> bool {
    let Some(front) = word.strip_suffix(b"pass") else {
        return false;
    };
    listed(
        front,
        "db user smtp mail admin root ftp http proxy ssh my pg mysql redis ldap imap svn keystore truststore key store",
    )
}

fn glued_token(word: &[u8]) -> bool {
    let Some(front) = word.strip_suffix(b"token") else {
        return false;
    };
    !front.is_empty() && !is_model_token(front)
}
