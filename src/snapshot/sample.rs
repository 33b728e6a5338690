//! A rich sample.
