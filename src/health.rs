//! What follows from evidence: conditions, status, incidents.

pub mod incidents;
