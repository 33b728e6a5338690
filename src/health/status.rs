//! The status tables.
