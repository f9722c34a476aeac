//! An event over its limit loses its longest values first.

use super::{Buffer, Limits};

impl Buffer {
    /// Shortens the finished event in `out` to `limits.event_bytes` by replacing its longest string values with
    /// `[truncated N bytes]`. Everything in `out` is redacted already, so nothing can be cut open.
    /// `place` moves with what stands there.
    pub fn fit(&mut self, limits: Limits, place: &mut u32) {
        if self.out.len() <= limits.event_bytes {
            return;
        }
        let mut doomed = self.longest_values(self.out.len() - limits.event_bytes);
        doomed.sort_unstable();
        let mut fitted = Vec::with_capacity(limits.event_bytes);
        let (mut at, before) = (0, *place);
        for (start, len) in doomed {
            if start < before {
                *place -= len - marker(len).len() as u32;
            }
            fitted.extend_from_slice(&self.out[at..start as usize]);
            fitted.extend_from_slice(marker(len).as_bytes());
            at = (start + len) as usize;
        }
        fitted.extend_from_slice(&self.out[at..]);
        self.out = fitted;
    }

    /// The fewest values, longest first, whose markers save `excess` bytes.
    fn longest_values(&self, excess: usize) -> Vec<(u32, u32)> {
        let mut values = self.long.clone();
        values.sort_unstable_by_key(|(_, len)| std::cmp::Reverse(*len));
        let mut saved = 0;
        let enough = values.iter().position(|(_, len)| {
            saved += *len as usize - marker(*len).len();
            saved >= excess
        });
        values.truncate(enough.map_or(values.len(), |last| last + 1));
        values
    }
}

fn marker(len: u32) -> String {
    format!("[truncated {len} bytes]")
}
