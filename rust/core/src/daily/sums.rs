//! Summaries added up, out of closing lines and out of the lines of a day's file, and written in one spelling.

use crate::encode::Enter;
use crate::encode::escape::quote_into;
use crate::encode::json::{Sink, parse_own};
use crate::summary::{BUCKET_ERROR, MAX_NAMES, OTHER, TOKENS};
use std::collections::{BTreeMap, HashMap};

/// Larger figures are no measurements: they come from damaged or hostile files.
const MOST: u64 = 1 << 53;
const COUNTERS: [&str; 8] = [
    "total_events",
    "succeeded",
    "failed",
    "cost_nano_usd",
    "priced",
    "errors",
    "interrupted",
    "duration_us",
];
/// The bucket of 2^53 µs is the 213th.
const BUCKETS: usize = 256;
#[derive(Clone, Debug, Default)]
pub(super) struct Histogram {
    count: u64,
    sum_us: u64,
    max_us: u64,
    /// Calls by bucket, as far as there are any.
    buckets: Vec<u64>,
}

impl Histogram {
    fn pour(&mut self, other: &Histogram) {
        self.count = self.count.saturating_add(other.count);
        self.sum_us = self.sum_us.saturating_add(other.sum_us);
        self.max_us = self.max_us.max(other.max_us);
        for (bucket, count) in other.buckets.iter().enumerate() {
            self.count_in(bucket, *count);
        }
    }

    fn count_in(&mut self, bucket: usize, count: u64) {
        if bucket >= self.buckets.len() {
            self.buckets.resize(bucket + 1, 0);
        }
        add(&mut self.buckets[bucket], count);
    }

    fn write(&self, out: &mut Vec<u8>) {
        write_members(
            out,
            [("count", self.count), ("sum_us", self.sum_us), ("max_us", self.max_us)].into_iter(),
        );
        out.pop();
        out.extend_from_slice(b",\"buckets\":");
        let counted = self.buckets.iter().enumerate().filter(|(_, count)| **count > 0);
        let named: Vec<(String, u64)> = counted.map(|(bucket, n)| (bucket.to_string(), *n)).collect();
        write_members(out, named.iter().map(|(name, n)| (name.as_str(), *n)));
        out.push(b'}');
    }
}

/// Histograms by name, in the order in which the names were met.
#[derive(Clone, Debug, Default)]
pub(super) struct ByName {
    places: HashMap<Box<str>, usize>,
    histograms: Vec<(Box<str>, Histogram)>,
}

impl ByName {
    fn place(&mut self, name: &str) -> usize {
        if let Some(place) = self.places.get(name) {
            return *place;
        }
        self.places.insert(name.into(), self.histograms.len());
        self.histograms.push((name.into(), Histogram::default()));
        self.histograms.len() - 1
    }

    /// Sorted by name; of too many names those with the most calls stay, the rest are poured together.
    fn bounded(&self) -> BTreeMap<&str, Histogram> {
        let mut own: Vec<&(Box<str>, Histogram)> =
            self.histograms.iter().filter(|(name, _)| &**name != OTHER).collect();
        own.sort_by(|(name, one), (other, two)| two.count.cmp(&one.count).then_with(|| name.cmp(other)));
        let rest = own.split_off(own.len().min(MAX_NAMES));
        let mut all: BTreeMap<&str, Histogram> =
            own.into_iter().map(|(name, histogram)| (&**name, histogram.clone())).collect();
        let others = self.histograms.iter().filter(|(name, _)| &**name == OTHER).chain(rest);
        for (_, histogram) in others {
            all.entry(OTHER).or_default().pour(histogram);
        }
        all
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        for (n, (name, histogram)) in self.bounded().into_iter().enumerate() {
            if n > 0 {
                out.push(b',');
            }
            quote_into(out, name);
            out.push(b':');
            histogram.write(out);
        }
        out.push(b'}');
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Overhead {
    events: u64,
    p50_us: f64,
    p99_us: f64,
    max_us: f64,
    over_budget: u64,
}

pub(super) type Counts = Vec<(Box<str>, u64)>;

/// Summaries added up.
#[derive(Clone, Debug, Default)]
pub(super) struct Sums {
    pub(super) counters: [u64; COUNTERS.len()],
    pub(super) by_type: Counts,
    pub(super) tokens: [u64; TOKENS.len()],
    dropped: Option<u64>,
    redactions: Option<Counts>,
    overheads: Vec<Overhead>,
    pub(super) durations: Option<(ByName, ByName)>,
}

impl Sums {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        write_members(out, COUNTERS.into_iter().zip(self.counters));
        out.pop();
        out.extend_from_slice(b",\"by_type\":");
        write_members(out, self.by_type.iter().map(|(name, n)| (&**name, *n)));
        out.extend_from_slice(b",\"tokens\":");
        write_members(out, TOKENS.into_iter().zip(self.tokens));
        if let Some(dropped) = self.dropped {
            out.extend_from_slice(format!(",\"dropped\":{dropped}").as_bytes());
        }
        if let Some(redactions) = &self.redactions {
            out.extend_from_slice(b",\"redactions\":");
            write_members(out, redactions.iter().map(|(name, n)| (&**name, *n)));
        }
        self.write_overhead(out);
        if let Some((tools, models)) = &self.durations {
            out.extend_from_slice(format!(",\"durations\":{{\"error\":{BUCKET_ERROR},\"tools\":").as_bytes());
            tools.write(out);
            out.extend_from_slice(b",\"models\":");
            models.write(out);
            out.push(b'}');
        }
        out.push(b'}');
    }

    /// Medians are weighted by events, since they cannot be merged exactly; the upper figures stay upper bounds.
    fn write_overhead(&self, out: &mut Vec<u8>) {
        let Some(first) = self.overheads.first() else { return };
        let weight: u64 = self.overheads.iter().map(|one| one.events).sum();
        let middle: f64 = self.overheads.iter().map(|one| one.events as f64 * one.p50_us).sum();
        let p50_us = match self.overheads.len() {
            1 => first.p50_us,
            _ if weight > 0 => (middle / weight as f64 * 1e3).round() / 1e3,
            _ => 0.0,
        };
        let most = |of: fn(&Overhead) -> f64| self.overheads.iter().map(of).fold(0.0, f64::max);
        let mut number = zmij::Buffer::new();
        for (name, value) in [
            (",\"overhead\":{\"p50_us\":", p50_us),
            (",\"p99_us\":", most(|one| one.p99_us)),
            (",\"max_us\":", most(|one| one.max_us)),
        ] {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(number.format_finite(value).as_bytes());
        }
        let over: u64 = self.overheads.iter().map(|one| one.over_budget).sum();
        out.extend_from_slice(format!(",\"over_budget\":{over}}}").as_bytes());
    }
}

fn write_members<'a>(out: &mut Vec<u8>, members: impl Iterator<Item = (&'a str, u64)>) {
    let mut digits = itoa::Buffer::new();
    out.push(b'{');
    for (n, (name, count)) in members.enumerate() {
        if n > 0 {
            out.push(b',');
        }
        quote_into(out, name);
        out.push(b':');
        out.extend_from_slice(digits.format(count).as_bytes());
    }
    out.push(b'}');
}

/// Where in a session's line, or in a closing line, the parser is.
#[derive(Clone, Copy, PartialEq)]
enum At {
    Root,
    Summary,
    ByType,
    Tokens,
    Redactions,
    Overhead,
    Durations,
    Tools,
    Models,
    Histogram { tools: bool, place: usize },
    Buckets { tools: bool, place: usize },
}

/// Reads `{"session_id":…,"agent":…,"incomplete":…,"summary":{…}}` and adds it to sums.
pub(super) struct Reader<'s> {
    sums: &'s mut Sums,
    at: Vec<At>,
    key: String,
    pub(super) session_id: Option<String>,
    pub(super) agent: Option<String>,
    pub(super) state: Option<String>,
    pub(super) incomplete: bool,
    pub(super) several_days: bool,
    seen: u32,
    events: u64,
    overhead: Option<Overhead>,
}

impl<'s> Reader<'s> {
    /// None where the text is not such an object with all counters.
    pub(super) fn read(sums: &'s mut Sums, text: &str) -> Option<Reader<'s>> {
        let mut reader = Reader {
            sums,
            at: Vec::new(),
            key: String::new(),
            session_id: None,
            agent: None,
            state: None,
            incomplete: false,
            several_days: false,
            seen: 0,
            events: 0,
            overhead: None,
        };
        parse_own(text, &mut reader).ok()?;
        if let Some(overhead) = reader.overhead.take() {
            reader.sums.overheads.push(Overhead { events: reader.events, ..overhead });
        }
        (reader.seen == (1 << COUNTERS.len()) - 1).then_some(reader)
    }

    fn inside(&mut self) -> Option<At> {
        let inner = match (*self.at.last()?, self.key.as_str()) {
            (At::Root, "summary") => At::Summary,
            (At::Summary, "by_type") => At::ByType,
            (At::Summary, "tokens") => At::Tokens,
            (At::Summary, "redactions") => At::Redactions,
            (At::Summary, "overhead") => At::Overhead,
            (At::Summary, "durations") => At::Durations,
            (At::Durations, "tools") => At::Tools,
            (At::Durations, "models") => At::Models,
            (at @ (At::Tools | At::Models), name) => {
                let (tools, models) = self.sums.durations.get_or_insert_default();
                let tools_now = at == At::Tools;
                let place = if tools_now { tools.place(name) } else { models.place(name) };
                At::Histogram { tools: tools_now, place }
            }
            (At::Histogram { tools, place }, "buckets") => At::Buckets { tools, place },
            _ => return None,
        };
        Some(inner)
    }

    fn histogram(&mut self, in_tools: bool, place: usize) -> Option<&mut Histogram> {
        let (tools, models) = self.sums.durations.as_mut()?;
        let by_name = if in_tools { tools } else { models };
        by_name.histograms.get_mut(place).map(|(_, histogram)| histogram)
    }

    fn counter(&mut self, count: u64, whole: bool) {
        if let Some(n) = COUNTERS.iter().position(|name| *name == self.key) {
            add(&mut self.sums.counters[n], count);
            self.seen |= u32::from(whole) << n;
            if n == 0 {
                self.events = count;
            }
        } else if self.key == "dropped" {
            add(self.sums.dropped.get_or_insert(0), count);
        }
    }

    fn bucket(&mut self, tools: bool, place: usize, count: u64) {
        // Larger ones are of no duration that a clock can tell.
        let digits = self.key.bytes().all(|digit| digit.is_ascii_digit());
        let Some(bucket) = self.key.parse().ok().filter(|bucket| digits && *bucket < BUCKETS) else { return };
        if let Some(histogram) = self.histogram(tools, place) {
            histogram.count_in(bucket, count);
        }
    }

    fn duration(&mut self, tools: bool, place: usize, count: u64) {
        let field = match self.key.as_str() {
            "count" => 0,
            "sum_us" => 1,
            "max_us" => 2,
            _ => return,
        };
        let Some(histogram) = self.histogram(tools, place) else { return };
        match field {
            0 => add(&mut histogram.count, count),
            1 => add(&mut histogram.sum_us, count),
            _ => histogram.max_us = histogram.max_us.max(count),
        }
    }

    fn overhead(&mut self, text: &str, count: u64) {
        let value = text.parse::<f64>().ok().filter(|value| (0.0..=MOST as f64).contains(value));
        let overhead = self.overhead.get_or_insert_default();
        match self.key.as_str() {
            "p50_us" => overhead.p50_us = value.unwrap_or(0.0),
            "p99_us" => overhead.p99_us = value.unwrap_or(0.0),
            "max_us" => overhead.max_us = value.unwrap_or(0.0),
            "over_budget" => overhead.over_budget = count,
            _ => {}
        }
    }
}

fn add(sum: &mut u64, count: u64) {
    *sum = sum.saturating_add(count);
}

fn add_named(counts: &mut Counts, name: &str, count: u64) {
    match counts.iter_mut().find(|(known, _)| &**known == name) {
        Some((_, sum)) => add(sum, count),
        None => counts.push((name.into(), count)),
    }
}

impl Sink for Reader<'_> {
    fn begin_object(&mut self) -> Enter {
        if self.at.is_empty() {
            self.at.push(At::Root);
            return Enter::Walk;
        }
        self.several_days |= self.at.last() == Some(&At::Summary) && self.key == "by_day";
        let Some(inner) = self.inside() else { return Enter::Skip };
        match inner {
            At::Durations => {
                self.sums.durations.get_or_insert_default();
            }
            At::Redactions => {
                self.sums.redactions.get_or_insert_default();
            }
            At::Overhead => self.overhead = Some(Overhead::default()),
            _ => {}
        }
        self.at.push(inner);
        Enter::Walk
    }
    fn begin_list(&mut self) -> Enter {
        Enter::Skip
    }
    fn end_object(&mut self) {
        self.at.pop();
    }
    fn end_list(&mut self) {}
    fn key(&mut self, key: &str) {
        key.clone_into(&mut self.key);
    }
    fn string(&mut self, text: &str, _: Option<&str>) {
        match (self.at.last(), self.key.as_str()) {
            (Some(At::Root), "session_id") => self.session_id = Some(text.to_owned()),
            (Some(At::Root), "agent") => self.agent = Some(text.to_owned()),
            (Some(At::Summary), "state") => self.state = Some(text.to_owned()),
            _ => {}
        }
    }
    fn number(&mut self, text: &str) {
        let whole = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        let count = text.parse().ok().filter(|count| *count <= MOST).unwrap_or(0);
        match self.at.last().copied() {
            Some(At::Summary) => self.counter(count, whole),
            Some(At::ByType) => add_named(&mut self.sums.by_type, &self.key, count),
            Some(At::Redactions) => {
                add_named(self.sums.redactions.get_or_insert_default(), &self.key, count);
            }
            Some(At::Tokens) => {
                if let Some(n) = TOKENS.iter().position(|name| *name == self.key) {
                    add(&mut self.sums.tokens[n], count);
                }
            }
            Some(At::Overhead) => self.overhead(text, count),
            Some(At::Histogram { tools, place }) => self.duration(tools, place, count),
            Some(At::Buckets { tools, place }) => self.bucket(tools, place, count),
            _ => {}
        }
    }
    fn bool(&mut self, value: bool) {
        if self.at.last() == Some(&At::Root) && self.key == "incomplete" {
            self.incomplete = value;
        }
    }
    fn null(&mut self) {}
    fn full(&self) -> bool {
        false
    }
    fn left_out(&mut self, _: usize) {}
}
