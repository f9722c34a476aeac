//! Small JSON texts of our own as a tree: compiled settings, closing lines.

use super::Enter;
use super::json::{JsonError, Sink, parse_own};
use std::collections::HashMap;

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Tree {
    Null,
    Flag(bool),
    Number(f64),
    Text(String),
    List(Vec<Tree>),
    Table(Table),
}

pub(crate) type Table = HashMap<String, Tree>;

impl Tree {
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Tree::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn list(&self) -> Option<&[Tree]> {
        match self {
            Tree::List(items) => Some(items),
            _ => None,
        }
    }

    pub(crate) fn table(&self) -> Option<&Table> {
        match self {
            Tree::Table(members) => Some(members),
            _ => None,
        }
    }

    /// All items of a list of texts.
    pub(crate) fn texts(&self) -> Option<Vec<String>> {
        self.list()?.iter().map(|item| item.text().map(str::to_owned)).collect()
    }

    /// A number; None for anything else.
    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Tree::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// A member of a table.
    pub(crate) fn member(&self, name: &str) -> Option<&Tree> {
        self.table()?.get(name)
    }

    /// The tree of one JSON text.
    ///
    /// # Errors
    /// [`JsonError`] where it is none.
    pub(crate) fn parse(text: &str) -> Result<Tree, JsonError> {
        let mut reader = Reader { open: Vec::new(), done: Tree::Null };
        parse_own(text, &mut reader)?;
        Ok(reader.done)
    }
}

/// Builds a tree; what is nested deeper than anything of ours is passed over.
struct Reader {
    /// The containers that are open, the outermost first.
    open: Vec<Open>,
    done: Tree,
}

struct Open {
    value: Tree,
    key: String,
}

/// The deepest of ours is `telemetry.privacy.rules`: the settings, the list, a rule, its exceptions, one of them.
const DEEPEST: usize = 5;

impl Reader {
    fn put(&mut self, value: Tree) {
        let Some(open) = self.open.last_mut() else {
            self.done = value;
            return;
        };
        match &mut open.value {
            Tree::List(items) => items.push(value),
            Tree::Table(members) => {
                members.insert(std::mem::take(&mut open.key), value);
            }
            _ => {}
        }
    }

    fn begin(&mut self, value: Tree) -> Enter {
        if self.open.len() >= DEEPEST {
            return Enter::Skip;
        }
        self.open.push(Open { value, key: String::new() });
        Enter::Walk
    }

    fn end(&mut self) {
        if let Some(open) = self.open.pop() {
            self.put(open.value);
        }
    }
}

impl Sink for Reader {
    fn begin_object(&mut self) -> Enter {
        self.begin(Tree::Table(HashMap::new()))
    }
    fn begin_list(&mut self) -> Enter {
        self.begin(Tree::List(Vec::new()))
    }
    fn end_object(&mut self) {
        self.end();
    }
    fn end_list(&mut self) {
        self.end();
    }
    fn key(&mut self, key: &str) {
        if let Some(open) = self.open.last_mut() {
            key.clone_into(&mut open.key);
        }
    }
    fn string(&mut self, text: &str, _: Option<&str>) {
        self.put(Tree::Text(text.to_owned()));
    }
    fn number(&mut self, text: &str) {
        self.put(text.parse().map_or(Tree::Null, Tree::Number));
    }
    fn bool(&mut self, value: bool) {
        self.put(Tree::Flag(value));
    }
    fn null(&mut self) {
        self.put(Tree::Null);
    }
    fn full(&self) -> bool {
        false
    }
    fn left_out(&mut self, _: usize) {}
}
