//! Flight-recorder mode after a crash: the generations and the ring of a dead process become a document, where its
//! death or one of its events is a trigger; else nothing of them stays.

use super::damaged::Damaged;
use super::found::{Event, Found, is_stem};
use super::ids::Ids;
use super::{How, Open, Report};
use crate::encode::tree::Tree;
use crate::line;
use crate::liveness;
use crate::session::Triggers;
use crate::writer::{SERIAL, SUMS, generation_name, part_name, with_part};
use std::collections::BTreeSet;
use std::io;
use std::time::{Duration, SystemTime};

/// How long a generation without a mark of its process is left alone.
const UNMARKED: Duration = Duration::from_hours(24);

/// The triggers that the header line of a session in flight-recorder mode names; None in full mode.
pub(super) fn triggers(header: &str) -> Option<Triggers> {
    let header = Tree::parse(&format!("{header}]}}")).ok()?;
    let metadata = header.member("metadata")?;
    metadata.member("mode").and_then(Tree::text).filter(|mode| *mode == "flight")?;
    Some(Triggers::of(&metadata.member("flight_on").and_then(Tree::texts).unwrap_or_default()))
}

/// The header line of a document from that of a generation, and the generation's number.
fn split_serial(header: &str) -> Option<(String, u32)> {
    let front = header.strip_suffix("},\"events\":[")?;
    let (before, serial) = front.rsplit_once(&format!(",\"{SERIAL}\":"))?;
    Some((format!("{before}}},\"events\":["), serial.parse().ok()?))
}

/// A generation as it was found.
struct Kept {
    serial: u32,
    which: usize,
    header: String,
    document: Damaged,
}

impl Open<'_> {
    /// Sessions in flight-recorder mode that no ring says anything of.
    pub(super) fn flights(&self, how: How, report: &mut Report) {
        let names = self.private.names().unwrap_or_default();
        let stems: BTreeSet<&str> = names
            .iter()
            .filter_map(|name| name.strip_suffix(".flight0").or(name.strip_suffix(".flight1")))
            .filter(|stem| is_stem(stem) && self.wants(stem) && self.is_left(stem))
            .collect();
        for stem in stems {
            let done = self.flight(stem, None, how, report);
            report.refused.extend(
                done.err().map(|error| (self.private.path_of(&generation_name(stem, 0)), error.to_string())),
            );
        }
    }

    /// Whether the process of these generations has ended, as far as anybody can tell.
    fn is_left(&self, stem: &str) -> bool {
        let young = |which| {
            let file = self.private.read_file(&generation_name(stem, which));
            let changed = file.and_then(|file| file.metadata()?.modified()).ok();
            changed.is_some_and(|changed| {
                SystemTime::now().duration_since(changed).is_ok_and(|age| age < UNMARKED)
            })
        };
        liveness::is_dead(&self.private, stem)
            || !liveness::is_held(&self.private, stem) && !young(0) && !young(1)
    }

    /// Makes a document of what a session has left, if there is a reason to, and removes its generations.
    pub(super) fn flight(
        &self,
        stem: &str,
        found: Option<&Found<'_>>,
        how: How,
        report: &mut Report,
    ) -> io::Result<()> {
        let mut kept = self.generations(stem, report)?;
        let header = found.map(|found| found.header.clone()).or_else(|| Some(kept.first()?.header.clone()));
        let Some((header, on)) = header.and_then(|header| Some((header.clone(), triggers(&header)?))) else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "nothing in it can be read"));
        };
        let nothing = Found::nothing(stem, &header);
        let found = found.unwrap_or(&nothing);
        let (mut document, part, known) = self.flight_document(found, &kept, report)?;
        let mut left = Ids::default();
        for kept in &mut kept {
            left.extend(kept.document.ids().0);
            kept.document.account(Some(found), SUMS | kept.which as u32, &[], 0);
            document.absorb(&kept.document, &known);
        }
        let (ids, _) = document.ids();
        // A generation may be given up before the ring lets go of its events: what lies before the first one of those
        // that are left is gone on purpose.
        let given_up = found.events.iter().position(|event| left.contains(event.id)).unwrap_or(0);
        let all = found.events[given_up..].iter().chain(&found.begun);
        let fresh: Vec<&Event<'_>> =
            all.filter(|event| !known.contains(event.id) && !ids.contains(event.id)).collect();
        let torn = document.exists;
        let wanted =
            torn || found.dump || found.closed.is_none() && on.on_crash() || hit(&on, &document, &fresh);
        if wanted && (torn || !fresh.is_empty() || document.kept > 0) {
            self.complete(found, part, document, &fresh, how, report)?;
        }
        if how == How::Repair {
            self.forget_flight(stem);
        }
        Ok(())
    }

    /// The document that the events go into, its part and the events that earlier ones hold: the last one where
    /// that is torn, else a new one.
    fn flight_document(
        &self,
        found: &Found<'_>,
        kept: &[Kept],
        report: &mut Report,
    ) -> io::Result<(Damaged, u32, Ids)> {
        let (parts, packed) = self.parts(&found.stem)?;
        let last = parts.last().copied().unwrap_or(0).max(packed.unwrap_or(0));
        let next = (part_name(&found.stem, last + 1), with_part(&found.header, last + 1));
        if parts.last() != Some(&last) {
            return Ok((Damaged::begin(&next.0, &next.1), last + 1, Ids::default()));
        }
        let document = self.read(&part_name(&found.stem, last), &with_part(&found.header, last), report)?;
        let mut ours: Ids = found.events.iter().map(|event| event.id).collect();
        for kept in kept {
            ours.extend(kept.document.ids().0);
        }
        let known = self.known(found, &ours, &parts, &document, report)?;
        if document.is_whole() {
            return Ok((Damaged::begin(&next.0, &next.1), last + 1, known));
        }
        Ok((document, last, known))
    }

    /// What is there of the two generations, the older one first.
    fn generations(&self, stem: &str, report: &mut Report) -> io::Result<Vec<Kept>> {
        let mut kept = Vec::new();
        for which in 0..2 {
            let name = generation_name(stem, which);
            let Some(bytes) = Open::bytes_of(&self.private, &name)? else { continue };
            report.bytes += bytes.len() as u64;
            let document = Damaged::read(&name, &bytes, "");
            if let Some((header, serial)) = split_serial(document.header()) {
                kept.push(Kept { serial, which, header, document });
            }
        }
        kept.sort_by_key(|kept| kept.serial);
        Ok(kept)
    }

    fn forget_flight(&self, stem: &str) {
        for name in [generation_name(stem, 0), generation_name(stem, 1), format!("{stem}.flight")] {
            let _ = self.private.remove(&name);
        }
        liveness::clear(&self.private, stem);
    }
}

/// Whether one of these events is a trigger: what its writer had not come to is done for it.
fn hit(on: &Triggers, document: &Damaged, fresh: &[&Event<'_>]) -> bool {
    fresh.iter().any(|event| on.hit(&event.facts, event.line))
        || document.lines().any(|text| line::read(text).is_some_and(|event| on.hit(&event.facts, text)))
}
