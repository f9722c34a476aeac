//! The checksum at the end of some tokens: CRC-32 of the rest, in six digits of base 62.

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const LENGTH: usize = 36;
const SUM: usize = 6;

/// Whether the last six characters are the checksum of the thirty before them.
pub(crate) fn closes(tail: &[u8]) -> bool {
    tail.len() == LENGTH && written(crc(&tail[..LENGTH - SUM])) == tail[LENGTH - SUM..]
}

fn crc(bytes: &[u8]) -> u32 {
    let sum = bytes.iter().fold(!0_u32, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg()))
    });
    !sum
}

fn written(mut sum: u32) -> [u8; SUM] {
    let mut digits = [b'0'; SUM];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(sum % 62) as usize];
        sum /= 62;
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_with_its_checksum_closes_and_no_other() {
        assert_eq!(crc(b"123456789"), 0xcbf4_3926);
        let body = b"abcdefghijklmnopqrstuvwxyzABCD";
        let mut tail = [body.as_slice(), &written(crc(body))].concat();
        assert!(closes(&tail));
        tail[3] = b'X';
        assert!(!closes(&tail) && !closes(body));
    }
}
