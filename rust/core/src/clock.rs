//! Time: one monotonic reading per call, turned into wall-clock text without another system call.
//!
//! Where the system tells the time by the processor's ticks, we count them ourselves once we know how fast they go: that
//! takes 10 ns, asking the system 25. [`reanchor`] measures their rate, and goes back to asking where they have jumped.

use crate::ring::ticks;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const NANOS: u64 = 1_000_000_000;

/// Monotonic nanoseconds since this process first asked.
pub type Mono = u64;
/// Nanoseconds since 1970-01-01T00:00:00 UTC.
pub type Wall = u64;

/// Distance from [`Mono`] to [`Wall`], renewed by [`reanchor`].
static OFFSET: AtomicI64 = AtomicI64::new(0);

/// Nanoseconds of 2^32 ticks; 0 while it is not known.
static RATE: AtomicU64 = AtomicU64::new(0);
/// The ticks when this process first asked, once the rate is known.
static FIRST: AtomicU64 = AtomicU64::new(0);
/// How long ticks are counted before their rate is known: to one millionth then.
const MEASURED: Duration = Duration::from_millis(100);
/// Ticks that differ more than this from the system's time have jumped.
const JUMP: Duration = Duration::from_millis(50);

/// When this process first asked.
#[derive(Clone, Copy)]
struct Anchor {
    instant: Instant,
    /// None where ticks are no clock.
    ticks: Option<u64>,
}

impl Anchor {
    fn now() -> Anchor {
        if !ticks::are_trusted() {
            return Anchor { instant: Instant::now(), ticks: None };
        }
        let (instant, ticks) = beside(Instant::now);
        Anchor { instant, ticks: Some(ticks) }
    }

    /// By the system's clock.
    fn told(self) -> Mono {
        u64::try_from(self.instant.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// By the processor's clock.
    #[inline]
    fn counted(self, rate: u64) -> Mono {
        self.ticks.map_or_else(|| self.told(), |first| since(first, rate))
    }
}

/// Nanoseconds since the clock stood at `first`.
#[inline]
fn since(first: u64, rate: u64) -> Mono {
    ((u128::from(ticks::ticks().saturating_sub(first)) * u128::from(rate)) >> 32) as u64
}

fn anchor() -> Anchor {
    static ANCHOR: OnceLock<Anchor> = OnceLock::new();
    *ANCHOR.get_or_init(|| {
        OFFSET.store(wall_clock(), Ordering::Relaxed);
        Anchor::now()
    })
}

fn wall_clock() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// The monotonic clock now.
#[must_use]
#[inline]
pub fn now() -> Mono {
    // Whoever sees the rate sees what was stored before it.
    let rate = RATE.load(Ordering::Acquire);
    if rate == 0 { anchor().told() } else { since(FIRST.load(Ordering::Relaxed), rate) }
}

/// The wall-clock time of a monotonic reading of this process.
#[must_use]
pub fn wall(at: Mono) -> Wall {
    u64::try_from(OFFSET.load(Ordering::Relaxed)).unwrap_or(0).saturating_add(at)
}

/// Follows the system's wall clock again: after a suspend or a correction the two clocks have drifted apart.
pub fn reanchor() {
    watch_ticks();
    let elapsed = i64::try_from(now()).unwrap_or(i64::MAX);
    OFFSET.store(wall_clock().saturating_sub(elapsed), Ordering::Relaxed);
}

/// Learns the rate of the ticks, better each time, and gives them up where they are no clock.
fn watch_ticks() {
    static JUMPED: AtomicBool = AtomicBool::new(false);
    let (anchor, rate) = (anchor(), RATE.load(Ordering::Relaxed));
    let Some(first) = anchor.ticks.filter(|_| !JUMPED.load(Ordering::Relaxed)) else { return };
    if rate > 0 && u128::from(anchor.counted(rate).abs_diff(anchor.told())) > JUMP.as_nanos() {
        JUMPED.store(true, Ordering::Relaxed);
        RATE.store(0, Ordering::Relaxed);
    } else if anchor.instant.elapsed() > MEASURED {
        FIRST.store(first, Ordering::Relaxed);
        RATE.store(measured(anchor, first), Ordering::Release);
    }
}

/// The system's time and the ticks of the same moment. Of several looks at both the quickest: what comes between them is
/// an error.
fn beside<T>(tell: impl Fn() -> T) -> (T, u64) {
    let look = || {
        let before = ticks::ticks();
        let told = tell();
        let after = ticks::ticks();
        (after.wrapping_sub(before), told, before.midpoint(after))
    };
    let first = look();
    let (_, told, ticks) =
        (0..4).map(|_| look()).fold(first, |best, next| if next.0 < best.0 { next } else { best });
    (told, ticks)
}

/// The rate since the anchor.
fn measured(anchor: Anchor, first: u64) -> u64 {
    let (told, ticks) = beside(|| anchor.told());
    let rate = (u128::from(told) << 32).checked_div(ticks.saturating_sub(first).into()).unwrap_or(0);
    u64::try_from(rate).unwrap_or(0)
}

/// Length of the text that [`write_rfc3339`] writes.
pub const RFC3339_LEN: usize = 24;

/// The last second written as text, so that only milliseconds change between most events.
#[derive(Default)]
pub struct Rfc3339 {
    second: u64,
    text: [u8; RFC3339_LEN],
}

impl Rfc3339 {
    /// `2026-01-15T10:30:00.123Z` for a wall-clock time, in UTC.
    pub fn text(&mut self, wall: Wall) -> &[u8; RFC3339_LEN] {
        let second = wall / NANOS;
        if self.second != second || self.text[0] == 0 {
            self.text = whole_second(second);
            self.second = second;
        }
        let millis = wall % NANOS / 1_000_000;
        put_digits(&mut self.text[20..23], millis);
        &self.text
    }
}

/// `2026-01-15T10:30:00.123Z` for a wall-clock time, in UTC.
#[must_use]
pub fn rfc3339(wall: Wall) -> String {
    String::from_utf8_lossy(Rfc3339::default().text(wall)).into_owned()
}

/// The UTC day of a wall-clock time, in days since 1970-01-01.
#[must_use]
pub const fn day(wall: Wall) -> u32 {
    (wall / NANOS / 86_400) as u32
}

/// `2026-01-15` for a day since 1970-01-01.
#[must_use]
pub fn day_text(day: u32) -> String {
    let (year, month, day) = civil(u64::from(day));
    format!("{year:04}-{month:02}-{day:02}")
}

/// The day that [`day_text`] has written.
#[must_use]
pub fn parse_day(text: &str) -> Option<u32> {
    parse_rfc3339(&format!("{text}T00:00:00Z")).map(day)
}

/// Reads `2026-01-15T10:30:00[.fraction](Z|±hh:mm)` back to a wall-clock time.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<Wall> {
    let bytes = text.as_bytes();
    let field = |from: usize, len: usize| -> Option<u64> { text.get(from..from + len)?.parse().ok() };
    let separators = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
    if separators.iter().any(|(at, byte)| bytes.get(*at) != Some(byte)) || bytes.len() < 20 {
        return None;
    }
    let days = days_from_civil(field(0, 4)?, field(5, 2)?, field(8, 2)?)?;
    let (hour, minute, second) = (field(11, 2)?, field(14, 2)?, field(17, 2)?);
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (nanos, zone) = match text.get(19..)?.strip_prefix('.') {
        Some(rest) => {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            (fraction(&rest[..digits]), &rest[digits..])
        }
        None => (0, text.get(19..)?),
    };
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second;
    let shifted = i64::try_from(seconds).ok()?.checked_sub(zone_seconds(zone)?)?;
    u64::try_from(shifted).ok()?.checked_mul(NANOS)?.checked_add(nanos)
}

fn fraction(digits: &str) -> u64 {
    digits
        .bytes()
        .chain(std::iter::repeat(b'0'))
        .take(9)
        .fold(0, |sum, byte| sum * 10 + u64::from(byte - b'0'))
}

fn zone_seconds(zone: &str) -> Option<i64> {
    if matches!(zone, "Z" | "z") {
        return Some(0);
    }
    let sign = match zone.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    Some(sign * (hours.parse::<i64>().ok()? * 3_600 + minutes.parse::<i64>().ok()? * 60))
}

fn whole_second(second: u64) -> [u8; RFC3339_LEN] {
    let mut text = *b"0000-00-00T00:00:00.000Z";
    let (year, month, day) = civil(second / 86_400);
    let time = second % 86_400;
    put_digits(&mut text[0..4], year);
    put_digits(&mut text[5..7], month);
    put_digits(&mut text[8..10], day);
    put_digits(&mut text[11..13], time / 3_600);
    put_digits(&mut text[14..16], time / 60 % 60);
    put_digits(&mut text[17..19], time % 60);
    text
}

fn put_digits(place: &mut [u8], mut value: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

/// Year, month and day of a day since 1970-01-01 (proleptic Gregorian, eras of 400 years from March 1st).
const fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day_of_year - (153 * march_month + 2) / 5 + 1)
}

fn days_from_civil(year: u64, month: u64, day: u64) -> Option<u64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || year < 1970 {
        return None;
    }
    let shifted = if month <= 2 { year - 1 } else { year };
    let march_month = (month + 9) % 12;
    let day_of_year = (153 * march_month + 2) / 5 + day - 1;
    let year_of_era = shifted % 400;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(shifted / 400 * 146_097 + day_of_era - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_times() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(1_705_314_600_123 * 1_000_000), "2024-01-15T10:30:00.123Z");
        assert_eq!(rfc3339(1_709_164_799 * NANOS), "2024-02-28T23:59:59.000Z");
        assert_eq!(rfc3339(1_709_164_800 * NANOS), "2024-02-29T00:00:00.000Z");
        assert_eq!(parse_rfc3339("2024-01-15T10:30:00Z"), Some(1_705_314_600 * NANOS));
        assert_eq!(parse_rfc3339("2024-01-15T12:30:00.5+02:00"), Some(1_705_314_600 * NANOS + NANOS / 2));
        for broken in
            ["", "2024-01-15", "2024-13-15T10:30:00Z", "2024-01-15T25:30:00Z", "2024-01-15T10:30:00"]
        {
            assert_eq!(parse_rfc3339(broken), None, "{broken}");
        }
    }

    #[test]
    fn ticks_tell_the_time_of_the_system() {
        let anchor = Anchor::now();
        std::thread::sleep(MEASURED);
        if let Some(first) = anchor.ticks {
            let rate = measured(anchor, first);
            std::thread::sleep(MEASURED);
            let (before, counted, after) = (anchor.told(), anchor.counted(rate), anchor.told());
            assert!((before.saturating_sub(100_000)..after + 100_000).contains(&counted), "{counted}");
        }
    }

    #[test]
    fn time_goes_on_when_the_clock_is_changed() {
        let before = now();
        while anchor().instant.elapsed() <= MEASURED {
            std::thread::sleep(MEASURED);
        }
        reanchor();
        assert_eq!(RATE.load(Ordering::Relaxed) > 0, ticks::are_trusted());
        let (counted, told) = (now(), anchor().told());
        assert!(counted > before && told.abs_diff(counted) < JUMP.as_nanos() as u64);
    }

    #[test]
    fn one_clock_for_all() {
        let before = now();
        assert!(now() >= before);
        let drift = i64::try_from(wall(now())).unwrap() - wall_clock();
        assert!(drift.abs() < 1_000_000_000, "{drift}");
    }

    proptest! {
        #[test]
        fn text_reads_back(millis in 0u64..4_102_444_800_000) {
            let wall = millis * 1_000_000;
            prop_assert_eq!(parse_rfc3339(&rfc3339(wall)), Some(wall));
            prop_assert_eq!(&rfc3339(wall)[..10], day_text(day(wall)));
        }
    }
}
