//! Check digits of ids, as their issuers publish them. Digits come as values from 0 to 9.

use super::bank::luhn;

/// How the weighted sum of the digits in front relates to the last digit.
#[derive(Clone, Copy)]
enum Check {
    /// The sum over all digits is a multiple of 11.
    Divides,
    /// The rest is the last digit; 10 counts as 0.
    Rest,
    /// What is missing to the modulus is the last digit; 10 counts as 0.
    Missing(u32),
}

/// Ids with one weighted check digit: their weights and how they check.
const WEIGHTED: &[(&[u8], Check)] = &[
    // Netherlands: BSN (the last weight is -1, which is 10 modulo 11).
    (&[9, 8, 7, 6, 5, 4, 3, 2, 10], Check::Divides),
    // Australia: TFN.
    (&[1, 4, 3, 7, 5, 8, 6, 9, 10], Check::Divides),
    // Portugal: NIF.
    (&[9, 8, 7, 6, 5, 4, 3, 2], Check::Missing(11)),
    // Greece: AFM.
    (&[3, 7, 9, 10, 5, 8, 4, 2], Check::Rest),
    // New Zealand: IRD.
    (&[3, 2, 7, 6, 5, 4, 3, 2], Check::Missing(11)),
    // Poland: REGON, NIP.
    (&[8, 9, 2, 3, 4, 5, 6, 7], Check::Rest),
    (&[6, 5, 7, 2, 3, 4, 5, 6, 7], Check::Rest),
    // United Kingdom: NHS number. Bulgaria: EGN. Russia: INN of companies.
    (&[10, 9, 8, 7, 6, 5, 4, 3, 2], Check::Missing(11)),
    (&[2, 4, 8, 5, 10, 9, 7, 3, 6], Check::Rest),
    (&[2, 4, 10, 3, 5, 9, 4, 6, 8], Check::Rest),
    // Ukraine: RNOKPP. Iceland: kennitala, whose ninth digit checks.
    (&[10, 5, 7, 9, 4, 6, 10, 5, 7], Check::Rest),
    // Poland: PESEL. Argentina: CUIT.
    (&[1, 3, 7, 9, 1, 3, 7, 9, 1, 3], Check::Missing(10)),
    (&[5, 4, 3, 2, 7, 6, 5, 4, 3, 2], Check::Missing(11)),
    // Japan: My Number.
    (&[6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2], Check::Missing(11)),
    // Romania: CNP. Slovenia and its neighbours: EMŠO, JMBG. Switzerland: AHV (EAN-13).
    (&[2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9], Check::Rest),
    (&[7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2], Check::Missing(11)),
    (&[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3], Check::Missing(10)),
];

fn sum(digits: &[u8], weights: &[u8]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| u32::from(*digit) * u32::from(*weight)).sum()
}

fn weighted(digits: &[u8], weights: &[u8], check: Check) -> bool {
    let Some((last, front)) = digits.split_last() else { return false };
    let last = u32::from(*last);
    match check {
        Check::Divides => digits.len() == weights.len() && sum(digits, weights).is_multiple_of(11),
        Check::Rest => front.len() == weights.len() && sum(front, weights) % 11 % 10 == last,
        Check::Missing(modulus) => {
            front.len() == weights.len() && (modulus - sum(front, weights) % modulus) % modulus % 10 == last
        }
    }
}

/// Whether the digits pass the check of any country's id of this length.
pub(super) fn any(digits: &[u8]) -> bool {
    let special = match digits.len() {
        11 => {
            cpf(digits)
                || steuer_id(digits)
                || tckn(digits)
                || norwegian(digits)
                || baltic(digits)
                || belgian(digits)
        }
        12 => verhoeff(digits),
        14 => cnpj(digits),
        15 => french(digits),
        _ => false,
    };
    (9..=16).contains(&digits.len())
        && (special
            || (digits.len() >= 9 && luhn(digits))
            || WEIGHTED.iter().any(|(weights, check)| weighted(digits, weights, *check)))
}

/// Brazil: CPF.
pub(super) fn cpf(digits: &[u8]) -> bool {
    let check = |length: usize| {
        let weights: [u8; 11] = std::array::from_fn(|i| (length + 1).saturating_sub(i) as u8);
        let rest = sum(&digits[..length], &weights) * 10 % 11 % 10;
        rest == u32::from(digits[length])
    };
    digits.len() == 11 && digits.iter().any(|d| *d != digits[0]) && check(9) && check(10)
}

/// Brazil: CNPJ.
pub(super) fn cnpj(digits: &[u8]) -> bool {
    const WEIGHTS: [u8; 13] = [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2];
    let check = |length: usize| {
        let rest = sum(&digits[..length], &WEIGHTS[13 - length..]) % 11;
        (if rest < 2 { 0 } else { 11 - rest }) == u32::from(digits[length])
    };
    digits.len() == 14 && check(12) && check(13)
}

/// Germany: Steuer-ID, Croatia: OIB (ISO 7064, modulus 11,10).
pub(super) fn steuer_id(digits: &[u8]) -> bool {
    let product = digits[..digits.len() - 1].iter().fold(10, |product, digit| {
        let sum = (u32::from(*digit) + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    (11 - product) % 10 == u32::from(digits[digits.len() - 1])
}

/// Turkey: T.C. kimlik numarası.
pub(super) fn tckn(digits: &[u8]) -> bool {
    let at = |start: usize| (start..9).step_by(2).map(|i| u32::from(digits[i])).sum::<u32>();
    let tenth = (at(0) * 7 + 100 - at(1)) % 10;
    let last = (at(0) + at(1) + u32::from(digits[9])) % 10;
    digits[0] != 0 && tenth == u32::from(digits[9]) && last == u32::from(digits[10])
}

/// Norway: fødselsnummer.
fn norwegian(digits: &[u8]) -> bool {
    sum(digits, &[3, 7, 6, 1, 8, 9, 4, 5, 2, 1]).is_multiple_of(11)
        && sum(digits, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
}

/// Estonia and Lithuania: isikukood, asmens kodas.
fn baltic(digits: &[u8]) -> bool {
    let first = sum(digits, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 1]) % 11;
    let rest = if first < 10 { first } else { sum(digits, &[3, 4, 5, 6, 7, 8, 9, 1, 2, 3]) % 11 % 10 };
    rest == u32::from(digits[10])
}

/// Belgium: rijksregisternummer.
pub(super) fn belgian(digits: &[u8]) -> bool {
    let number = |digits: &[u8]| digits.iter().fold(0u64, |n, digit| n * 10 + u64::from(*digit));
    let (front, check) = (number(&digits[..9]), number(&digits[9..]));
    check == 97 - front % 97 || check == 97 - (front + 2_000_000_000) % 97
}

/// France: NIR (without the letters of Corsica).
fn french(digits: &[u8]) -> bool {
    let number = |digits: &[u8]| digits.iter().fold(0u64, |n, digit| n * 10 + u64::from(*digit));
    matches!(digits[0], 1 | 2) && 97 - number(&digits[..13]) % 97 == number(&digits[13..])
}

/// India: Aadhaar.
pub(super) fn verhoeff(digits: &[u8]) -> bool {
    const PERMUTED: [[u8; 10]; 8] = [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        [1, 5, 7, 6, 2, 8, 3, 0, 9, 4],
        [5, 8, 0, 3, 7, 9, 6, 1, 4, 2],
        [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],
        [9, 4, 5, 3, 1, 2, 6, 8, 7, 0],
        [4, 2, 8, 6, 5, 7, 3, 9, 0, 1],
        [2, 7, 9, 3, 8, 0, 6, 4, 1, 5],
        [7, 0, 4, 6, 9, 1, 3, 2, 5, 8],
    ];
    // The product in the group of the symmetries of a pentagon.
    let times = |a: u8, b: u8| match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => (a + b - 5) % 5 + 5,
        (false, true) => (a - 5 + 5 - b) % 5 + 5,
        (false, false) => (a + 5 - b) % 5,
    };
    digits
        .iter()
        .rev()
        .enumerate()
        .fold(0, |product, (i, digit)| times(product, PERMUTED[i % 8][usize::from(*digit)]))
        == 0
}

/// Switzerland: AHV-Nummer, an EAN of the country 756.
pub(super) fn swiss(digits: &[u8]) -> bool {
    digits.starts_with(&[7, 5, 6])
        && weighted(digits, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3], Check::Missing(10))
}

/// Argentina: CUIT, CUIL.
pub(super) fn cuit(digits: &[u8]) -> bool {
    matches!(digits[..2], [2, 0 | 3 | 4 | 7] | [3, 0 | 3 | 4])
        && weighted(digits, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2], Check::Missing(11))
}

/// South Korea: the number of a resident.
pub(super) fn korean(digits: &[u8]) -> bool {
    weighted(digits, &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5], Check::Missing(11))
}

/// Chile: RUT; `check` is a digit or `K`.
pub(super) fn rut(digits: &[u8], check: u8) -> bool {
    let sum: u32 =
        digits.iter().rev().enumerate().map(|(i, digit)| u32::from(*digit) * (i as u32 % 6 + 2)).sum();
    b"0K987654321"[(sum % 11) as usize] == check.to_ascii_uppercase()
}

/// China: the id of a resident, 18 characters.
pub(super) fn chinese(id: &[u8]) -> bool {
    const WEIGHTS: [u8; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let values: [u8; 17] = std::array::from_fn(|i| id[i].wrapping_sub(b'0'));
    b"10X98765432"[(sum(&values, &WEIGHTS) % 11) as usize] == id[17].to_ascii_uppercase()
}

/// Spain: the letter of DNI and NIE behind their number.
pub(super) fn spanish(number: u32, letter: u8) -> bool {
    b"TRWAGMYFPDXBNJZSQVHLCKE"[(number % 23) as usize] == letter
}

/// Finland: the last sign of a henkilötunnus behind its nine digits.
pub(super) fn finnish(number: u32, sign: u8) -> bool {
    b"0123456789ABCDEFHJKLMNPRSTUVWXY"[(number % 31) as usize] == sign
}

/// Singapore: the letter of NRIC and FIN.
pub(super) fn singaporean(series: u8, digits: &[u8], letter: u8) -> bool {
    let sum = sum(digits, &[2, 7, 6, 5, 4, 3, 2])
        + match series {
            b'T' | b'G' => 4,
            b'M' => 3,
            _ => 0,
        };
    let letters = match series {
        b'S' | b'T' => b"JZIHGFEDCBA",
        b'M' => b"XWUTRQPNJLK",
        _ => b"XWUTRQPNMLK",
    };
    letters[(sum % 11) as usize] == letter
}

/// Hong Kong: the sign in brackets behind one letter and six digits.
pub(super) fn hong_kong(letter: u8, digits: &[u8], check: u8) -> bool {
    let total = 9 * 36 + 8 * u32::from(letter - b'A' + 10) + sum(digits, &[7, 6, 5, 4, 3, 2]);
    b"0123456789A"[((11 - total % 11) % 11) as usize] == check
}

#[cfg(test)]
mod tests {
    use super::*;

    type Checks = [(fn(&[u8]) -> bool, &'static str); 12];

    fn digits(text: &str) -> Vec<u8> {
        text.bytes().filter(u8::is_ascii_digit).map(|b| b - b'0').collect()
    }

    #[test]
    fn published_examples_pass_and_a_changed_digit_does_not() {
        let checks: Checks = [
            (cpf, "390.533.447-05"),
            (cnpj, "16.727.230/0001-97"),
            (steuer_id, "36 574 261 809"),
            (tckn, "17291716060"),
            (norwegian, "151086 95088"),
            (baltic, "36805280109"),
            (belgian, "85.07.30-033 28"),
            (french, "2 95 10 99 126 111 93"),
            (verhoeff, "2341 2341 2346"),
            (swiss, "756.9217.0769.85"),
            (cuit, "20-26756539-3"),
            (korean, "971013-9019902"),
        ];
        for (check, id) in checks {
            let mut id = digits(id);
            assert!(check(&id), "{id:?}");
            let place = id.len() - 4;
            id[place] = (id[place] + 1) % 10;
            assert!(!check(&id), "{id:?}");
        }
    }

    #[test]
    fn ids_with_one_weighted_digit_pass() {
        for id in [
            "111222333",
            "123456782",
            "501964843",
            "094259216",
            "8567346215",
            "9434765919",
            "7523169263",
            "7707083893",
            "44051401359",
            "20267565393",
            "123456789018",
            "1630615123457",
            "0101006500006",
            "7569217076985",
            "046454286",
        ] {
            assert!(any(&digits(id)), "{id}");
        }
        assert!(!any(&digits("12345678")) && !any(&digits("10000000000000000")));
    }

    #[test]
    fn ids_with_letters_pass() {
        assert!(rut(&digits("76086428"), b'5') && !rut(&digits("76086428"), b'6'));
        assert!(chinese(b"360426199101010071") && !chinese(b"360426199101010072"));
        assert!(spanish(54_362_315, b'K') && !spanish(54_362_315, b'L'));
        assert!(finnish(131_052_308, b'T') && !finnish(131_052_308, b'U'));
        assert!(singaporean(b'S', &digits("0000001"), b'I') && !singaporean(b'S', &digits("0000001"), b'J'));
        assert!(hong_kong(b'G', &digits("123456"), b'A') && !hong_kong(b'G', &digits("123456"), b'1'));
    }
}
