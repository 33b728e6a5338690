//! A serde deserializer over a document.

use std::cell::RefCell;

use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, Unexpected, VariantAccess,
    Visitor,
};
use serde::forward_to_deserialize_any;

use super::Findings;
use super::error::ShapeError;
use crate::config::document::{Content, Entry, Node};
use crate::config::problem::Place;
use crate::config::raw::spanned::SPANNED;

/// A node that is being read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    node: &'a Node,
    findings: &'a RefCell<Findings>,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(node: &'a Node, findings: &'a RefCell<Findings>) -> Self {
        Self { node, findings }
    }

    fn is_pruned(self, node: &Node) -> bool {
        self.findings.borrow().pruned.contains(&node.id)
    }

    fn wrong_type<'de, V: Visitor<'de>>(self, visitor: &V) -> ShapeError {
        let found = match &self.node.content {
            Content::Null => Unexpected::Unit,
            Content::Bool(value) => Unexpected::Bool(*value),
            Content::Integer(value) => Unexpected::Signed(*value),
            Content::Float(value) => Unexpected::Float(*value),
            Content::Text(text) => Unexpected::Str(text),
            Content::Sequence(_) => Unexpected::Seq,
            Content::Mapping(_) => Unexpected::Map,
        };
        let error: ShapeError = de::Error::invalid_type(found, visitor);
        error.at(self.node)
    }

    fn read_mapping<'de, V: Visitor<'de>>(
        self,
        known: Option<&'static [&'static str]>,
        visitor: V,
    ) -> Result<V::Value, ShapeError> {
        let Content::Mapping(entries) = &self.node.content else { return Err(self.wrong_type(&visitor)) };
        self.findings.borrow_mut().note_keys(self.node, known);
        let mut keys = std::collections::HashSet::new();
        let wanted: Vec<&Entry> = entries
            .iter()
            .filter(|entry| known.is_none_or(|known| known.contains(&entry.key.as_str())))
            .filter(|entry| keys.insert(entry.key.as_str()))
            .filter(|entry| !self.is_pruned(&entry.value))
            .collect();
        let mapping = Mapping { cursor: self, entries: wanted.into_iter(), value: None };
        visitor.visit_map(mapping).map_err(|error| error.at(self.node))
    }

    fn read_sequence<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ShapeError> {
        let Content::Sequence(items) = &self.node.content else { return Err(self.wrong_type(&visitor)) };
        let wanted: Vec<&Node> = items.iter().filter(|item| !self.is_pruned(item)).collect();
        if wanted.is_empty() && !items.is_empty() {
            return Err(ShapeError::consequence(self.node));
        }
        visitor.visit_seq(Sequence { cursor: self, items: wanted.into_iter() }).map_err(|error| error.at(self.node))
    }
}

impl<'de> Deserializer<'de> for Cursor<'_> {
    type Error = ShapeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ShapeError> {
        match &self.node.content {
            Content::Null => visitor.visit_unit(),
            Content::Bool(value) => visitor.visit_bool(*value),
            Content::Integer(value) => visitor.visit_i64(*value),
            Content::Float(value) => visitor.visit_f64(*value),
            Content::Text(text) => visitor.visit_str(text),
            Content::Sequence(_) => return self.read_sequence(visitor),
            Content::Mapping(_) => return self.read_mapping(None, visitor),
        }
        .map_err(|error: ShapeError| error.at(self.node))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ShapeError> {
        match &self.node.content {
            // A key without a value is a slip, not a way to leave the key out.
            Content::Null => Err(de::Error::invalid_type(Unexpected::Unit, &"a value"))
                .map_err(|error: ShapeError| error.at(self.node)),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ShapeError> {
        self.read_sequence(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ShapeError> {
        self.read_mapping(None, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ShapeError> {
        self.read_mapping(Some(fields), visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, ShapeError> {
        if name == SPANNED {
            visitor.visit_seq(WithPlace::new(self.node.place, self))
        } else {
            self.read_sequence(visitor)
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, ShapeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ShapeError> {
        match &self.node.content {
            Content::Text(text) => {
                let variant: StrDeserializer<'_, ShapeError> = text.as_str().into_deserializer();
                visitor.visit_enum(variant).map_err(|error| error.at(self.node))
            }
            Content::Mapping(entries) => {
                self.findings.borrow_mut().note_keys(self.node, Some(variants));
                let known: Vec<_> = entries.iter().filter(|entry| variants.contains(&entry.key.as_str())).collect();
                match known.as_slice() {
                    [entry] if self.is_pruned(&entry.value) => Err(ShapeError::consequence(self.node)),
                    [entry] => visitor
                        .visit_enum(Variant { key: &entry.key, value: Cursor::new(&entry.value, self.findings) })
                        .map_err(|error| error.at(self.node)),
                    // The unknown key is noted; that there is no known one follows from it.
                    [] if !entries.is_empty() => Err(ShapeError::consequence(self.node)),
                    _ => Err(ShapeError::choice(variants).at(self.node)),
                }
            }
            _ => Err(self.wrong_type(&visitor)),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct tuple
        identifier ignored_any
    }
}

struct Mapping<'a> {
    cursor: Cursor<'a>,
    entries: std::vec::IntoIter<&'a Entry>,
    value: Option<&'a Node>,
}

impl<'de> MapAccess<'de> for Mapping<'_> {
    type Error = ShapeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ShapeError> {
        let Some(entry) = self.entries.next() else { return Ok(None) };
        self.value = Some(&entry.value);
        seed.deserialize(Key(entry)).map(Some).map_err(|error| error.at(&entry.value))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ShapeError> {
        let value = self.value.take().ok_or_else(|| de::Error::custom("a key comes before its value"))?;
        seed.deserialize(Cursor::new(value, self.cursor.findings)).map_err(|error: ShapeError| error.at(value))
    }
}

struct Sequence<'a> {
    cursor: Cursor<'a>,
    items: std::vec::IntoIter<&'a Node>,
}

impl<'de> SeqAccess<'de> for Sequence<'_> {
    type Error = ShapeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ShapeError> {
        let Some(item) = self.items.next() else { return Ok(None) };
        seed.deserialize(Cursor::new(item, self.cursor.findings)).map(Some).map_err(|error: ShapeError| error.at(item))
    }
}

struct Variant<'a> {
    key: &'a str,
    value: Cursor<'a>,
}

impl<'de, 'a> EnumAccess<'de> for Variant<'a> {
    type Error = ShapeError;
    type Variant = Cursor<'a>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Cursor<'a>), ShapeError> {
        let key: StrDeserializer<'_, ShapeError> = self.key.into_deserializer();
        Ok((seed.deserialize(key)?, self.value))
    }
}

impl<'de> VariantAccess<'de> for Cursor<'_> {
    type Error = ShapeError;

    fn unit_variant(self) -> Result<(), ShapeError> {
        let error: ShapeError = de::Error::custom("this word stands alone, without a value");
        Err(error.at(self.node))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, ShapeError> {
        seed.deserialize(self).map_err(|error| error.at(self.node))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, ShapeError> {
        self.read_sequence(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ShapeError> {
        self.read_mapping(Some(fields), visitor)
    }
}

/// A key of a mapping.
struct Key<'a>(&'a Entry);

impl<'de> Deserializer<'de> for Key<'_> {
    type Error = ShapeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ShapeError> {
        visitor.visit_str(&self.0.key)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, ShapeError> {
        if name == SPANNED {
            visitor.visit_seq(WithPlace::new(self.0.key_place, self))
        } else {
            self.deserialize_any(visitor)
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple map struct enum identifier ignored_any
    }
}

/// The parts of a place, then the value: what `Spanned` reads.
struct WithPlace<D> {
    place: Place,
    part: usize,
    value: Option<D>,
}

impl<D> WithPlace<D> {
    const fn new(place: Place, value: D) -> Self {
        Self { place, part: 0, value: Some(value) }
    }
}

impl<'de, D: Deserializer<'de, Error = ShapeError>> SeqAccess<'de> for WithPlace<D> {
    type Error = ShapeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ShapeError> {
        let part = self.part;
        self.part += 1;
        match part {
            0 => seed.deserialize(self.place.file.into_deserializer()).map(Some),
            1 => seed.deserialize(self.place.start.into_deserializer()).map(Some),
            2 => seed.deserialize(self.place.end.into_deserializer()).map(Some),
            _ => self.value.take().map(|value| seed.deserialize(value)).transpose(),
        }
    }
}
