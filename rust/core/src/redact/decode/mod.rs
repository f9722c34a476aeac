//! Encoded text: decoded and scanned again, to a bounded depth, with every finding mapped back to where it stands.

mod dumps;
mod edits;
mod escapes;
mod joins;
mod marks;
mod runs;
mod view;

pub(crate) use runs::at_run;

use crate::redact::rules::RuleId;
use crate::redact::scan::Scan;
use crate::redact::scan::blocks::is_word;
use edits::Edits;
pub(crate) use edits::Look;
use std::borrow::Cow;
use view::{Edit, Stands, View};

const MAX_DEPTH: u8 = 3;

/// Scans what a text stands for where `look` found escapes, dumps or literals in parts.
pub(crate) fn views(scan: &mut Scan, look: &mut Look) {
    if scan.depth >= MAX_DEPTH || look.found_nothing() {
        return;
    }
    let text = scan.text;
    let Edits { edits, dumps } = look.sorted();
    if dumps {
        dumps::views(scan);
    }
    for (window, range) in view::windows(text, &edits) {
        let edits = &edits[range];
        reread(scan, &View::of(text, window.clone(), edits), window.start);
        if edits.windows(2).any(|pair| hides_a_start(text, pair[0], pair[1])) {
            let apart: Vec<Edit> =
                edits.iter().copied().filter(|edit| edit.stands != Stands::Nothing).collect();
            reread(scan, &View::of(text, window.clone(), &apart), window.start);
        }
    }
}

/// Whether a word is joined to what begins with an escape: that may be a token by itself, which nobody sees where it
/// goes on from a word. What is joined to plain text is seen in the text itself.
fn hides_a_start(text: &[u8], joint: Edit, escape: Edit) -> bool {
    joint.stands == Stands::Nothing
        && escape.stands != Stands::Nothing
        && joint.end == escape.start
        && (joint.start as usize).checked_sub(1).is_some_and(|before| is_word(text[before]))
}

fn reread(scan: &mut Scan, view: &View, start: usize) {
    let cut = start > 0 && !scan.text[start - 1].is_ascii_whitespace();
    for found in scan.inner(&view.bytes) {
        let doubtful = found.rule == RuleId::UNKNOWN && view.is_doubtful(&found);
        if doubtful || cut && found.start == 0 {
            continue;
        }
        let place = view.source(&found);
        scan.add(place.start, place.end, found.rule, found.with);
    }
}

/// A key name with its escapes resolved.
pub(crate) fn name(name: &str) -> Cow<'_, str> {
    let text = name.as_bytes();
    if text.iter().copied().all(is_word) {
        return Cow::Borrowed(name);
    }
    let edits = edits::of(text).edits;
    if edits.is_empty() {
        return Cow::Borrowed(name);
    }
    let view = View::of(text, 0..text.len(), &edits);
    Cow::Owned(String::from_utf8_lossy(&view.bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str) -> Option<String> {
        let edits = edits::of(text.as_bytes()).edits;
        let view = View::of(text.as_bytes(), 0..text.len(), &edits);
        (!edits.is_empty()).then(|| String::from_utf8_lossy(&view.bytes).into_owned())
    }

    #[test]
    fn one_level_of_every_escape() {
        for (text, plain) in [
            ("a%40b.org", "a@b.org"),
            ("%2540%252540", "@@"),
            ("%u0070%u00e4", "pä"),
            ("\\u0070\\x61\\163s", "pass"),
            ("\\u{70}\\U00000061", "pa"),
            ("\\\\\\\\u0070\\\\/x", "p/x"),
            ("\\0160\\0141 ", "pa "),
            ("\\160\\61\\62", "p12"),
            ("\\0070 \\000061", "pa"),
            ("&#112;&#x61;ss&quot;", "pass\""),
            ("&#112&#97", "pa"),
            ("&amp;#112;&amp;quot;", "p\""),
            ("x=3Dy=\nz", "x=yz"),
            ("\u{1b}[32mOK\u{1b}[0m", "OK"),
            ("^[[1;32mOK", "OK"),
            ("gh\u{200b}p_x\u{a0}y", "ghp_x y"),
            ("ｐａｓｓ：", "pass:"),
            ("p\0a\0s\0s\0", "pass"),
            ("p^a^s^s", "pass"),
            ("p`a`s`s", "pass"),
            ("ab\\\n   cd", "abcd"),
            ("ab`\ncd", "abcd"),
            ("ab^\r\ncd", "abcd"),
            ("'ab' + \"cd\"", "'abcd\""),
            ("\"ab\" & _\n  \"cd\"", "\"abcd\""),
            ("\\\"ab\\\" +\\n \\\"cd\\\"", "\"abcd\""),
            ("s.append(\"ab\").append(\"cd\")", "s.append(\"abcd\")"),
            ("k = \"ab\";\nk += \"cd\"", "k = \"abcd\""),
            ("[\"ab\", \"cd\"].join(\"\")", "[\"abcd\"].join(\"\")"),
            ("<a><![CDATA[x]]></a>", "<a>x</a>"),
            ("sk\\_live", "sk_live"),
        ] {
            assert_eq!(decoded(text).as_deref(), Some(plain), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_escape() {
        for text in [
            "100% of \\n & more",
            "printf(\"%d%s\\n\")",
            "(\\w+)\\1\\s*",
            "x^2 + y^3",
            "[\"ab\", \"cd\"]",
            "- \"ab\"\n- \"cd\"",
            "a ? \"ab\" : \"cd\"",
            "C:\\Windows\\System32",
            "```go\nx\n```\n```rust",
        ] {
            assert_eq!(decoded(text), None);
        }
    }

    #[test]
    fn a_key_name_is_read_like_a_text() {
        assert_eq!(name("pass%77ord"), "password");
        assert_eq!(name("plain_name"), "plain_name");
        assert_eq!(name("größe"), "größe");
    }
}
