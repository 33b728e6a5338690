//! The times of who was told of what, and of what people asked for.

use super::Shift;
use crate::domain::attention::{
    Acknowledgement, Announcement, Attention, Counted, Digest, DigestEntry, Forgotten, LastChange, Opening, Recurrence,
    Silence, Told,
};
use crate::domain::page::Gap;

impl Shift {
    /// What counts from the moment in which it was made goes on for the span that is left of it.
    fn silence(&self, silence: &mut Silence) {
        let Silence { matcher: _, author: _, reason: _, starts_at, ends_at, counted } = silence;
        let is_ours = *counted != Counted::Instants && *starts_at > self.after;
        if !is_ours {
            return;
        }
        *starts_at += self.by;
        if *counted == Counted::Span {
            *ends_at += self.by;
        }
        *starts_at = (*starts_at).min(*ends_at);
    }

    pub(super) fn attention(&self, attention: &mut Attention) {
        let Attention { announcements, acknowledgements, silences, gaps, recurrences, digests, forgotten } = attention;
        for silence in silences.values_mut() {
            self.silence(silence);
        }
        for announcement in announcements.values_mut() {
            let Announcement { opened_at, since, changed, sequence: _, page, receivers } = announcement;
            self.time(opened_at);
            self.time(since);
            let LastChange { at, severity: _, step: _, remaining: _ } = changed;
            self.time(at);
            page.gap.iter_mut().for_each(|gap| self.gap(gap));
            for told in receivers.values_mut() {
                let Told {
                    severity: _,
                    at,
                    affected: _,
                    grown_at,
                    is_standing: _,
                    step: _,
                    acknowledged_at,
                    is_lost: _,
                    dispatch: _,
                } = told;
                self.time(at);
                self.maybe(grown_at);
                self.maybe(acknowledged_at);
            }
        }
        for Acknowledgement { opened_at, author: _, comment: _, at } in acknowledgements.values_mut() {
            self.time(opened_at);
            self.time(at);
        }
        if let Some(Forgotten { since, due: _, settled: _, lasting: _ }) = forgotten {
            self.time(since);
        }
        for gap in gaps.iter_mut() {
            self.gap(gap);
        }
        for Recurrence { openings, is_flapping: _, again: _, well_since } in recurrences.values_mut() {
            for Opening { opened_at, since } in openings {
                self.time(opened_at);
                self.time(since);
            }
            self.maybe(well_since);
        }
        for Digest { at, problems, dispatch: _ } in digests.values_mut() {
            self.time(at);
            for DigestEntry { opened_at, title: _, owners: _, ended_at, is_listed: _ } in problems.values_mut() {
                self.time(opened_at);
                self.maybe(ended_at);
            }
        }
    }

    fn gap(&self, Gap { from, to }: &mut Gap) {
        self.time(from);
        self.time(to);
    }
}
