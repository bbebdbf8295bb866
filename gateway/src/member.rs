//! What the members of a body can be, beyond what serde brings: objects that are objects, and names in the form in
//! which they are kept.

use crate::ids;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

/// A JSON object. A plain derived struct reads an array as well, member by member in the order of its fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object<T>(pub T);

impl<T> Deref for Object<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                // The map goes straight to the struct: nothing is read twice or kept between.
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

/// A code or id as the caller wrote it, composed (NFC) while it is read: names that look the same are the same.
/// Borrowed where it has no escapes and is composed already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name<'a>(Cow<'a, str>);

impl Deref for Name<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;

        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Self::Value, E> {
                Ok(Name(ids::composed(value)))
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(ids::composed(value).into_owned())))
            }
        }

        deserializer.deserialize_str(NameVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Pair<'a> {
        #[serde(borrow)]
        one: Name<'a>,
        two: Option<Object<Inner>>,
    }

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Inner {
        three: u8,
    }

    #[test]
    fn an_array_is_no_object_at_any_depth() {
        let read = |text| serde_json::from_str::<Object<Pair<'_>>>(text);
        assert_eq!(read(r#"{"one":"e\u0301","two":{"three":3}}"#).unwrap().one.deref(), "é");
        assert!(matches!(read(r#"{"one":"MUG"}"#).unwrap().0.one.0, Cow::Borrowed("MUG")));
        for text in [r#"["MUG",{"three":3}]"#, r#"{"one":"MUG","two":[3]}"#, r#""MUG""#] {
            assert!(read(text).unwrap_err().to_string().contains("expected an object"), "{text}");
        }
    }
}
