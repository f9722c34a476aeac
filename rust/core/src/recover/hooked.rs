//! Calls that hooks have begun and nobody has ended: `.t800/{stem}.open`, as `t800-hook` writes it.

use crate::encode::tree::Tree;
use crate::folder::Folder;
use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::time::{Duration, SystemTime};

/// A session that hooks write to is live for so long after its last event.
const LIFE: Duration = Duration::from_hours(24);
const MOST_BYTES: u64 = 64 << 20;

/// The name of the file of a session's open calls.
pub(super) fn name(stem: &str) -> String {
    format!("{stem}.open")
}

/// Whether a session waits for its next hook.
pub(super) fn is_live(traces: &Folder, private: &Folder, document: &str, stem: &str) -> bool {
    let changed = traces.read_file(document).and_then(|file| file.metadata()?.modified());
    let age = changed.ok().and_then(|changed| SystemTime::now().duration_since(changed).ok());
    private.has(&name(stem)) && age.is_some_and(|age| age < LIFE)
}

/// A call that has not ended: its event, should nobody end it, and what rules have redacted in that.
pub(super) struct Left {
    pub(super) line: Vec<u8>,
    pub(super) redactions: Vec<(String, u64)>,
}

/// What is open in a session, in the order of its numbers.
pub(super) fn left(private: &Folder, stem: &str) -> io::Result<Vec<Left>> {
    let file = match private.read_file(&name(stem)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        file => file?,
    };
    let mut text = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut text)?;
    let mut open = BTreeMap::new();
    for line in String::from_utf8_lossy(&text).lines() {
        let Ok(found) = Tree::parse(line) else { continue };
        let key = |name| found.member(name).and_then(Tree::text).map(str::to_owned);
        if let Some(ended) = key("end") {
            // Of equal calls at once, of a host without ids, the later one.
            let last = open.keys().rev().find(|(_, key): &&(u64, String)| *key == ended).cloned();
            last.and_then(|last| open.remove(&last));
        } else if let (Some(key), Some(left)) = (key("begin"), of(line, &found)) {
            let id = found.member("id").and_then(Tree::number).unwrap_or(0.0) as u64;
            open.insert((id, key), left);
        }
    }
    Ok(open.into_values().collect())
}

/// The event stands last in its line, as it will stand in the document.
fn of(line: &str, found: &Tree) -> Option<Left> {
    let (_, event) = line.split_once(",\"event\":")?;
    let counts = found.member("redactions").and_then(Tree::table).into_iter().flatten();
    let redactions =
        counts.filter_map(|(rule, count)| Some((rule.clone(), count.number()? as u64))).collect();
    Some(Left { line: event.strip_suffix('}')?.as_bytes().to_vec(), redactions })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_not_ended_is_left_in_order_and_torn_lines_are_passed_over() {
        let path = std::env::temp_dir().join(format!("t800-hooked-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        let private = Folder::own(&path).unwrap();
        assert!(left(&private, "s").unwrap().is_empty());
        let begin = |key: &str, id: u64| {
            format!(
                "{{\"begin\":\"{key}\",\"id\":{id},\"redactions\":{{\"key\":2}},\"event\":{{\"event_id\":\"evt_00{id}\"}}}}\n"
            )
        };
        let text = begin("c", 3)
            + &begin("a", 1)
            + "{\"end\":\"a\"}\n"
            + &begin("b", 2)
            + &begin("e", 5)
            + &begin("e", 6)
            + "{\"end\":\"e\"}\n"
            + "{\"begin\":\"d\",\"id\":4,\"eve";
        std::fs::write(private.path_of("s.open"), text).unwrap();
        let found = left(&private, "s").unwrap();
        let lines: Vec<&[u8]> = found.iter().map(|left| left.line.as_slice()).collect();
        let expected = ["evt_002", "evt_003", "evt_005"].map(|id| format!("{{\"event_id\":\"{id}\"}}"));
        assert_eq!(lines, expected.each_ref().map(String::as_bytes));
        assert_eq!(found[0].redactions, [("key".to_owned(), 2)]);
        std::fs::remove_dir_all(path).unwrap();
    }
}
