//! Numbers as JSON writes them.

use super::Encoder;

impl Encoder<'_> {
    /// Writes an integer.
    pub fn int(&mut self, value: i64) {
        let mut digits = itoa::Buffer::new();
        self.number(digits.format(value));
    }

    /// Writes an unsigned integer.
    pub fn uint(&mut self, value: u64) {
        let mut digits = itoa::Buffer::new();
        self.number(digits.format(value));
    }

    /// Writes a float; what JSON cannot say becomes `[NaN]`, `[Infinity]` or `[-Infinity]`.
    pub fn float(&mut self, value: f64) {
        if let Some(thousandths) = thousandths(value) {
            return self.measured(thousandths);
        }
        if value.is_finite() {
            let mut digits = zmij::Buffer::new();
            return self.number(digits.format_finite(value));
        }
        self.marker(if value.is_nan() {
            "[NaN]"
        } else if value > 0.0 {
            "[Infinity]"
        } else {
            "[-Infinity]"
        });
    }

    /// Writes a float that is so many thousandths, as the shortest text that reads back as it.
    fn measured(&mut self, thousandths: u64) {
        let mut digits = itoa::Buffer::new();
        let mut text = [0; 24];
        let whole = digits.format(thousandths / 1_000).as_bytes();
        text[..whole.len()].copy_from_slice(whole);
        let fraction = (thousandths % 1_000) as u32;
        let digit = |place: u32| b'0' + (fraction / place % 10) as u8;
        text[whole.len()..whole.len() + 4].copy_from_slice(&[b'.', digit(100), digit(10), digit(1)]);
        // One digit stays behind the point.
        let kept =
            if fraction.is_multiple_of(10) { 1 + usize::from(!fraction.is_multiple_of(100)) } else { 3 };
        self.number_bytes(&text[..whole.len() + 1 + kept]);
    }

    /// Writes microseconds as milliseconds: `45`, `45.2`, `0.012`.
    pub fn millis(&mut self, us: u64) {
        let mut digits = itoa::Buffer::new();
        self.raw(digits.format(us / 1_000).as_bytes());
        let fraction = us % 1_000;
        if fraction > 0 {
            let digit = |place: u64| b'0' + (fraction / place % 10) as u8;
            self.raw(&[b'.', digit(100), digit(10), digit(1)]);
            let ours = self.buffer.out.iter().rev().take_while(|digit| **digit == b'0').count();
            self.buffer.out.truncate(self.buffer.out.len() - ours);
        }
    }
}

/// A float as thousandths, where it is the nearest one to such a number. Numbers of so few digits have one float each:
/// no shorter text reads back as it.
#[inline]
fn thousandths(value: f64) -> Option<u64> {
    if !(0.001..1e11).contains(&value) {
        return None;
    }
    let thousandths = (value * 1e3 + 0.5) as u64;
    ((thousandths as f64 / 1e3).to_bits() == value.to_bits()).then_some(thousandths)
}

#[cfg(test)]
mod tests {
    use super::super::{Buffer, Limits};
    use super::*;
    use crate::redact::{Policy, Redactor};
    use crate::summary::Millis;
    use proptest::prelude::*;

    fn written(write: impl FnOnce(&mut Encoder<'_>)) -> String {
        let redactor = Redactor::new(&Policy::default()).unwrap();
        let mut buffer = Buffer::default();
        write(&mut Encoder::new(&redactor, &mut buffer, Limits::NONE));
        String::from_utf8(buffer.out).unwrap()
    }

    fn shortest(value: f64) -> String {
        zmij::Buffer::new().format_finite(value).to_owned()
    }

    #[test]
    fn floats_of_few_digits_are_written_as_all_others() {
        let edges =
            [0.001, 0.0015, 0.01, 0.1, 0.3, 1.0, 45.2, 35.0, 3500.0, 99.999, 1e10, 99_999_999_999.999];
        for value in edges.into_iter().chain((0..30_000u32).map(|n| f64::from(n) / 1e3)) {
            assert_eq!(written(|encoder| encoder.float(value)), shortest(value));
        }
    }

    #[test]
    fn microseconds_are_written_as_the_summary_writes_them() {
        for us in [0, 1, 10, 12, 100, 999, 1_000, 45_200, 45_001, 3_600_000_000] {
            assert_eq!(written(|encoder| encoder.millis(us)), Millis(us).to_string());
        }
    }

    proptest! {
        #[test]
        fn floats_are_the_shortest_that_read_back(value in -1e12f64..1e12, digits in 0i32..8) {
            for value in [value, (value * 10f64.powi(digits)).round() / 10f64.powi(digits)] {
                prop_assert_eq!(written(|encoder| encoder.float(value)), shortest(value));
            }
        }
    }
}
