//! The phases of an agent's work: one checkpoint each, written when it is left, or found in the ring where it never was.

use super::{Recorded, Session, SpanEnd, with_workspace};
use crate::assemble::{Assembly, Place, Value, Values};
use crate::clock;
use crate::encode::Encoder;
use crate::event::{Field, Kind};

/// What the checkpoint of a phase says that its process has not left.
const NEVER_LEFT: &[u8] = b",\"status\":\"interrupted\",\"duration_ms\":null";

impl Session {
    /// Notes that a phase was entered: where the process dies inside, its checkpoint is there all the same. `values` holds
    /// the phase's name. Gives the number that its checkpoint has; None where checkpoints are not recorded.
    pub fn enter_phase<V: Value>(&self, mut values: Values<V>, place: Place<'_>) -> Option<u64> {
        if !self.records(Kind::Checkpoint) {
            return self.heir(Kind::Checkpoint)?.enter_phase(values, place);
        }
        let called = clock::now();
        let (id, place) = (self.next_id(), super::heir::own_place(place));
        with_workspace(|workspace| {
            let wall = clock::wall(called);
            let mut encoder = Encoder::new(&self.redactor, &mut workspace.buffer, self.policy.limits);
            let mut event = Assembly::new(&mut encoder, &self.classes, Kind::Checkpoint);
            event.facts.day = clock::day(wall);
            event.facts.nested = place.parent.is_some();
            event.open(id, workspace.time.text(wall));
            event.fields(&[Field::PhaseName], &mut values, &mut Vec::new());
            let facts = event.facts;
            self.announce(id, facts, workspace, NEVER_LEFT, place);
        });
        self.shared.meter.add(clock::now().saturating_sub(called));
        Some(id)
    }

    /// Writes the checkpoint of a phase that is left, under the number that [`Session::enter_phase`] has given.
    pub fn leave_phase<V: Value>(&self, id: Option<u64>, values: Values<V>, place: Place<'_>) -> Recorded {
        self.record_as(id, Kind::Checkpoint, values, Vec::new(), place, SpanEnd::Success(None))
    }
}
