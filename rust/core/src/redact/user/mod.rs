//! What the user adds: rules of their own, and texts that stay.

mod pattern;

use crate::redact::scan::Scan;
use crate::redact::{Policy, RuleError, RuleId, With, rules};
use aho_corasick::AhoCorasick;
use pattern::Pattern;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

const MOST_RULES: usize = 100;
const MOST_WORDS: usize = 64;
const LONGEST_ID: usize = 64;
/// Compiled sets of rules that are kept: what was checked is not compiled again for each session.
const KEPT: usize = 8;

/// A rule of the user (`telemetry.privacy.rules`): what matches `pattern` goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct UserRule {
    /// What findings are counted under.
    pub id: String,
    /// A regular expression; where it has groups, only the first that took part goes.
    pub pattern: String,
    /// The rule looks only at texts that hold one of them, in any case; without keywords at all texts.
    pub keywords: Vec<String>,
    /// Matches that stay.
    pub allow: Vec<String>,
    /// Expressions for whole matches that stay.
    pub allow_patterns: Vec<String>,
}

/// Texts that stay: as given, or as a whole described by an expression.
#[derive(Debug, Default)]
pub struct Allow {
    texts: HashSet<String>,
    patterns: Vec<Pattern>,
}

impl Allow {
    /// Compiles an allow-list; `key` is where it stands in the configuration.
    ///
    /// # Errors
    /// [`RuleError`] where an expression cannot be used, or allows nearly everything.
    pub fn new(texts: &[String], patterns: &[String], key: &str) -> Result<Allow, RuleError> {
        let patterns = patterns.iter().map(|source| {
            let named =
                |error: RuleError| RuleError { reason: format!("{source:?} {}", error.reason), ..error };
            Pattern::allowing(source, key).map_err(named)
        });
        Ok(Allow { texts: texts.iter().cloned().collect(), patterns: patterns.collect::<Result<_, _>>()? })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.texts.is_empty() && self.patterns.is_empty()
    }

    /// Whether the text is one of those given.
    pub(crate) fn lists(&self, text: &str) -> bool {
        self.texts.contains(text)
    }

    /// Whether the text is given or described.
    #[must_use]
    pub fn allows(&self, text: &str) -> bool {
        self.lists(text) || self.patterns.iter().any(|pattern| pattern.allows(text.as_bytes()))
    }
}

#[derive(Debug)]
struct Rule {
    id: String,
    pattern: Pattern,
    allow: Allow,
}

/// The user's rules, compiled.
#[derive(Debug, Default)]
pub(crate) struct UserRules {
    rules: Vec<Rule>,
    keywords: Option<AhoCorasick>,
    /// For each keyword the rules that want it, as bits.
    wanting: Vec<u128>,
    /// The rules without keywords.
    always: u128,
}

impl UserRules {
    /// The compiled rules of a policy; the same rules are compiled once.
    pub(crate) fn of(policy: &Policy) -> Result<Arc<UserRules>, RuleError> {
        type Kept = Vec<(Vec<UserRule>, Arc<UserRules>)>;
        static COMPILED: Mutex<Kept> = Mutex::new(Vec::new());
        if policy.rules.is_empty() {
            return Ok(Arc::default());
        }
        let mut kept = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, rules)) = kept.iter().find(|(known, _)| *known == policy.rules) {
            return Ok(Arc::clone(rules));
        }
        let rules = Arc::new(UserRules::new(&policy.rules)?);
        if kept.len() >= KEPT {
            kept.remove(0);
        }
        kept.push((policy.rules.clone(), Arc::clone(&rules)));
        Ok(rules)
    }

    fn new(given: &[UserRule]) -> Result<UserRules, RuleError> {
        if given.len() > MOST_RULES {
            let reason = format!("are more than {MOST_RULES}");
            return Err(RuleError::new(KEY, &reason, "Join some of them with |"));
        }
        let mut rules = UserRules::default();
        let mut words: Vec<String> = Vec::new();
        for (number, rule) in given.iter().enumerate() {
            let key = format!("{KEY}[{number}]");
            check_id(&rule.id, &given[..number], &key)?;
            check_keywords(rule, &key)?;
            rules.rules.push(Rule {
                id: rule.id.clone(),
                pattern: Pattern::searching(&rule.pattern, &format!("{key}.pattern"))?,
                allow: Allow::new(&rule.allow, &rule.allow_patterns, &format!("{key}.allow"))?,
            });
            let bit = 1u128 << number;
            rules.always |= if rule.keywords.is_empty() { bit } else { 0 };
            for word in rule.keywords.iter().map(|word| word.to_ascii_lowercase()) {
                let known = words.iter().position(|known| *known == word).unwrap_or_else(|| {
                    words.push(word);
                    rules.wanting.push(0);
                    words.len() - 1
                });
                rules.wanting[known] |= bit;
            }
        }
        rules.keywords = automaton(&words)?;
        Ok(rules)
    }

    /// How many rules there are.
    pub(crate) fn len(&self) -> usize {
        self.rules.len()
    }

    /// The id of the rule with this number.
    pub(crate) fn name(&self, number: usize) -> Option<&str> {
        self.rules.get(number).map(|rule| rule.id.as_str())
    }

    /// The rules to try on a text, as bits.
    fn wanted(&self, text: &[u8]) -> u128 {
        let Some(keywords) = &self.keywords else { return self.always };
        let all = self.wanting.iter().fold(self.always, |all, bits| all | bits);
        let mut wanted = self.always;
        for hit in keywords.find_overlapping_iter(text) {
            wanted |= self.wanting[hit.pattern().as_usize()];
            if wanted == all {
                break;
            }
        }
        wanted
    }
}

/// Where the rules stand in the configuration.
const KEY: &str = "telemetry.privacy.rules";

fn automaton(words: &[String]) -> Result<Option<AhoCorasick>, RuleError> {
    if words.is_empty() {
        return Ok(None);
    }
    let built = AhoCorasick::builder().ascii_case_insensitive(true).build(words);
    built.map(Some).map_err(|error| RuleError::new(KEY, &format!("have unusable keywords ({error})"), ""))
}

fn check_id(id: &str, before: &[UserRule], key: &str) -> Result<(), RuleError> {
    let key = format!("{key}.id");
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if id.is_empty()
        || id.len() > LONGEST_ID
        || !id.bytes().all(fits)
        || !id.as_bytes()[0].is_ascii_alphanumeric()
    {
        let reason =
            format!("is no id: it takes 1 to {LONGEST_ID} letters, digits, dots, dashes and underscores");
        return Err(RuleError::new(&key, &reason, "Write one such as acme.employee"));
    }
    if before.iter().any(|rule| rule.id == id) {
        return Err(RuleError::new(
            &key,
            &format!("{id:?} is there twice"),
            "Give each rule an id of its own",
        ));
    }
    if (0..rules::count()).any(|number| rules::name(RuleId(number as u16)) == id) {
        let reason = format!("{id:?} is the id of a built-in rule");
        return Err(RuleError::new(&key, &reason, "Put a name of your own in front: acme.…"));
    }
    Ok(())
}

fn check_keywords(rule: &UserRule, key: &str) -> Result<(), RuleError> {
    if rule.keywords.len() > MOST_WORDS || rule.keywords.iter().any(|word| word.len() < 2 || word.len() > 256)
    {
        let reason = format!("must be at most {MOST_WORDS} texts of 2 to 256 bytes");
        return Err(RuleError::new(&format!("{key}.keywords"), &reason, ""));
    }
    Ok(())
}

/// Reports what the user's rules match in the text of a scan.
pub(crate) fn rules(scan: &mut Scan) {
    let redactor = scan.redactor;
    let user = &redactor.user;
    if user.rules.is_empty() {
        return;
    }
    let text = scan.text;
    let mut wanted = user.wanted(text);
    while wanted != 0 {
        let number = wanted.trailing_zeros() as usize;
        wanted &= wanted - 1;
        let rule = &user.rules[number];
        let id = RuleId((rules::count() + number) as u16);
        rule.pattern.matches(text, |found| {
            let allowed = !rule.allow.is_empty()
                && std::str::from_utf8(&text[found.range()]).is_ok_and(|text| rule.allow.allows(text));
            if !allowed {
                scan.add(found.start, found.end, id, With::Marker);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(id: &str, pattern: &str, keywords: &[&str]) -> UserRule {
        UserRule {
            id: id.into(),
            pattern: pattern.into(),
            keywords: keywords.iter().map(|word| (*word).to_owned()).collect(),
            ..UserRule::default()
        }
    }

    #[test]
    fn keywords_choose_the_rules() {
        let given = [rule("a", "x+", &["Badge", "emp"]), rule("b", "y+", &["temp"]), rule("c", "z+", &[])];
        let rules = UserRules::new(&given).unwrap();
        assert_eq!(rules.wanted(b"nothing"), 0b100);
        assert_eq!(rules.wanted(b"a BADGE"), 0b101);
        assert_eq!(rules.wanted(b"tempo"), 0b111);
        assert_eq!((rules.len(), rules.name(1), rules.name(3)), (3, Some("b"), None));
    }

    #[test]
    fn rules_are_compiled_once() {
        let policy = Policy { rules: vec![rule("once", "x+", &[])], ..Policy::default() };
        let (first, second) = (UserRules::of(&policy).unwrap(), UserRules::of(&policy).unwrap());
        assert!(Arc::ptr_eq(&first, &second));
    }

    #[test]
    fn wrong_rules_say_which_and_why() {
        let many: Vec<UserRule> = (0..101).map(|n| rule(&format!("r{n}"), "x", &[])).collect();
        for (given, key, says) in [
            (vec![rule("a b", "x", &[])], "rules[0].id", "no id"),
            (vec![rule("", "x", &[])], "rules[0].id", "no id"),
            (vec![rule("a", "x", &[]), rule("a", "y", &[])], "rules[1].id", "twice"),
            (vec![rule("pii.email", "x", &[])], "rules[0].id", "built-in"),
            (vec![rule("a", "x", &["k"])], "rules[0].keywords", "2 to 256"),
            (vec![rule("a", "x", &[]), rule("b", "[", &[])], "rules[1].pattern", "regular expression"),
            (many, "telemetry.privacy.rules", "more than 100"),
        ] {
            let error = UserRules::new(&given).unwrap_err();
            assert!(error.key.ends_with(key) && error.to_string().contains(says), "{error}");
        }
    }
}
