//! The tools of the server, as it lists them, in the form in which the desk is
//! told of them. What it says of their effects stays what it is: a claim.

use std::collections::BTreeMap;

use handoff_domain::decision::fingerprint;
use handoff_protocol::wire::Tool;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::schema::in_our_dialect;

/// How many tools the desk takes.
const MOST: usize = 500;

/// How long a definition may be, with room for what is around it.
const LONGEST: usize = 60 * 1024;

/// How much of a description is shown beside what is not, in characters.
const BEGINNING: usize = 1000;

/// The tools that the server has listed so far.
#[derive(Default)]
pub struct Known {
    tools: Vec<Listed>,
    told: bool,
}

#[derive(Debug, Clone, Deserialize)]
struct Listed {
    name: String,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(rename = "inputSchema", default)]
    schema: Option<Value>,
    #[serde(default)]
    annotations: Option<Map<String, Value>>,
}

impl Known {
    /// A page of the list has come; the first one begins it anew.
    pub fn listed(&mut self, first: bool, result: Option<&str>) {
        #[derive(Deserialize)]
        struct Page {
            #[serde(default)]
            tools: Vec<Value>,
        }
        let Some(page) = result.and_then(|text| serde_json::from_str::<Page>(text).ok()) else {
            return;
        };
        if first {
            self.tools.clear();
        }
        // What is no tool is none that the desk could know.
        self.tools
            .extend(page.tools.into_iter().filter_map(|tool| serde_json::from_value(tool).ok()));
        self.told = false;
    }

    /// What the desk has not been told yet.
    pub fn untold(&self) -> Option<Vec<Tool>> {
        (!self.told).then(|| definitions(&self.tools)).filter(|tools| !tools.is_empty())
    }

    /// The desk knows, or does not want to.
    pub fn told(&mut self) {
        self.told = true;
    }
}

/// The definitions that the desk can take. One of two with the same name could
/// be either: neither is told of, and so both stay unknown.
fn definitions(tools: &[Listed]) -> Vec<Tool> {
    let mut names: BTreeMap<&str, u32> = BTreeMap::new();
    for tool in tools {
        *names.entry(&tool.name).or_default() += 1;
    }
    let plain = |name: &str| !name.trim().is_empty() && name.chars().count() <= 200;
    tools
        .iter()
        .filter(|tool| plain(&tool.name) && names.get(tool.name.as_str()) == Some(&1))
        .take(MOST)
        .map(definition)
        .collect()
}

fn definition(tool: &Listed) -> Tool {
    let mut described = match (&tool.title, &tool.description) {
        (Some(title), Some(text)) => Some(format!("{title}: {text}")),
        (Some(one), None) | (None, Some(one)) => Some(one.clone()),
        (None, None) => None,
    };
    let args_schema = tool.schema.as_ref().and_then(in_our_dialect);
    if let (Some(schema), None) = (&tool.schema, &args_schema) {
        described = Some(left_out(described.as_deref(), "the schema of its arguments", schema));
    }
    let whole = Tool {
        name: tool.name.clone(),
        description: described,
        args_schema,
        effect: None,
        annotations: tool.annotations.clone(),
    };
    let value = serde_json::to_value(&whole).unwrap_or_default();
    if value.to_string().len() <= LONGEST {
        return whole;
    }
    Tool {
        description: Some(left_out(whole.description.as_deref(), "its definition", &value)),
        args_schema: None,
        annotations: None,
        ..whole
    }
}

/// A description that says what is not shown; the fingerprint tells when that
/// changes, so that what was accepted is not another thing later.
fn left_out(description: Option<&str>, what: &str, value: &Value) -> String {
    let begins: String = description.unwrap_or_default().chars().take(BEGINNING).collect();
    format!("{begins} (Not shown: {what}, whose SHA-256 is {}.)", fingerprint(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn names(known: &Known) -> Vec<String> {
        known.untold().unwrap_or_default().into_iter().map(|tool| tool.name).collect()
    }

    fn page(tools: Value) -> String {
        json!({ "tools": tools }).to_string()
    }

    #[test]
    fn pages_add_up_and_a_first_one_begins_anew() {
        let mut known = Known::default();
        assert_eq!(known.untold(), None, "nothing to tell");
        known.listed(true, Some(&page(json!([{ "name": "a" }]))));
        known.listed(false, Some(&page(json!([{ "name": "b" }, 5, { "nam": "c" }]))));
        assert_eq!(names(&known), ["a", "b"]);
        known.told();
        assert_eq!(known.untold(), None);
        known.listed(true, Some(&page(json!([{ "name": "c" }]))));
        assert_eq!(names(&known), ["c"]);
        known.listed(true, None);
        assert_eq!(names(&known), ["c"], "an error is no list");
    }

    #[test]
    fn what_the_desk_would_refuse_is_left_out_and_the_rest_told() {
        let mut known = Known::default();
        let long = "x".repeat(201);
        let tools = json!([{ "name": "a" }, { "name": "twice" }, { "name": "twice" },
            { "name": " " }, { "name": long }]);
        known.listed(true, Some(&page(tools)));
        assert_eq!(names(&known), ["a"]);
    }

    #[test]
    fn a_definition_that_is_too_long_still_changes_when_it_changes() {
        let told = |text: String| {
            let mut known = Known::default();
            known.listed(
                true,
                Some(&page(json!([{ "name": "a", "description": text,
                "annotations": { "readOnlyHint": true } }]))),
            );
            known.untold().expect("tools").remove(0)
        };
        let (one, other) = (told("x".repeat(90_000)), told("x".repeat(90_000) + "y"));
        assert!(serde_json::to_string(&one).expect("json").len() < LONGEST);
        assert_ne!(one, other);
        assert_eq!(one.annotations, None, "it claims nothing that nobody can look at");
    }
}
