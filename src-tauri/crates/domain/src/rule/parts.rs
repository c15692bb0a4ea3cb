//! How a rule is read from JSON: flat, and nothing in it that is not known. A
//! misspelt `until` would otherwise be a rule without an end.
//!
//! An `allow` that says nothing of a folder is for the calls that name none. So
//! were those made from a card before a folder was part of a rule: where they
//! would have let the same words go elsewhere, the reviewer is asked again.

use chrono::{DateTime, Utc};
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::{Does, Rule, When};
use crate::action::Effect;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    name: String,
    agent: Option<String>,
    tool: Option<String>,
    #[serde(default)]
    when: When,
    does: Kind,
    why: Option<String>,
    effect: Option<Effect>,
    until: Option<DateTime<Utc>>,
    uses: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Allow,
    Hold,
    Counts,
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let parts = Parts::deserialize(source)?;
        let does = match (parts.does, parts.why, parts.effect) {
            (Kind::Allow, None, None) => Does::Allow,
            (Kind::Hold, Some(why), None) => Does::Hold { why },
            (Kind::Counts, None, Some(effect)) => Does::Counts { effect },
            (Kind::Allow, _, _) => {
                return Err(D::Error::custom("an `allow` has neither `why` nor `effect`"));
            }
            (Kind::Hold, _, _) => {
                return Err(D::Error::custom("a `hold` has a `why`, and no `effect`"));
            }
            (Kind::Counts, _, _) => {
                return Err(D::Error::custom("a `counts` has an `effect`, and no `why`"));
            }
        };
        let Parts { name, agent, tool, mut when, until, uses, .. } = parts;
        if does == Does::Allow {
            when.cwd.get_or_insert_default();
        }
        Ok(Self { name, agent, tool, when, does, until, uses })
    }
}
