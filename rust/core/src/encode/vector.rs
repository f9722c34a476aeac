//! Argument vectors: a list of strings that starts with a command is read as the command line it stands for, since
//! what an argument means, the arguments in front of it say.

use crate::redact::is_command;

/// How many arguments are kept: the first ones, which name the command and what it does, and those right in front.
const FIRST: usize = 4;
const KEPT: usize = 9;
/// Later ones are judged by themselves.
const MOST: usize = 12;
/// Longer arguments are texts of their own.
const LONGEST: usize = 200;

/// The command line of the list that is being written.
#[derive(Default)]
pub(super) struct Vector {
    /// How deep that list lies; none if 0.
    depth: usize,
    line: String,
    /// Where each argument starts in it.
    starts: Vec<usize>,
}

impl Vector {
    /// Takes the item number `item` of the list at `depth`; where it starts in the line, if that is a command's: the key
    /// of the list has `named` it so, or its first item does.
    pub(super) fn push(&mut self, (depth, item): (usize, usize), named: bool, text: &str) -> Option<usize> {
        if item == 1 {
            self.depth = if named || is_command(text) { depth } else { 0 };
            self.line.clear();
            self.starts.clear();
        }
        if self.depth != depth || item > MOST {
            return None;
        }
        if self.starts.len() == KEPT {
            self.drop_middle();
        }
        if item > 1 {
            self.line.push(' ');
        }
        self.starts.push(self.line.len());
        Some(self.add(text)).filter(|_| item > 1)
    }

    /// The line up to the argument that was taken last, and where that ends.
    pub(super) fn line(&self) -> &str {
        &self.line
    }

    /// Appends an argument, in quotes where a shell would need them; where its text starts.
    fn add(&mut self, text: &str) -> usize {
        if text.len() > LONGEST || text.contains('\n') {
            self.line.push('x');
            return self.line.len();
        }
        let start = self.line.len();
        let spaced = text.is_empty() || text.contains([' ', '\t', ';', '|', '&']);
        let quote = if text.contains('"') { "'" } else { "\"" };
        let quote = if spaced { quote } else { "" };
        self.line.extend([quote, text, quote]);
        start + quote.len()
    }

    fn drop_middle(&mut self) {
        let (from, to) = (self.starts[FIRST], self.starts[FIRST + 1]);
        self.line.drain(from..to);
        self.starts.remove(FIRST);
        for start in &mut self.starts[FIRST..] {
            *start -= to - from;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_keeps_the_front_and_what_was_last() {
        let mut vector = Vector::default();
        assert_eq!(vector.push((2, 1), false, "mysqladmin"), None);
        for (item, text) in (2..).zip(["a b", "c", "d", "e", "f", "g", "h", "i"]) {
            vector.push((2, item), false, text);
        }
        assert_eq!(vector.push((1, 3), false, "other list"), None);
        let last = vector.push((2, 10), false, "z").unwrap();
        assert_eq!((vector.line(), &vector.line()[last..]), ("mysqladmin \"a b\" c d f g h i z", "z"));
    }

    #[test]
    fn lists_of_other_things_are_no_vectors() {
        let mut vector = Vector::default();
        vector.push((1, 1), false, "src/main.rs");
        assert_eq!(vector.push((1, 2), false, "x"), None);
        vector.push((1, 1), true, "src/main.rs");
        assert_eq!(vector.push((1, 2), true, "x"), Some(12));
    }
}
