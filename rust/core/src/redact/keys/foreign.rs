//! Words for passwords, keys and codes in the languages of the world, and the words that link them to a value.

use super::words::Vocabulary;
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use std::sync::LazyLock;

/// What a label names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Noun {
    /// A password, passphrase or personal number.
    Pass,
    /// A code for access or confirmation: mostly digits.
    Code,
    /// A key, a token or a secret: it looks random.
    Key,
}

/// Labels beyond ASCII, in lower case; each stands for its forms with other endings.
#[rustfmt::skip]
const WIDE: [(Noun, &str); 3] = [
    (Noun::Pass,
     "contraseña|lösenord|hasło|hasła|hasłem|jelszó|jelszavá|şifre|parolă|парол|лозинк|лозинка|密码|密碼|口令|パスワード|パスフレーズ|\
      暗証番号|パスコード|비밀번호|암호|패스워드|पासवर्ड|कूटशब्द|গোপন|পাসওয়ার্ড|รหัสผ่าน|รหัสลับ|κωδικός|κωδικος|κωδικό|συνθηματικό|סיסמה|\
      סיסמא|סיסמת|كلمة المرور|كلمة مرور|كلمة السر|كلمة سر|الرمز السري|رمز سري|گذرواژه|گذر واژه|رمز عبور|رمز ورود|mật khẩu|slaptažod|lykilorð|\
      கடவுச்சொல்|phrase secrète|слово-пароль|пин-код|піn-код|пін-код|kľúčové heslo|přístupové heslo|密语|通关密语|暗号|кодовое слово"),
    (Noun::Code,
     "код доступ|код за достъп|رمز|код подтвержд|код підтвердж|přístupový kód|prístupový kód|hozzáférési kód|åtkomstkod|pääsykoodi|erişim kodu|\
      code d'accès|code d’accès|código de acces|código de acess|código de verific|kod dostępu|mã truy cập|mã xác|mã pin|رمز الدخول|رمز التحقق|\
      קוד גישה|קוד אימות|验证码|驗證碼|認証コード|確認コード|인증번호|인증 코드|κωδικός pin|रहस्य कोड|รหัส otp|doğrulama kodu|bestätigungscode|\
      vérification code|code de vérification|コード番号|动态码|校验码"),
    (Noun::Key,
     "ключ|кључ|schlüssel|clé|clef secrète|klíč|kľúč|ključ|nøkkel|nøgle|κλειδί|密钥|密鑰|金鑰|秘钥|私钥|令牌|秘密鍵|キー|トークン|シークレット|비밀키|비밀 키|\
      키|토큰|비밀|مفتاح|المفتاح|מפתח|कुंजी|रहस्य|khóa|คีย์|โทเค็น|کلید|توکن|токен|секрет|anahtarı|jetón|tajný|geheimschlüssel"),
];

/// Labels of ASCII letters that are no English words.
#[rustfmt::skip]
const PLAIN: [(Noun, &str); 3] = [
    (Noun::Pass,
     "password passwords passwort passworte passwd passphrase passcode kennwort losungswort contrasena contrasenya senha wachtwoord losenord \
      passord passordet adgangskode adgangskoden kodeord kodeordet salasana salasanani salasanan tunnussana haslo heslo hesla jelszo jelszava jelszavam jelszavad jelszavunk jelszavuk \
      creds credentials zugangsdaten parola lozinka lozinku zaporka sifre sifrem parol mdp geslo parool sandi sandinya pin psk otp pass-phrase palavra-passe passe passwoord passwordet lozinko clave"),
    (Noun::Code, "zugangscode toegangscode tilgangskode adgangskod passkod codigo"),
    (Noun::Key,
     "schluessel klucz kulcs kulcsa avain sleutel nyckel chave chiave cheie anahtar anahtari kunci jeton geheim geheimnis secreto segreto segredo \
      hemlighet token secret sekret zugangstoken api-nyckel api-avain api-kulcs api-sleutel"),
];

/// Words between a label and its value that say that the value follows.
#[rustfmt::skip]
const LINKS: &str =
    "is was ist lautet war est es era è é e sei är er on je to jest є е це это этo 是 为 為 は が 는 은 هو هي היא הוא είναι है คือ là adalah este esta está \
     são sono oli lyder heter egyenlő olarak است این becomes became equals be als comme som są zní znie bude será sarà wird είν 为： 是：";

/// How long the links are that start with each byte, one bit for each length.
static LINK_LENGTHS: [u32; 256] = {
    let links = LINKS.as_bytes();
    let mut lengths = [0; 256];
    let (mut start, mut at) = (0, 0);
    while at <= links.len() {
        if at == links.len() || links[at] == b' ' {
            if at > start {
                lengths[(links[start] | 0x20) as usize] |= 1 << (at - start);
            }
            start = at + 1;
        }
        at += 1;
    }
    lengths
};

/// No label beyond ASCII has more bytes, in any of its forms.
pub(crate) const LONGEST_LABEL: usize = 64;

struct WideLabels {
    automaton: AhoCorasick,
    nouns: Vec<Noun>,
}

/// Apart from the others: text of ASCII alone never asks for them.
static WIDE_LABELS: LazyLock<WideLabels> = LazyLock::new(|| {
    let mut nouns = Vec::new();
    let mut patterns = Vec::new();
    for (noun, list) in WIDE {
        for label in list.split('|').map(str::trim) {
            for form in forms(label) {
                patterns.push(form);
                nouns.push(noun);
            }
        }
    }
    let builder = AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .kind(Some(AhoCorasickKind::ContiguousNFA))
        .build(&patterns);
    match builder {
        Ok(automaton) => WideLabels { automaton, nouns },
        Err(error) => unreachable!("some hundred labels fit an automaton: {error}"),
    }
});

static PLAIN_LABELS: LazyLock<Vocabulary<Noun>> = LazyLock::new(|| {
    let plain = PLAIN.iter().flat_map(|(noun, list)| list.split_ascii_whitespace().map(|word| (word, *noun)));
    Vocabulary::new(plain, |_, new| new)
});

static LINK_WORDS: LazyLock<Vocabulary<()>> =
    LazyLock::new(|| Vocabulary::new(LINKS.split_ascii_whitespace().map(|word| (word, ())), |(), ()| ()));

/// A label as it is, with a capital, in capitals, and without its spaces, as in the name of a field.
fn forms(label: &str) -> Vec<String> {
    let mut letters = label.chars();
    let capital: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    let mut forms = vec![
        label.to_owned(),
        capital,
        label.to_uppercase(),
        label.replace([' ', '-'], ""),
        shouted_front(label),
    ];
    forms.sort_unstable();
    forms.dedup();
    forms
}

/// `ПИН-код`: the part before the dash in capitals.
fn shouted_front(label: &str) -> String {
    label
        .split_once('-')
        .map_or_else(|| label.to_owned(), |(front, back)| format!("{}-{back}", front.to_uppercase()))
}

/// The labels beyond ASCII in a text: what each names, where it starts and ends.
pub(crate) fn labels(text: &[u8]) -> impl Iterator<Item = (Noun, usize, usize)> {
    let labels = &*WIDE_LABELS;
    let hits = labels.automaton.find_iter(text);
    hits.map(|hit| (labels.nouns[hit.pattern().as_usize()], hit.start(), hit.end()))
}

/// What a word of ASCII letters names.
pub(crate) fn noun(word: &[u8]) -> Option<Noun> {
    (word.len() <= 16).then(|| PLAIN_LABELS.get_any_case(word)).flatten()
}

/// The words of ASCII letters, for those who decide which words are looked at.
pub(crate) fn plain_labels() -> impl Iterator<Item = &'static str> {
    PLAIN.iter().flat_map(|(_, list)| list.split_ascii_whitespace())
}

/// Whether a word says that the value follows.
pub(crate) fn links(word: &[u8]) -> bool {
    let Some(first) = word.first() else { return false };
    if LINK_LENGTHS[usize::from(first | 0x20)] >> word.len().min(31) & 1 == 0 {
        return false;
    }
    word.len() <= 16 && LINK_WORDS.get_any_case(word).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_beyond_ascii_is_found_by_such_a_letter_near_it() {
        for form in WIDE.iter().flat_map(|(_, list)| list.split('|')).flat_map(|label| forms(label.trim())) {
            // In capitals a dotless `ı` is ASCII.
            let near = !form.is_ascii() || noun(form.as_bytes()).is_some();
            assert!(near && form.len() <= LONGEST_LABEL, "{form}");
        }
    }

    #[test]
    fn labels_are_known_in_their_forms() {
        for (text, wanted) in [
            ("Пароль", Noun::Pass),
            ("КЛЮЧ", Noun::Key),
            ("contraseña", Noun::Pass),
            ("код доступа", Noun::Code),
            ("кoддоступа пароля", Noun::Pass),
            ("密码", Noun::Pass),
            ("Clé API", Noun::Key),
        ] {
            assert_eq!(labels(text.as_bytes()).next().map(|(noun, ..)| noun), Some(wanted), "{text}");
        }
        assert_eq!(noun(b"Heslo"), Some(Noun::Pass));
        assert_eq!(noun(b"hello"), None);
        assert!(links(b"ist") && links("är".as_bytes()) && !links(b"of"));
    }
}
