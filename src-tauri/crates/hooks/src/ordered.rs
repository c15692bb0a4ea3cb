//! JSON whose objects keep the order of their members, so that a file of the
//! user's stays as they wrote it.
//!
//! `serde_json` can do the same by a feature; but that would be on for the whole
//! desk, and there the order of what is stored must not depend on who wrote it.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An object in the order in which it was written.
pub type Object = IndexMap<String, Ordered>;

/// A value in the order in which it was written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Ordered {
    /// An object.
    Object(Object),
    /// A list.
    List(Vec<Ordered>),
    /// Anything that has no parts.
    Plain(Value),
}

impl Ordered {
    /// A member of an object.
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.as_object()?.get(name)
    }

    /// The object, if it is one.
    pub fn as_object(&self) -> Option<&Object> {
        if let Self::Object(object) = self { Some(object) } else { None }
    }

    /// The object, if it is one.
    pub fn as_object_mut(&mut self) -> Option<&mut Object> {
        if let Self::Object(object) = self { Some(object) } else { None }
    }

    /// The list, if it is one.
    pub fn as_list_mut(&mut self) -> Option<&mut Vec<Self>> {
        if let Self::List(list) = self { Some(list) } else { None }
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::Plain(value) = self { value.as_str() } else { None }
    }
}

impl From<&str> for Ordered {
    fn from(text: &str) -> Self {
        Self::Plain(text.into())
    }
}

impl From<u64> for Ordered {
    fn from(number: u64) -> Self {
        Self::Plain(number.into())
    }
}
