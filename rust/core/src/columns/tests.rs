use super::*;

const HEADER: &str = r#"{"session_id":"s","timestamp":"2026-01-15T10:30:00Z","metadata":{},"events":["#;
const CLOSING: &str = r#"],"summary":{"total_events":1,"state":"closed"}}"#;

/// A cell as text; None where it is null.
fn cell(column: &Buffers, holds: Holds, row: usize) -> Option<String> {
    let is_set = |bits: &[u8]| bits[row / 8] >> (row % 8) & 1 == 1;
    if column.valid.as_deref().is_some_and(|valid| !is_set(valid)) {
        return None;
    }
    let eight = |bytes: &[u8], at: usize| -> [u8; 8] { bytes[at * 8..at * 8 + 8].try_into().unwrap() };
    Some(match holds {
        Holds::Whole => i64::from_le_bytes(eight(&column.data, row)).to_string(),
        Holds::Real => f64::from_le_bytes(eight(&column.data, row)).to_string(),
        Holds::Flag => is_set(&column.data).to_string(),
        Holds::Word => {
            let place: [u8; 4] = column.data[row * 4..row * 4 + 4].try_into().unwrap();
            column.words[u32::from_le_bytes(place) as usize].to_string()
        }
        Holds::Text | Holds::Json | Holds::TextOrJson => {
            let from = u64::from_le_bytes(eight(&column.offsets, row)) as usize;
            let to = u64::from_le_bytes(eight(&column.offsets, row + 1)) as usize;
            String::from_utf8(column.data[from..to].to_vec()).unwrap()
        }
    })
}

struct Read {
    rows: usize,
    columns: Vec<Buffers>,
    origins: Vec<u8>,
}

impl Read {
    fn new(rows: Rows) -> Read {
        let count = rows.len();
        let (columns, origins) = rows.finish();
        Read { rows: count, columns, origins }
    }

    fn get(&self, name: &str, row: usize) -> Option<String> {
        let (at, (_, holds)) = definition().enumerate().find(|(_, (known, _))| *known == name).unwrap();
        cell(&self.columns[at], holds, row)
    }
}

fn lines(lines: &[&str]) -> Read {
    let mut rows = Rows::default();
    rows.add_lines(&lines.join("\n"), "2026-01-01", 7);
    Read::new(rows)
}

#[test]
fn a_field_is_a_cell_of_its_columns_type() {
    let read = lines(&[
        r#"{"event_id":"evt_001","timestamp":"2026-01-15T10:30:00.123Z","type":"tool_call","tool":"read","parameters_redacted":{"a":[1,"x\u00e9"]},"result_redacted":"a\nb","duration_ms":45.2,"success":true,"tokens_in":3}"#,
        r#"{"event_id":"evt_002","timestamp":"2026-01-16T10:30:00Z","type":"llm_call","model":"m","cost_usd":0.25,"success":null,"interrupted":true,"parent_id":"evt_001"}"#,
        r#"{"event_id":"evt_003","timestamp":"2026-01-16T10:30:00Z","type":"decision","decision_type":"d","outcome":"a\tb"}"#,
        r#"{"event_id":"evt_004","timestamp":"2026-01-16T10:30:00Z","type":"error","message":"m","recovery":{"attempted":true,"strategy":"retry","success":false}}"#,
        r#"{"event_id":"evt_005","timestamp":"2026-01-16T10:30:00Z","type":"decision","outcome":{"n":12345678901234567890}}"#,
    ]);
    assert_eq!(read.rows, 5);
    let wanted: [(&str, [Option<&str>; 5]); 15] = [
        ("event_id", [Some("evt_001"), Some("evt_002"), Some("evt_003"), Some("evt_004"), Some("evt_005")]),
        (
            "day",
            [
                Some("2026-01-15"),
                Some("2026-01-16"),
                Some("2026-01-16"),
                Some("2026-01-16"),
                Some("2026-01-16"),
            ],
        ),
        ("tool", [Some("read"), None, None, None, None]),
        ("parameters_redacted", [Some(r#"{"a":[1,"x\u00e9"]}"#), None, None, None, None]),
        ("result_redacted", [Some(r#""a\nb""#), None, None, None, None]),
        ("duration_ms", [Some("45.2"), None, None, None, None]),
        ("duration_us", [Some("45200"), None, None, None, None]),
        ("success", [Some("true"), None, None, None, None]),
        ("tokens_in", [Some("3"), None, None, None, None]),
        ("cost_nano_usd", [None, Some("250000000"), None, None, None]),
        ("interrupted", [None, Some("true"), None, None, None]),
        ("outcome", [None, None, Some("a\tb"), None, Some(r#"{"n":12345678901234567890}"#)]),
        ("recovery_attempted", [None, None, None, Some("true"), None]),
        ("recovery_strategy", [None, None, None, Some("retry"), None]),
        ("recovery_success", [None, None, None, Some("false"), None]),
    ];
    for (name, cells) in wanted {
        for (row, cell) in cells.into_iter().enumerate() {
            assert_eq!(read.get(name, row).as_deref(), cell, "{name} {row}");
        }
    }
    assert_eq!(read.origins, 7_u32.to_le_bytes().repeat(5));
}

#[test]
fn what_has_not_the_columns_type_is_null() {
    let read = lines(&[
        r#"{"event_id":7,"timestamp":{},"type":[],"tool":{"a":1},"duration_ms":"9","success":1,"tokens_in":2.5,"recovery":true}"#,
        r#"{"day":"x","duration_us":5,"cost_nano_usd":6,"recovery_success":true,"unknown":1,"tokens_in":99999999999999999999999}"#,
        r#"{"type":"llm_call","duration_ms":-1,"cost_usd":1e300,"tokens_in":-5,"tokens_out":9007199254740993,"recovery":{"attempted":1,"strategy":[],"success":{}}}"#,
        r#"{"type":"llm_call","duration_ms":true,"cost_usd":9007199254740000,"success":"yes","recovery":[true]}"#,
    ]);
    assert_eq!(read.rows, 4);
    for (name, _) in definition().filter(|(name, _)| !["day", "type", "cost_usd"].contains(name)) {
        for row in 0..4 {
            assert_eq!(read.get(name, row), None, "{name} {row}");
        }
    }
    assert_eq!(read.get("day", 1).as_deref(), Some("2026-01-01"));
    assert_eq!(read.get("cost_usd", 3).as_deref(), Some("9007199254740000"));
}

#[test]
fn only_calls_have_tokens_and_costs() {
    let read = lines(&[
        r#"{"type":"error","tokens_in":1,"cost_usd":1,"duration_ms":2}"#,
        r#"{"tokens_in":1,"cost_usd":1,"type":"llm_call"}"#,
        r#"{"tokens_in":1,"cost_usd":1}"#,
        r#"{"tokens_in":1,"type":"tool_call"}"#,
    ]);
    for (row, told) in [None, Some("1"), None, Some("1")].into_iter().enumerate() {
        assert_eq!(read.get("tokens_in", row).as_deref(), told, "{row}");
    }
    assert_eq!(read.get("cost_nano_usd", 1).as_deref(), Some("1000000000"));
    assert_eq!((read.get("cost_nano_usd", 0), read.get("cost_usd", 2)), (None, None));
    assert_eq!(read.get("duration_ms", 0).as_deref(), Some("2"));
}

#[test]
fn the_last_of_a_fields_values_counts() {
    let read = lines(&[
        r#"{"tool":"a","tool":"b","duration_ms":1,"duration_ms":"x","timestamp":"2026-01-15T","timestamp":"no","recovery":{"attempted":true},"recovery":{"success":true}}"#,
        r#"{"tool":"c"}"#,
    ]);
    assert_eq!(read.get("tool", 0).as_deref(), Some("b"));
    assert_eq!((read.get("duration_ms", 0), read.get("duration_us", 0)), (None, None));
    assert_eq!(read.get("day", 0).as_deref(), Some("2026-01-01"));
    assert_eq!(read.get("recovery_attempted", 0), None);
    assert_eq!(read.get("recovery_success", 0).as_deref(), Some("true"));
    assert_eq!(read.get("tool", 1).as_deref(), Some("c"));
}

#[test]
fn a_document_of_ours_is_read_and_any_other_is_left_alone() {
    let event = r#"{"event_id":"evt_001","timestamp":"2026-01-15T10:30:00Z","type":"decision","outcome":1}"#;
    let whole = format!("{HEADER}\n{event},\n{event}\n{CLOSING}\n");
    let mut rows = Rows::default();
    let document = rows.add_document(whole.as_bytes(), "2026-01-15", 0).unwrap();
    assert_eq!((document.rows, document.header), (2, HEADER.as_bytes()));
    assert_eq!(document.closing, CLOSING.as_bytes());
    let empty = format!("{HEADER}\n{CLOSING}   \n");
    assert_eq!(rows.add_document(empty.as_bytes(), "2026-01-15", 1).unwrap().rows, 0);

    let deep = format!(r#"{{"outcome":{}{}}}"#, "[".repeat(901), "]".repeat(901));
    let odd = [
        whole.replace("closed", "live"),
        whole.replace(",\n{", "\n{"),
        whole.replace("}\n]", "},\n]"),
        whole.replace("decision", "deci\u{1}sion"),
        whole.replace("decision", r"\ud800"),
        whole.replacen("evt_001", "evt\n_001", 1),
        whole.replace(event, "7"),
        whole.replace(event, &deep),
        whole.replace(HEADER, "{}"),
        format!("{whole}{whole}"),
        String::new(),
    ];
    for text in &odd {
        assert!(rows.add_document(text.as_bytes(), "2026-01-15", 2).is_none(), "{text}");
        assert_eq!(rows.len(), 2, "{text}");
    }
    for end in 0..whole.len() - 2 {
        assert!(rows.add_document(&whole.as_bytes()[..end], "2026-01-15", 2).is_none(), "{end}");
    }
    assert!(rows.add_document(&[whole.as_bytes(), b"\xff"].concat(), "2026-01-15", 2).is_none());
    let read = Read::new(rows);
    assert_eq!((read.rows, read.origins.len()), (2, 8));
    assert_eq!(read.get("outcome", 1).as_deref(), Some("1"));
}

#[test]
fn lines_that_are_no_events_leave_no_trace() {
    let read = lines(&[r#"{"tool":"a"}"#, r#"{"tool":"b","x":}"#, "7", "", r#"{"model":"m"}"#]);
    assert_eq!(read.rows, 2);
    assert_eq!((read.get("tool", 1), read.get("model", 1).as_deref()), (None, Some("m")));
}

/// Rows of a closed document with an event of each type.
fn specimen() -> Vec<u8> {
    let events = [
        r#"{"event_id":"evt_001","timestamp":"2026-01-15T10:30:00Z","type":"tool_call","tool":"read","parameters_redacted":{"a":["\u00e9",{}]},"duration_ms":1.5,"success":true,"tokens_in":3}"#,
        r#"{"event_id":"evt_002","timestamp":"2026-01-16T10:30:00Z","type":"llm_call","model":"m","cost_usd":0.25,"prompt_tokens":7,"success":false,"interrupted":true}"#,
        r#"{"event_id":"evt_003","timestamp":"x","type":"error","message":"m\n","recovery":{"attempted":true,"strategy":"retry","success":false},"outcome":[1,"two"]}"#,
    ];
    format!("{HEADER}\n{}\n{CLOSING}\n", events.join(",\n")).into_bytes()
}

proptest::proptest! {
    #[test]
    fn whatever_is_read_the_columns_are_whole(
        cut in 0_usize..700,
        changes in proptest::collection::vec((0_usize..700, proptest::prelude::any::<u8>()), 0..4),
        twice in proptest::prelude::any::<bool>(),
    ) {
        let mut bytes = specimen();
        for (at, byte) in changes {
            let len = bytes.len();
            bytes[at % len] = byte;
        }
        let mut rows = Rows::default();
        let told = rows.add_document(&bytes, "2026-01-15", 0).map_or(0, |document| document.rows);
        proptest::prop_assert_eq!(told, rows.len());
        bytes.truncate(bytes.len() - cut % bytes.len());
        let more = rows.add_lines(&String::from_utf8_lossy(&bytes), "2026-01-15", 1);
        let again = if twice { rows.add_document(&specimen(), "2026-01-15", 2).map_or(0, |d| d.rows) } else { 0 };
        let count = told + more + again;
        proptest::prop_assert_eq!(count, rows.len());
        let (columns, origins) = rows.finish();
        proptest::prop_assert_eq!(origins.len(), count * 4);
        for ((name, holds), column) in definition().zip(&columns) {
            let bits = count.div_ceil(8);
            proptest::prop_assert!(column.valid.as_ref().is_none_or(|valid| valid.len() == bits), "{}", name);
            let values = match holds {
                Holds::Whole | Holds::Real => count * 8,
                Holds::Word => count * 4,
                Holds::Flag => bits,
                Holds::Text | Holds::Json | Holds::TextOrJson => column.data.len(),
            };
            proptest::prop_assert_eq!(column.data.len(), values, "{}", name);
            let ends: Vec<usize> =
                column.offsets.chunks(8).map(|end| u64::from_le_bytes(end.try_into().unwrap()) as usize).collect();
            proptest::prop_assert!(ends.is_sorted() && ends.last().is_none_or(|end| *end == values), "{}", name);
            let words: Vec<usize> =
                column.data.chunks(4).map(|place| u32::from_le_bytes(place.try_into().unwrap_or_default()) as usize).collect();
            let known = |row: usize| cell(column, holds, row).is_none() || words[row] < column.words.len();
            proptest::prop_assert!(holds != Holds::Word || (0..count).all(known), "{}", name);
        }
    }
}
