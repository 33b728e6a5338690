//! The `snykwatch` binary.

fn main() {}
