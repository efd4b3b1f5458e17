//! Which settings there are, read off the type that holds them: one list for the file, for the variables of the
//! environment, and for suggestions. A setting added to the type is known everywhere at once.

use std::cell::Cell;

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed, IntoDeserializer, MapAccess, Visitor, value},
    forward_to_deserialize_any,
};

/// What kind of value a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text, or a word out of a few.
    Text,
    /// A whole number.
    Integer,
    /// A number with decimals.
    Number,
    /// `true` or `false`.
    Switch,
    /// A list.
    List,
    /// Anything else: written as in the file.
    Other,
}

/// One setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its section; empty at the top of the file.
    pub section: String,
    /// Its name within the section.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
}

impl Setting {
    /// Its section and its name.
    pub fn path(&self) -> String {
        join(&self.section, self.name)
    }
}

/// A name within a section.
pub(super) fn join(section: &str, name: &str) -> String {
    if section.is_empty() {
        name.into()
    } else {
        format!("{section}.{name}")
    }
}

/// All settings of a type, in the order of its fields, those of its sections last.
pub fn settings<T: for<'de> Deserialize<'de>>() -> Vec<Setting> {
    let mut found = Vec::new();
    walk::<T>(&mut Vec::new(), "", &mut found);
    found
}

fn walk<T: for<'de> Deserialize<'de>>(
    route: &mut Vec<usize>,
    section: &str,
    found: &mut Vec<Setting>,
) {
    let Some(Shape::Section(names)) = look::<T>(route) else {
        return;
    };
    let mut sections = Vec::new();
    for (index, name) in names.iter().enumerate() {
        route.push(index);
        match look::<T>(route) {
            Some(Shape::Value(kind)) => found.push(Setting {
                section: section.into(),
                name,
                kind,
            }),
            Some(Shape::Section(_)) => sections.push(index),
            None => {}
        }
        route.pop();
    }
    for index in sections {
        route.push(index);
        walk::<T>(route, &join(section, names[index]), found);
        route.pop();
    }
}

#[derive(Clone, Copy)]
enum Shape {
    Section(&'static [&'static str]),
    Value(Kind),
}

/// What is at the end of a route of field numbers.
fn look<T: for<'de> Deserialize<'de>>(route: &[usize]) -> Option<Shape> {
    let seen = Cell::new(None);
    // No value comes out of this, by design: what was asked for on the way is the answer.
    drop(T::deserialize(Probe { route, seen: &seen }));
    seen.get()
}

/// Follows a route into a type and notes what is asked for at its end.
struct Probe<'a> {
    route: &'a [usize],
    seen: &'a Cell<Option<Shape>>,
}

impl Probe<'_> {
    fn met(&self, shape: Shape) -> value::Error {
        if self.route.is_empty() {
            self.seen.set(Some(shape));
        }
        de::Error::custom("seen")
    }
}

macro_rules! values {
    ($($method:ident: $kind:ident,)*) => {
        $(fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value, value::Error> {
            Err(self.met(Shape::Value(Kind::$kind)))
        })*
    };
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = value::Error;

    values! {
        deserialize_any: Other,
        deserialize_bool: Switch,
        deserialize_i8: Integer,
        deserialize_i16: Integer,
        deserialize_i32: Integer,
        deserialize_i64: Integer,
        deserialize_i128: Integer,
        deserialize_u8: Integer,
        deserialize_u16: Integer,
        deserialize_u32: Integer,
        deserialize_u64: Integer,
        deserialize_u128: Integer,
        deserialize_f32: Number,
        deserialize_f64: Number,
        deserialize_char: Text,
        deserialize_str: Text,
        deserialize_string: Text,
        deserialize_seq: List,
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, value::Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, value::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, value::Error> {
        Err(self.met(Shape::Value(Kind::Text)))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, value::Error> {
        match self.route.split_first() {
            Some((index, route)) if *index < fields.len() => visitor.visit_map(OneField {
                name: Some(fields[*index]),
                value: Some(Probe {
                    route,
                    seen: self.seen,
                }),
            }),
            _ => Err(self.met(Shape::Section(fields))),
        }
    }

    forward_to_deserialize_any! {
        bytes byte_buf unit unit_struct tuple tuple_struct map identifier ignored_any
    }
}

/// A map with the one field that the route goes through.
struct OneField<'a> {
    name: Option<&'static str>,
    value: Option<Probe<'a>>,
}

impl<'de> MapAccess<'de> for OneField<'_> {
    type Error = value::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, value::Error> {
        let name = self.name.take();
        name.map(|name| seed.deserialize(name.into_deserializer()))
            .transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, value::Error> {
        let probe = self.value.take();
        seed.deserialize(probe.ok_or_else(|| de::Error::custom("asked for twice"))?)
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, net::SocketAddr, path::PathBuf};

    use super::*;

    #[derive(Default, Deserialize)]
    #[serde(default)]
    #[allow(dead_code, reason = "only its shape is looked at")]
    struct Outer {
        address: Option<SocketAddr>,
        inner: Inner,
        path: PathBuf,
        list: Vec<u8>,
        table: HashMap<String, u8>,
    }

    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "snake_case")]
    #[allow(dead_code, reason = "only its shape is looked at")]
    struct Inner {
        share: f32,
        on: bool,
        deep: Deep,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    #[allow(dead_code, reason = "only its shape is looked at")]
    struct Deep {
        word: Word,
    }

    #[derive(Default, Deserialize)]
    #[allow(dead_code, reason = "only its shape is looked at")]
    enum Word {
        #[default]
        One,
        Two,
    }

    #[test]
    fn every_field_is_found_with_its_section_and_kind() {
        let found: Vec<(String, Kind)> = settings::<Outer>()
            .into_iter()
            .map(|setting| (setting.path(), setting.kind))
            .collect();
        let expected = [
            ("address", Kind::Text),
            ("path", Kind::Text),
            ("list", Kind::List),
            ("table", Kind::Other),
            ("inner.share", Kind::Number),
            ("inner.on", Kind::Switch),
            ("inner.deep.word", Kind::Text),
        ];
        let expected: Vec<_> = expected.map(|(path, kind)| (path.to_owned(), kind)).into();
        assert_eq!(found, expected);
    }
}
