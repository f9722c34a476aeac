//! What an LLM call costs, where the agent does not say: from its tokens and a table of prices.
//!
//! An agent's own cost always wins, and a model that nobody knows costs nothing known: its cost is null, never 0.

mod table;

use crate::clock::Wall;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

/// The tokens of one call, as a trace counts them: `cached` and `written` are parts of `prompt`, `reasoning` of
/// `completion`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// All input tokens.
    pub prompt: u64,
    /// Input tokens read from the provider's cache.
    pub cached: u64,
    /// Input tokens written to it.
    pub written: u64,
    /// All output tokens.
    pub completion: u64,
    /// Output tokens that were thoughts.
    pub reasoning: u64,
}

/// What a million tokens of one kind cost, in billionths of a dollar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rate {
    base: u64,
    /// The rate for all tokens of a call with more input tokens than this, ascending.
    tiers: Vec<(u64, u64)>,
}

impl Rate {
    /// One rate for calls of any length.
    #[must_use]
    pub const fn flat(nano_usd: u64) -> Rate {
        Rate { base: nano_usd, tiers: Vec::new() }
    }

    fn at(&self, prompt: u64) -> u128 {
        u128::from(self.tiers.iter().rev().find(|(from, _)| prompt > *from).map_or(self.base, |tier| tier.1))
    }
}

/// A model's rates. Where a part has no rate of its own, it is billed with the whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// Input tokens.
    pub input: Option<Rate>,
    /// Output tokens.
    pub output: Option<Rate>,
    /// Input tokens read from the cache.
    pub cached: Option<Rate>,
    /// Input tokens written to the cache.
    pub written: Option<Rate>,
    /// Thoughts.
    pub reasoning: Option<Rate>,
    /// A thousand calls.
    pub calls: Option<Rate>,
}

impl Rates {
    /// The rate that the table calls so.
    fn named(&mut self, name: &str) -> Option<&mut Option<Rate>> {
        Some(match name {
            "in" => &mut self.input,
            "out" => &mut self.output,
            "read" => &mut self.cached,
            "write" => &mut self.written,
            "think" => &mut self.reasoning,
            "call" => &mut self.calls,
            _ => return None,
        })
    }

    /// The cost of one call in billionths of a dollar, rounded half to even; None where nothing of it has a rate, or
    /// its parts are more than the whole.
    #[must_use]
    pub fn cost(&self, usage: &Usage) -> Option<i64> {
        let part = |rate: &Option<Rate>, tokens: u64| if rate.is_some() { tokens } else { 0 };
        let (cached, written) = (part(&self.cached, usage.cached), part(&self.written, usage.written));
        let thoughts = part(&self.reasoning, usage.reasoning);
        let left = |whole: u64, parts: u64| whole.checked_sub(parts);
        let billed = [
            (&self.input, left(usage.prompt, cached.saturating_add(written))),
            (&self.output, left(usage.completion, thoughts)),
            (&self.cached, Some(cached)),
            (&self.written, Some(written)),
            (&self.reasoning, Some(thoughts)),
        ];
        let mut sum = self.calls.as_ref().map(|rate| rate.at(usage.prompt) * 1_000);
        for (rate, tokens) in billed {
            if let Some(rate) = rate {
                let cost = rate.at(usage.prompt).checked_mul(u128::from(tokens?))?;
                sum = Some(sum.unwrap_or(0).checked_add(cost)?);
            }
        }
        sum.and_then(|sum| i64::try_from(round_half_even(sum, 1_000_000)).ok())
    }
}

fn round_half_even(sum: u128, by: u128) -> u128 {
    let (whole, rest) = (sum / by, sum % by * 2);
    whole + u128::from(rest > by || rest == by && whole % 2 == 1)
}

/// When a price holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Always,
    /// From this moment on.
    Since(Wall),
    /// From one second of the day to another, over midnight where the second is earlier.
    Daily {
        from: u32,
        to: u32,
    },
}

impl When {
    fn holds(self, at: Wall) -> bool {
        match self {
            When::Always => true,
            When::Since(start) => at >= start,
            When::Daily { from, to } => {
                let second = (at / 1_000_000_000 % 86_400) as u32;
                if to < from { second >= from || second < to } else { (from..to).contains(&second) }
            }
        }
    }
}

/// Rates, and when they hold.
#[derive(Clone, Debug)]
struct Period {
    when: When,
    rates: Rates,
}

/// Prices that a user has given; they come before the table's.
#[derive(Debug, Default)]
pub struct Prices {
    /// By a model's name, or `provider/model`, in lower case; `*` is an open end.
    own: Vec<(String, Rates)>,
}

impl Prices {
    /// With these before the table's: the longest name that fits counts.
    #[must_use]
    pub fn new(mut own: Vec<(String, Rates)>) -> Prices {
        for (name, _) in &mut own {
            name.make_ascii_lowercase();
        }
        own.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        Prices { own }
    }

    /// What a call costs, in billionths of a dollar; None where nobody knows. `at` is when it began.
    #[must_use]
    pub fn cost(&self, provider: Option<&str>, model: &str, usage: &Usage, at: Wall) -> Option<i64> {
        if let Some(rates) = self.own_rates(provider, model) {
            return rates.cost(usage);
        }
        let known = known(provider, model)?;
        let holding = known.iter().rev().find(|period| period.when.holds(at)).or(known.first())?;
        holding.rates.cost(usage)
    }

    fn own_rates(&self, provider: Option<&str>, model: &str) -> Option<&Rates> {
        if self.own.is_empty() {
            return None;
        }
        let model = model.to_ascii_lowercase();
        let full = format!("{}/{model}", provider.unwrap_or("").to_ascii_lowercase());
        let fits = |name: &str| table::fits_pattern(name, &model) || table::fits_pattern(name, &full);
        self.own.iter().find(|(name, _)| fits(name)).map(|(_, rates)| rates)
    }
}

/// What the table says of a model, remembered.
fn known(provider: Option<&str>, model: &str) -> Option<Arc<[Period]>> {
    type Known = HashMap<Box<str>, Option<Arc<[Period]>>>;
    static KNOWN: LazyLock<RwLock<Known>> = LazyLock::new(RwLock::default);
    if model.len() + provider.map_or(0, str::len) > MOST_NAME {
        return None;
    }
    let mut name = Name::default();
    let key = name.of(provider, model);
    if let Some(known) = KNOWN.read().unwrap_or_else(PoisonError::into_inner).get(key) {
        return known.clone();
    }
    let lower = key.to_ascii_lowercase();
    let (provider, model) =
        lower.split_once('\0').map_or((None, lower.as_str()), |(of, model)| (Some(of), model));
    let found = table::find(provider, model).map(Arc::from);
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    // A program that makes names up must not fill the memory.
    if known.len() >= MOST_KNOWN {
        known.clear();
    }
    known.insert(key.into(), found.clone());
    found
}

/// The longest names of providers and models together: the table's have 61.
const MOST_NAME: usize = 200;
const MOST_KNOWN: usize = 1_000;

/// A provider's and a model's name as one, without an allocation.
struct Name([u8; MOST_NAME + 1]);

impl Default for Name {
    fn default() -> Name {
        Name([0; MOST_NAME + 1])
    }
}

impl Name {
    fn of(&mut self, provider: Option<&str>, model: &str) -> &str {
        let before = provider.map_or(0, |name| name.len() + 1);
        if let Some(name) = provider {
            self.0[..name.len()].copy_from_slice(name.as_bytes());
        }
        self.0[before..before + model.len()].copy_from_slice(model.as_bytes());
        std::str::from_utf8(&self.0[..before + model.len()]).unwrap_or("")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USAGE: Usage = Usage { prompt: 1_000, cached: 400, written: 0, completion: 100, reasoning: 50 };

    #[test]
    fn a_part_without_a_rate_is_billed_with_the_whole() {
        let rate = |dollars: u64| Some(Rate::flat(dollars * 1_000_000_000));
        let plain = Rates { input: rate(3), output: rate(15), ..Rates::default() };
        assert_eq!(plain.cost(&USAGE), Some(3_000_000 + 1_500_000));
        let cached = Rates { cached: rate(1), reasoning: rate(30), ..plain };
        assert_eq!(cached.cost(&USAGE), Some(1_800_000 + 400_000 + 750_000 + 1_500_000));
    }

    #[test]
    fn what_has_no_rate_or_more_parts_than_a_whole_has_no_cost() {
        assert_eq!(Rates::default().cost(&USAGE), None);
        let rates = Rates { input: Some(Rate::flat(1)), cached: Some(Rate::flat(1)), ..Rates::default() };
        assert_eq!(rates.cost(&Usage { cached: 1_001, ..USAGE }), None);
        let most = Usage { prompt: u64::MAX, ..Usage::default() };
        assert_eq!(Rates { input: Some(Rate::flat(u64::MAX)), ..Rates::default() }.cost(&most), None);
    }

    #[test]
    fn halves_of_a_billionth_go_to_the_even_one() {
        assert_eq!([5, 15, 25, 16].map(|sum| round_half_even(sum, 10)), [0, 2, 2, 2]);
    }

    #[test]
    fn a_price_of_the_night_holds_over_midnight() {
        let night = When::Daily { from: 16 * 3_600 + 1_800, to: 1_800 };
        let at = |hour: u64| hour * 3_600 * 1_000_000_000;
        assert!(night.holds(at(17)) && night.holds(at(24)) && !night.holds(at(1)) && !night.holds(at(16)));
    }

    #[test]
    fn a_users_own_prices_come_first_and_the_longest_name_counts() {
        let flat = |nano| Rates { input: Some(Rate::flat(nano)), ..Rates::default() };
        let own = [("gpt-4o*", 1), ("GPT-4o-mini", 2), ("mine/gpt-4o-mini", 3)];
        let prices =
            Prices::new(own.map(|(name, price)| (name.to_owned(), flat(price * 1_000_000_000))).into());
        let usage = Usage { prompt: 1_000_000, ..Usage::default() };
        let cost = |provider, model| prices.cost(provider, model, &usage, 0);
        assert_eq!(cost(None, "gpt-4o-2024"), Some(1_000_000_000));
        assert_eq!(cost(Some("openai"), "gpt-4o-mini"), Some(2_000_000_000));
        assert_eq!(cost(Some("Mine"), "gpt-4o-Mini"), Some(3_000_000_000));
        assert_eq!(cost(None, "a-model-of-nobody"), None);
        assert!(cost(None, "claude-sonnet-4-5").is_some_and(|cost| cost > 0));
    }

    #[test]
    fn names_that_are_made_up_are_not_kept_for_ever() {
        let prices = Prices::default();
        for n in 0..MOST_KNOWN + 20 {
            assert_eq!(prices.cost(Some("nobody"), &format!("m{n}"), &USAGE, 0), None);
        }
        assert_eq!(prices.cost(None, &"gpt-4o".repeat(1_000), &USAGE, 0), None);
    }
}
