//! What a file says, before anything is checked: one type per section, every key optional that may be left out.
//!
//! These types are private to `config`. They know the words and the shape of the file, no more; their doc comments are
//! the descriptions in the JSON Schema.

pub(crate) mod spanned;
pub(crate) mod value;
