//! What a family of rules has to say beyond the incident's own sentence.

use crate::domain::page::Claim;

/// Evidence, and what is not the cause.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) evidence: Vec<Claim>,
    pub(super) ruled_out: Vec<String>,
}

impl Draft {
    /// Adds a claim, where there is one that was not made before.
    pub(super) fn claim(&mut self, claim: impl IntoIterator<Item = Claim>) {
        for claim in claim {
            if !self.evidence.iter().any(|made| made.text == claim.text) {
                self.evidence.push(claim);
            }
        }
    }

    /// Adds what is not the cause, where it was proved.
    pub(super) fn rule_out(&mut self, proof: impl IntoIterator<Item = String>) {
        for proof in proof {
            if !self.ruled_out.contains(&proof) {
                self.ruled_out.push(proof);
            }
        }
    }
}
