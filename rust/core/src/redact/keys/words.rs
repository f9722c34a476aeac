//! The vocabulary of key names: which words name a secret, and which say that a key only speaks about one.

use super::foreign::{self, Noun};
use super::names::{LONGEST, Packed};
use std::sync::LazyLock;

/// Names a secret wherever it stands in a key.
pub(crate) const STRONG: u16 = 1;
/// Names a secret as the last word.
pub(crate) const SECRET_HEAD: u16 = 1 << 1;
/// Names a token as the last word: short numbers under it count something.
pub(crate) const TOKEN_HEAD: u16 = 1 << 2;
/// Says how a value is written or where it is used, not what it is.
pub(crate) const FILLER: u16 = 1 << 3;
/// In front, makes a setting, a count or a question of the rest.
pub(crate) const BENIGN_FIRST: u16 = 1 << 4;
/// As the last word, says that the value is about a secret and is none.
pub(crate) const BENIGN_LAST: u16 = 1 << 5;
/// In front of `token`, makes a piece of text or a place in a list of it.
pub(crate) const TEXT_TOKEN: u16 = 1 << 6;
/// In front of `key`, makes a secret of it.
pub(crate) const SECRET_KEY: u16 = 1 << 7;
/// In front of `key`, makes a name in a mapping or a public key of it.
pub(crate) const PLAIN_KEY: u16 = 1 << 8;
/// In front of `code`, makes a secret of it.
pub(crate) const SECRET_CODE: u16 = 1 << 9;
/// In front of `pass` without a separator, as in `dbpass`.
pub(crate) const GLUED_PASS: u16 = 1 << 10;
/// A value that only repeats what a key says or stands in for one (`password: string`).
pub(crate) const STAND_IN: u16 = 1 << 11;

/// Names a secret only together with the word before it; the pairs are judged in `keys`.
pub(crate) const PAIRED: u16 = 1 << 12;

/// Can be the last word of a label of several words.
const ENDS_LABEL: u16 = 1 << 13;
/// What a name can end with that says anything at all about its value.
const TELLING: u16 = STRONG | SECRET_HEAD | TOKEN_HEAD | FILLER | PAIRED | ENDS_LABEL;
/// What a word can end with that names a secret.
const SECRETIVE: u16 = STRONG | SECRET_HEAD | TOKEN_HEAD | PAIRED;

const LISTS: [(u16, &str); 14] = [
    (
        ENDS_LABEL,
        "key keys code codes string phrase words word number no nr id passe acceso acesso acces accesso akses sandi laluan birth security \
    insurance name address plate license licence card fiscale coordinates date holder line ip phone wallet answer \
    header key2 signature token tokens identifier mobile location account pressed",
    ),
    (
        PAIRED,
        "key keys code codes string str header headers phrase words mnemonic word passe acceso acesso sandi laluan rsa dsa \
         ecdsa ed25519 sid verifier answer pat response material acces accesso akses klucz kulcs avain sleutel nyckel chave chiave kunci anahtar cheie jeton assertion signature sig hmac dsn webhook session sess ticket salt pepper link token \
         tokens",
    ),
    (
        STRONG,
        "password passwords passwd passwort passphrase passphrases passcode passcodes secret secrets apikey apikeys \
         credential credentials creds privatekey secretkey accesskey accesstoken refreshtoken authtoken clientsecret \
         kennwort contrasena senha motdepasse wachtwoord losenord lozinka adgangskode passord salasana haslo heslo \
         jelszo parola sifre parol mdp geslo parool zugangsdaten anmeldedaten credenziali identifiants kodeord tunnussana zaporka zugangscode toegangscode tilgangskode losungswort",
    ),
    (
        SECRET_HEAD,
        "pwd pw otp totp pin cvv cvc cvv2 mnemonic htpasswd connectionstring connstr passkey masterkey \
         encryptionkey signingkey sshkey backupcodes recoverycodes seedphrase securitycode psk parole userpw dbpw adminpw rootpw presharedkey unsealkey \
         sharedsecret userpass passwordhash pwdhash requirepass masterauth clave clavesecreta sandi authtok bindpw rootpw storepass keypass",
    ),
    (
        TOKEN_HEAD,
        "clavesecreta secreta segreta geheim geheimnis segreto secreto segredo hemlighet sekret token auth authorization bearer jwt cookie cookies csrf xsrf cred pass oauth sessiontoken sessionkey \
         setcookie sessionid authkey accountkey sharedkey licensekey phpsessid jsessionid sessid connectsid csrfmiddlewaretoken \
         authenticitytoken requestverificationtoken accesscode authcode",
    ),
    (
        FILLER,
        "value val values raw plain plaintext clear cleartext b64 base64 encoded pem data prod production dev \
         development test testing staging stage live sandbox old new current previous confirm confirmation again \
         repeat primary secondary main backup default base hash digest",
    ),
    (
        BENIGN_FIRST,
        "is has have use uses using require requires required show hide max min num n total enable enables enabled \
         disable disabled allow allows skip should can must count validate check verify toggle forgot needs supports \
         ignore avg mean sum with without no stdin",
    ),
    (
        BENIGN_LAST,
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
         screen dialog button link icon message messages msg msgs bytes chars char words word family domain domains \
         realm user username email client clients guard hook hooks api sdk library env exception test tests mock \
         example examples docs doc request response requests group groups list map dict cache needs protocol backend \
         frontend factory builder resolver fetcher loader hasher hashers parts rotation reuse scanning scanner scan alert alerts \
         match matches matcher command cmd stdin prefix suffix separator symbol literal tree stream value1 kwargs args failed failure",
    ),
    (
        TEXT_TOKEN,
        "max min num total input output prompt completion cached cache reasoning thinking used next previous prev page \
         continuation sync cursor pad eos bos unk start end stop special first last mask sep cls added bad suppress \
         forced per image audio text n current extra vocab budget target context write read creation generated new \
         remaining estimated count char byte word line comma paren brace keyword string number identifier operator lex \
         lexer parse parser syntax tree punctuation whitespace comment design cancellation cancel abort lookahead peek",
    ),
    (
        SECRET_KEY,
        "isakmp tacacs radius bgp ospf api access secret private storage auth encryption encrypt decryption decrypt signing sign master account shared ssh \
         deploy service subscription consumer admin session ssl tls license licence recovery webhook \
         functions symmetric hmac crypto age vault root unseal psk wpa preshared certificate cert product unlock activation jwt token cipher aes \
         rsa instrumentation ingest ingestion write server fernet wireguard",
    ),
    (
        PLAIN_KEY,
        "gpg pgp primary foreign sort partition cache idempotency public publishable pub row hash range map dict object s3 \
         lookup index group join unique config composite candidate natural surrogate alternate routing sharding shard \
         dedup dedupe hot short modifier arrow function enter return escape shift control ctrl alt meta tab delete \
         backspace space any every each same json yaml context i18n translation message locale query param parameter \
         attribute property prop item record entity site field column data registry step job task build state order \
         sorting ordering filter search trace metric label tag setting option feature flag event topic host by the a \
         this that of for in no is first last next prev new old current default sub super parent child node and or \
         with without match press on down up keyboard left right pressed",
    ),
    (
        SECRET_CODE,
        "backup recovery security verification auth authorization otp mfa pin card access activation pairing totp \
         2fa fa sms confirmation login factor unlock",
    ),
    (
        GLUED_PASS,
        "db user smtp mail admin root ftp http proxy ssh my pg mysql redis ldap imap svn keystore truststore key store \
         ssh sudo login srcstore deststore remote bind sasl become wifi vpn repo backup auth",
    ),
    (
        STAND_IN,
        "string str text varchar char bytes byte int integer number float double bool boolean object any unknown never \
         void null none nil undefined true false optional required option secretstr url uri uuid id example test \
         password passwd pass pwd secret token key apikey value val changeme change me todo tbd na default dummy sample \
         fake mock placeholder redacted hidden masked removed foo bar baz foobar qux abc xyz user username name your \
         my the here enter insert replace with this a an include omit same origin inherit shared basic bearer digest oauth oauth2 \
         jwt cookie session header query body form email login required missing invalid valid empty blank yes no on \
         off auto self this new old input output env environ environment file path raw plain clear credential \
         credentials auth authorization access refresh client api hash hashed encrypted encoded json \
         flag flags option options argument arguments eof not await function symbol external jeton geheimnis",
    ),
];

/// A fixed set of words with something said about each.
pub(crate) struct Vocabulary<V> {
    /// Each word in the place that its hash says, or behind it; half of them are free. Their number is a power of two.
    slots: Vec<Option<(Packed, V)>>,
    /// A bit for each combination of first letters, last letter and length that occurs: most words fail here.
    likely: Vec<u64>,
}

impl<V: Copy> Vocabulary<V> {
    /// Collects `words`; what is said twice about a word, `merge` makes one.
    pub(crate) fn new(
        words: impl Iterator<Item = (&'static str, V)>,
        merge: impl Fn(V, V) -> V,
    ) -> Vocabulary<V> {
        let words: Vec<_> = words.collect();
        let slots = vec![None; (2 * words.len() + 1).next_power_of_two()];
        let mut vocabulary = Vocabulary { slots, likely: vec![0; TRAITS / 64] };
        for (word, says) in words {
            debug_assert!(word.len() <= LONGEST_WORD && word.len() <= LONGEST);
            let bit = trait_bit(word.as_bytes());
            vocabulary.likely[bit / 64] |= 1 << (bit % 64);
            let word = Packed::of(word.as_bytes());
            let said = vocabulary.find(word).map_or(says, |before| merge(before, says));
            vocabulary.put(word, said);
        }
        vocabulary
    }

    fn put(&mut self, word: Packed, says: V) {
        let mut at = word.hash();
        loop {
            let last = self.slots.len() - 1;
            match &mut self.slots[at & last] {
                Some((known, _)) if *known != word => at += 1,
                slot => return *slot = Some((word, says)),
            }
        }
    }

    /// What is said about a lower-case word.
    #[inline]
    pub(crate) fn get(&self, word: &[u8]) -> Option<V> {
        self.is_likely(word).then(|| self.find(Packed::of(word))).flatten()
    }

    /// What is said about a word in any case.
    #[inline]
    pub(crate) fn get_any_case(&self, word: &[u8]) -> Option<V> {
        self.is_likely(word).then(|| self.find(Packed::of(word).lowered())).flatten()
    }

    #[inline]
    fn is_likely(&self, word: &[u8]) -> bool {
        if word.is_empty() || word.len() > LONGEST_WORD {
            return false;
        }
        let bit = trait_bit(word);
        self.likely[bit / 64] >> (bit % 64) & 1 == 1
    }

    fn find(&self, word: Packed) -> Option<V> {
        let mut at = word.hash();
        loop {
            match self.slots[at & (self.slots.len() - 1)] {
                Some((known, says)) if known == word => return Some(says),
                None => return None,
                _ => at += 1,
            }
        }
    }
}

const TRAITS: usize = 0x4000;
const LONGEST_WORD: usize = 28;
/// The longest word of [`ENDS_LABEL`].
const LONGEST_END: usize = 12;

fn trait_bit(word: &[u8]) -> usize {
    let letter = |at: usize| usize::from(word[at].to_ascii_lowercase());
    let (first, last) = (letter(0), letter(word.len() - 1));
    let second = if word.len() > 1 { letter(1) } else { 0 };
    (first * 31 + second * 217 + last * 1984 + word.len() * 5) % TRAITS
}

static WORDS: LazyLock<Vocabulary<u16>> = LazyLock::new(|| {
    let words = LISTS.iter().flat_map(|(flag, list)| list.split_ascii_whitespace().map(|word| (word, *flag)));
    Vocabulary::new(words, |before, flag| before | flag)
});

fn flagged(wanted: u16) -> impl Iterator<Item = &'static str> {
    let lists = LISTS.iter().filter(move |(flag, _)| flag & wanted != 0);
    lists.flat_map(|(_, list)| list.split_ascii_whitespace()).chain(STRONG_ENDS)
}

/// Every word of the vocabulary.
#[cfg(test)]
pub(crate) fn everything() -> impl Iterator<Item = &'static str> {
    flagged(u16::MAX)
}

/// The words that name a secret wherever they stand.
pub(crate) fn strong() -> impl Iterator<Item = &'static str> {
    flagged(STRONG)
}

/// The last words of names that say anything about a value.
pub(crate) fn telling() -> impl Iterator<Item = &'static str> {
    flagged(TELLING)
}

/// The last words of names that can say that a value is secret.
pub(crate) fn secretive() -> impl Iterator<Item = &'static str> {
    flagged(SECRETIVE)
}

/// The endings by which a word names a secret whatever letters stand in front of them.
pub(crate) fn glued() -> impl Iterator<Item = &'static str> {
    STRONG_ENDS.into_iter().chain(["pass", "token"])
}

/// All flags of a lower-case word.
pub(crate) fn flags(word: &[u8]) -> u16 {
    WORDS.get(word).unwrap_or(0)
}

/// Whether a lower-case word has one of `wanted`.
pub(crate) fn is(word: &[u8], wanted: u16) -> bool {
    flags(word) & wanted != 0
}

/// Whether a word in the text can be the last one of a label of several words: `api key`, `mot de passe`.
pub(crate) fn ends_label(word: &[u8]) -> bool {
    if !word.is_ascii() {
        return true;
    }
    word.len() <= LONGEST_END && WORDS.get_any_case(word).is_some_and(|flags| flags & ENDS_LABEL != 0)
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

/// Whether a word names a secret wherever it stands, also glued (`pgpassword`) and in other languages.
pub(crate) fn is_strong(word: &[u8]) -> bool {
    is(word, STRONG)
        || STRONG_ENDS.iter().any(|end| word.len() > end.len() && word.ends_with(end.as_bytes()))
        || (!word.is_ascii() && foreign::labels(word).any(|(noun, ..)| noun != Noun::Key))
}

const STRONG_ENDS: [&str; 10] = [
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
];
