//! Labels of personal data in 25 languages, and the words that link a label with its value.

use super::Datum;
use super::fold::Words;
use super::label::Ending;
use crate::redact::scan::letters::last_eight;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::LazyLock;

/// How many words a label has at most.
const LABEL_WORDS: usize = 6;
/// How many words may stand between a label and its value.
pub(super) const LINK_WORDS: usize = 4;
/// How many words a label has that ends with a particle.
const GLUED_WORDS: usize = 3;
/// Shorter words have no plural.
const SHORTEST_PLURAL: usize = 3;

#[rustfmt::skip]
const LABELS: [(Datum, &str); 14] = [
    (Datum::Phone,
        "phone|phone number|phone no|phone nr|mobile|mobile number|mobile phone|mobile no|cell|cell phone|cell number|telephone|telephone number|tel|tel no|tel nr|tel number|\
         fax|fax number|msisdn|whatsapp|contact number|home phone|work phone|landline|caller id|caller number|\
         telefon|telefonnummer|handy|handynummer|mobilnummer|mobiltelefon|mobil|rufnummer|festnetz|telefonnr|\
         téléphone|numéro de téléphone|portable|numéro de portable|teléfono|número de teléfono|móvil|celular|número de celular|\
         telefono|numero di telefono|cellulare|numero di cellulare|telefone|número de telefone|telemóvel|\
         telefoonnummer|telefoon|mobiel|mobiel nummer|gsm|puhelin|puhelinnumero|matkapuhelin|numer telefonu|komórka|telefon komórkowy|\
         telefonní číslo|mobilní telefon|telefón|telefónne číslo|telefonszám|mobilszám|număr de telefon|telefon mobil|\
         телефон|телефонен номер|мобилен|broj telefona|mobitel|telefon numarası|cep telefonu|cep|gsm no|τηλέφωνο|κινητό|τηλ|\
         номер телефона|мобильный|мобильный телефон|тел|номер телефону|мобільний|\
         电话|电话号码|手机|手机号|手机号码|联系电话|電話|電話號碼|手機|手機號碼|電話番号|携帯電話|携帯番号|携帯|전화|전화번호|휴대폰|휴대폰 번호|연락처|핸드폰|\
         هاتف|رقم الهاتف|الجوال|رقم الجوال|موبايل|טלפון|מספר טלפון|נייד|फ़ोन|फोन|फोन नंबर|मोबाइल|मोबाइल नंबर|điện thoại|số điện thoại|\
         telepon|nomor telepon|nomor hp|no hp|no telp"),
    (Datum::NationalId,
        "ssn|social security|social security number|social security no|tax id|tax number|tax no|tax identifier|tax identification number|taxpayer id|itin|ein|fein|\
         employer id|employer identification number|passport|passport number|passport no|passport nr|passport id|driver license|drivers license|driver s license|driving licence|\
         driving license|driving licence number|driving license number|driver licence|licence number|license number|license no|driver license number|drivers license number|\
         driver s license number|drivers license no|dl number|national id|national id number|national identity number|id number|id no|identity number|\
         identity card|identity card number|id card|id card number|personal id|personal number|personal identity number|national insurance|national insurance number|ni number|\
         nino|nhs|nhs number|nhs no|utr|social insurance number|social insurance|tax file number|ird number|medicare|medicare number|medicare no|medicare beneficiary identifier|mbi|\
         health insurance number|insurance number|insurance id|visa number|voter id|voters id|vehicle registration|account number|account no|bank account|bank account number|\
         routing number|sort code|vat number|vat no|vat id|vat reg no|license plate|licence plate|number plate|plate number|registration plate|chassis number|\
         resident registration number|social credit code|medical record number|mrn|patient id|\
         imei|imsi|vin|iccid|cpf|cnpj|cpf number|dni|aadhaar|aadhar|aadhaar number|aadhaar no|pan number|pan no|pan card|bsn|burgerservicenummer|codice fiscale|fiscal code|\
         pesel|nip|regon|steuer id|steuer idnr|steueridentifikationsnummer|steuernummer|steuer nr|idnr|ust id|ust idnr|ust id nr|umsatzsteuer id|\
         ausweisnummer|personalausweis|personalausweisnummer|ausweis nr|reisepass|reisepassnummer|passnummer|führerschein|führerscheinnummer|kontonummer|sozialversicherungsnummer|\
         svnr|sv nummer|rentenversicherungsnummer|krankenversicherungsnummer|versichertennummer|kennzeichen|ahv|ahv nummer|ahv nr|ahvnr|avs|numéro avs|\
         nir|numéro de sécurité sociale|numéro sécurité sociale|sécurité sociale|num secu|numero secu|carte d identité|numéro d identité|carte nationale d identité|passeport|\
         numéro de passeport|permis de conduire|numéro de permis|numéro fiscal|siren|siret|immatriculation|numéro de tva|\
         documento de identidad|documento|número de documento|número de identificación|número de identidad|pasaporte|número de pasaporte|cédula|cédula de identidad|rut|rut number|curp|\
         seguridad social|número de seguridad social|matrícula|cuit|cuil|nif|nie|cif|cuenta bancaria|número de cuenta|\
         carta d identità|numero di identità|numero carta d identità|passaporto|numero di passaporto|partita iva|patente|numero patente|targa|tessera sanitaria|\
         número de identidade|documento de identidade|passaporte|número do passaporte|número de contribuinte|contribuinte|cartão de cidadão|identidade|\
         identiteitsnummer|persoonsnummer|paspoort|paspoortnummer|rijbewijs|rijksregisternummer|rijksregister|identiteitskaart|rekeningnummer|btw nummer|kenteken|numéro national|\
         personnummer|samordningsnummer|körkort|kontonr|fødselsnummer|pasnummer|cpr nummer|cpr nr|cpr|cpr number|førerkort|organisasjonsnummer|organisationsnummer|\
         henkilötunnus|hetu|passin numero|ajokortti|tilinumero|y tunnus|\
         numer dowodu|dowód osobisty|numer dowodu osobistego|paszport|numer paszportu|prawo jazdy|numer konta|numer rachunku|\
         rodné číslo|číslo občanského průkazu|občanský průkaz|číslo pasu|číslo dokladu|číslo občianskeho preukazu|občiansky preukaz|číslo účtu|dič|\
         személyi szám|személyi igazolvány|személyi igazolvány szám|személyi igazolványszám|útlevél|útlevélszám|taj szám|taj|adóazonosító|adóazonosító jel|adószám|tajszám|bankszámlaszám|\
         cod numeric personal|cnp|carte de identitate|pașaport|număr pașaport|buletin|лична карта|егн|номер на лична карта|egn|\
         osobna iskaznica|broj osobne iskaznice|oib|putovnica|broj putovnice|jmbg|emšo|davčna številka|matična številka|\
         kimlik numarası|kimlik no|kimlik numaram|tc kimlik|tc kimlik no|tc kimlik numarası|t c kimlik numarası|t c kimlik no|tckn|tc no|pasaport|pasaport numarası|pasaport no|vergi numarası|vergi no|ehliyet no|\
         αριθμός ταυτότητας|ταυτότητα|αριθμός διαβατηρίου|διαβατήριο|αφμ|αμκα|amka|afm|\
         инн|снилс|номер паспорта|паспорт|серия и номер паспорта|загранпаспорт|водительское удостоверение|номер карты омс|іпн|рнокпп|номер паспорту|ідентифікаційний код|огрн|\
         身份证|身份证号|身份证号码|證件號碼|身分證|身分證字號|身分證號碼|身份證號碼|证件号码|护照|护照号|护照号码|護照號碼|驾驶证号|社保号|银行账号|银行卡号|车牌号|\
         マイナンバー|個人番号|パスポート番号|旅券番号|運転免許証番号|免許証番号|口座番号|保険証番号|주민등록번호|여권번호|여권 번호|운전면허번호|계좌번호|외국인등록번호|\
         رقم الهوية|الهوية|جواز السفر|رقم جواز السفر|رقم الحساب|الرقم القومي|תעודת זהות|מספר זהות|מספר תעודת זהות|דרכון|מספר דרכון|ת ז|\
         आधार|आधार संख्या|आधार नंबर|पासपोर्ट|पासपोर्ट नंबर|पासपोर्ट संख्या|पैन नंबर|số cmnd|cmnd|cccd|số cccd|số căn cước|căn cước công dân|hộ chiếu|số hộ chiếu|mã số thuế|\
         nik|nomor ktp|ktp|no ktp|paspor|nomor paspor|npwp|nomor induk kependudukan|\
         hkid|nric|fin number|nric fin|rrn|my number|isikukood|asmens kodas|personas kods|kennitala|pps|pps number|ppsn|pps no|fnr|ird|abn number|mf number|emso|sa id|sa id number|tfn|abn"),
    // Words of code and prose too: the value must have the form of an id that can be checked.
    (Datum::WeakId,
        "sin|tin|pan|fin|rfc|social|ird|pas|passi|konto|konto nr|rachunek|hesap|hesap no|conto|compte bancaire|счёт|vat|reg no"),
    (Datum::Birth,
        "dob|date of birth|birth date|birthdate|birthday|birth dt|born|born on|d o b|geburtsdatum|geburtstag|geboren|geboren am|geb am|geb|date de naissance|né le|née le|naissance|\
         fecha de nacimiento|fecha nacimiento|nacimiento|data di nascita|nato il|nata il|data de nascimento|nascimento|geboortedatum|geboren op|födelsedatum|född|fødselsdato|født|\
         syntymäaika|syntymäpäivä|data urodzenia|urodzony|urodzona|datum narození|narozen|dátum narodenia|születési dátum|születési idő|született|data nașterii|născut|\
         дата на раждане|datum rođenja|rođen|doğum tarihi|ημερομηνία γέννησης|дата рождения|родился|дата народження|出生日期|生日|出生年月日|生年月日|誕生日|생년월일|생일|\
         تاريخ الميلاد|תאריך לידה|जन्म तिथि|जन्मतिथि|जन्म दिनांक|ngày sinh|tanggal lahir|tgl lahir"),
    (Datum::Name,
        "first name|last name|full name|surname|given name|family name|middle name|maiden name|card holder|cardholder|cardholder name|card holder name|name on card|patient name|\
         customer name|mother s maiden name|mothers maiden name|emergency contact name|legal name|recipient name|account holder|account holder name|\
         nachname|vorname|vollständiger name|karteninhaber|kontoinhaber|nom complet|nom de famille|prénom|titulaire|nombre completo|apellidos|apellido|titular|\
         nome completo|cognome|sobrenome|achternaam|voornaam|volledige naam|förnamn|efternamn|fullständigt namn|fornavn|etternavn|efternavn|etunimi|sukunimi|koko nimi|\
         imię i nazwisko|nazwisko|jméno a příjmení|příjmení|meno a priezvisko|priezvisko|teljes név|vezetéknév|nume complet|prenume|име и фамилия|фамилия|ime i prezime|prezime|ad soyad|soyad|soyadı|adı soyadı|\
         ονοματεπώνυμο|фио|полное имя|прізвище|піб|姓名|氏名|お名前|성명|이름|الاسم الكامل|שם מלא|पूरा नाम|họ và tên|họ tên|nama lengkap"),
    (Datum::Address,
        "street|street address|home address|postal address|mailing address|billing address|shipping address|address line|residential address|delivery address|address|registered address|\
         current address|permanent address|full address|adresse|anschrift|wohnanschrift|lieferadresse|rechnungsadresse|straße|strasse|adresse postale|adresse de livraison|domicile|\
         dirección|domicilio|dirección de envío|calle|indirizzo|residenza|endereço|morada|adres|woonadres|adress|bostadsadress|osoite|kotiosoite|adres zamieszkania|adresa|bydliště|\
         lakcím|cím|domiciliu|адрес|адрес проживания|адреса|adresa stanovanja|διεύθυνση|地址|住址|家庭住址|收货地址|住所|주소|العنوان|כתובת|पता|địa chỉ|alamat"),
    (Datum::Geo,
        "lat|lng|lon|latitude|longitude|coordinates|coords|geolocation|lat lng|lat long|gps|gps coordinates|geo point|lat lon|gps location|gps position|geo|\
         koordinaten|coordonnées|coordenadas|coordinate|coördinaten|koordinater|koordinaatit|współrzędne|souřadnice|koordináták|координаты|koordinatlar|συντεταγμένες|坐标|座標|좌표|الإحداثيات|קואורדינטות|निर्देशांक|tọa độ|koordinat"),
    (Datum::Iban, "iban|iban number|iban no|iban nr|iban code|account iban"),
    (Datum::Card,
        "credit card|credit card number|credit card no|card number|card no|cc number|cc num|cc no|debit card|debit card number|visa card|mastercard|visa|amex|payment card|pan number|primary account number|\
         kreditkarte|kreditkartennummer|kartennummer|carte bancaire|carte de crédit|numéro de carte|tarjeta|tarjeta de crédito|número de tarjeta|carta di credito|numero di carta|numero carta|\
         cartão|cartão de crédito|número do cartão|kaartnummer|kortnummer|kreditkort|luottokortti|kortin numero|karta kredytowa|numer karty|karta|číslo karty|kreditní karta|bankkártya|kártyaszám|\
         număr card|кредитна карта|broj kartice|kart numarası|kredi kartı|πιστωτική κάρτα|αριθμός κάρτας|карта|номер карты|номер картки|信用卡|信用卡号|卡号|カード番号|クレジットカード|카드번호|신용카드|\
         رقم البطاقة|بطاقة الائتمان|כרטיס אשראי|מספר כרטיס|कार्ड नंबर|क्रेडिट कार्ड|số thẻ|thẻ tín dụng|nomor kartu|kartu kredit"),
    (Datum::Ip,
        "ip|ip address|ip addr|client ip|remote addr|remote ip|x forwarded for|forwarded for|source ip|peer ip"),
    (Datum::Mac, "mac|mac address|mac addr|hwaddr|hardware address|bssid|ethernet address"),
    (Datum::Wallet,
        "wallet|wallet address|bitcoin|bitcoin wallet|btc address|bitcoin address|eth address|ethereum address|crypto wallet|btc wallet|eth wallet|wallet id"),
    (Datum::Email,
        "email|e mail|email address|e mail address|mail address|e mail adresse|adresse e mail|adresse email|correo electrónico|indirizzo email|indirizzo e mail|endereço de email|endereço de e mail|\
         ηλεκτρονική διεύθυνση|البريد الإلكتروني|adres e mail|adres email|e posta adresi|e postadress|e mailadres|địa chỉ email|alamat email|адрес электронной почты|эл почта|邮箱地址|電子郵件地址|メールアドレス|이메일 주소|כתובת אימייל"),
    // What an address is of, where it is no person's.
    (Datum::Nothing,
        "memory address|base address|start address|end address|return address|load address|virtual address|physical address|listen address|bind address|server address|peer address|contract address|\
         mac id|block address|byte address|address offset|phone id|mobile id|device id|card id|card type|id of|process id|thread id|request id|session id|build id|user id|order id|run id|job id|trace id"),
];

/// Words between a label and its value: `number is`, `on file to`, `lautet`, `của tôi là`.
const LINKS: &str = "is was are to of the at as on file no nr num number numero nummer numer my for has been be with \
     lautet ist am est es jest er ar je e este to on ειναι ειναι е є mine del de n \
     la cua toi ban saya adalah anda 是 为 為 は が है मेरा का january february march april may june july august september \
     october november december jan feb mar apr jun jul aug sep oct nov dec";

/// A hash for a table that nobody but us fills.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Fnv {
        Fnv(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }
}

struct Labels {
    data: HashMap<Box<str>, Datum, BuildHasherDefault<Fnv>>,
    /// A set of hashes of the words that a label or a link may end with.
    ends: [u64; 512],
    /// The last eight letters of each of these words that is ASCII, the last one highest.
    last_words: Vec<u64>,
    links: Vec<Box<[u8]>>,
    /// Sets of the last four letters of labels and of links.
    label_tails: Tails,
    link_tails: Tails,
}

/// A set of up to four letters, by their hash; wrong about one in twenty.
struct Tails([u64; 256]);

impl Tails {
    const fn new() -> Tails {
        Tails([0; 256])
    }

    fn place(letters: u32) -> usize {
        (letters.wrapping_mul(0x9e37_79b1) >> 18) as usize
    }

    /// Notes the ending of a word; one that ends beyond ASCII is looked at anyway.
    fn add(&mut self, word: &[u8]) {
        let end = word.iter().rposition(|b| !b.is_ascii_digit()).map_or(0, |last| last + 1);
        if let Ending::Letters(letters) = Ending::of(word, end) {
            let place = Tails::place(letters);
            self.0[place / 64] |= 1 << (place % 64);
        }
    }

    #[inline]
    fn has(&self, letters: u32) -> bool {
        let place = Tails::place(letters);
        self.0[place / 64] >> (place % 64) & 1 == 1
    }
}

/// Whether the word with these last letters may end a label.
#[inline]
pub(super) fn label_ends(letters: u32) -> bool {
    ALL.label_tails.has(letters)
}

/// Whether the word with these last letters may link a label with its value.
#[inline]
pub(super) fn link_ends(letters: u32) -> bool {
    ALL.link_tails.has(letters)
}

static ALL: LazyLock<Labels> = LazyLock::new(|| {
    let mut all = Labels {
        data: HashMap::default(),
        ends: [0; 512],
        last_words: Vec::new(),
        links: Vec::new(),
        label_tails: Tails::new(),
        link_tails: Tails::new(),
    };
    for (datum, list) in &LABELS {
        for label in list.split('|') {
            let words = Words::of(label.as_bytes());
            let joined = words.tail(words.len());
            for word in [joined, words.word(words.len() - 1)] {
                all.note_end(word);
                all.note_last(word);
                all.label_tails.add(word);
                all.label_tails.add(&[word, b"s"].concat());
            }
            all.add(joined, *datum);
        }
    }
    for word in LINKS.split_ascii_whitespace() {
        let word: Box<[u8]> = Words::of(word.as_bytes()).word(0).into();
        all.note_end(&word);
        all.link_tails.add(&word);
        all.links.push(word);
    }
    all
});

/// Two places in the set of ends.
fn slots(word: &[u8]) -> [usize; 2] {
    let hash = word.iter().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0193)
    });
    [(hash >> 3) as usize & 0x7fff, (hash >> 17) as usize]
}

impl Labels {
    fn note_end(&mut self, word: &[u8]) {
        for slot in [slots(word), slots(&[word, b"s"].concat())].as_flattened() {
            self.ends[slot / 64] |= 1 << (slot % 64);
        }
    }

    /// Notes the last letters of a word and of its plural.
    fn note_last(&mut self, word: &[u8]) {
        let last = last_eight(word, word.len());
        if word.is_ascii() {
            self.last_words.extend([last, last >> 8 | u64::from(b's') << 56]);
        }
    }

    /// Adds a label and its plural.
    fn add(&mut self, joined: &[u8], datum: Datum) {
        let text = String::from_utf8_lossy(joined).into_owned();
        let plural = datum != Datum::WeakId && text.len() >= SHORTEST_PLURAL && !text.ends_with('s');
        if text.is_ascii() && plural {
            self.data.entry(format!("{text}s").into_boxed_str()).or_insert(datum);
        }
        self.data.entry(text.into_boxed_str()).or_insert(datum);
    }
}

/// Whether a label or a link may end with an ASCII word, in any case; wrong about one word in eighty.
pub(super) fn may_end(word: &[u8]) -> bool {
    let ends = &ALL.ends;
    slots(word).iter().all(|slot| ends[slot / 64] >> (slot % 64) & 1 == 1)
}

/// Every label in ASCII, without separators.
pub(crate) fn all() -> impl Iterator<Item = &'static str> {
    let labels = ALL.data.iter().filter(|(_, datum)| **datum != Datum::Nothing);
    labels.map(|(label, _)| &**label).filter(|label| label.is_ascii())
}

/// The last eight letters of each word in ASCII that a label may end with, the last one highest.
pub(crate) fn last_words() -> impl Iterator<Item = u64> {
    ALL.last_words.iter().copied()
}

/// The datum that a label names: folded, without separators.
fn exact(label: &[u8]) -> Option<Datum> {
    std::str::from_utf8(label).ok().and_then(|label| ALL.data.get(label)).copied()
}

/// The datum that the end of these words names; the longest label counts.
pub(super) fn of_words(words: &Words, count: usize) -> Option<Datum> {
    let glued =
        || (1..=GLUED_WORDS.min(count)).rev().find_map(|length| glued_label(words.tail_of(count, length)));
    (1..=LABEL_WORDS.min(count)).rev().find_map(|length| exact(words.tail_of(count, length))).or_else(glued)
}

/// The datum that the words in front of a value name, over the words that link them.
pub(super) fn before_value(words: &Words) -> Option<Datum> {
    let mut count = words.len();
    for _ in 0..=LINK_WORDS {
        if count == 0 {
            return None;
        }
        if let Some(datum) = of_words(words, count) {
            return Some(datum).filter(|datum| *datum != Datum::Nothing);
        }
        count -= 1;
        if !ALL.links.iter().any(|link| **link == *words.word(count)) {
            return None;
        }
    }
    None
}

/// Particles that scripts without spaces put behind a label: `手机号是`, `電話番号は`, `전화번호는`.
const PARTICLES: [&str; 14] =
    ["是", "为", "為", "は", "が", "を", "の", "는", "은", "이", "가", "를", "을", "로"];

/// A label at the end of a word of a script that writes words together or puts an article in front.
fn glued_label(word: &[u8]) -> Option<Datum> {
    let text = std::str::from_utf8(word).ok()?;
    if text.chars().next_back().is_none_or(|last| last < '\u{590}') {
        return None;
    }
    let stem = PARTICLES.iter().find_map(|particle| text.strip_suffix(particle)).unwrap_or(text);
    let starts = stem.char_indices().map(|(at, _)| at);
    let longest = stem.len().saturating_sub(36);
    starts.skip_while(|at| *at < longest).find_map(|at| ALL.data.get(&stem[at..]).copied())
}
