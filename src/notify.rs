//! Who is told of what: from the incidents, and what was told before, to the notifications that are due. Pure.

pub mod page;
pub mod situation;
