//! The cost of a call is what genai-prices itself calculates, to the billionth of a dollar: `prices/refresh.py` has
//! written down a thousand random usages.

#![allow(clippy::unwrap_used)]

use serde_json::Value;
use t800_core::clock::parse_rfc3339;
use t800_core::price::{Prices, Usage};

#[test]
fn a_thousand_usages_cost_what_genai_prices_says() {
    let prices = Prices::default();
    let mut compared = 0;
    for line in include_str!("prices.jsonl").lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let number = |name: &str| case[name].as_u64().unwrap();
        let usage = Usage {
            prompt: number("prompt"),
            cached: number("cached"),
            written: number("written"),
            completion: number("completion"),
            reasoning: number("reasoning"),
        };
        let at = parse_rfc3339(case["at"].as_str().unwrap()).unwrap();
        let cost = prices.cost(case["provider"].as_str(), case["model"].as_str().unwrap(), &usage, at);
        assert_eq!(cost, case["nano_usd"].as_i64(), "{line}");
        compared += 1;
    }
    assert_eq!(compared, 1_000);
}
