//! What an agent could write to deceive or to harm, in every field of a handoff
//! that takes free text.

use std::net::{TcpListener, TcpStream};

use serde_json::{Map, Value, json};

/// Characters nobody sees, or that turn the direction of writing.
pub const UNSEEN: [char; 2] = ['\u{202E}', '\u{200B}'];

/// A listener to which hostile text points: whoever loads an image of it is heard.
pub struct Lure(TcpListener);

impl Lure {
    /// Lays it out on this machine.
    pub fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    /// Markup, a script, images of three kinds, text that runs backwards, and
    /// letters nobody sees.
    pub fn text(&self) -> String {
        let port = self.0.local_addr().unwrap().port();
        format!(
            "<b>bold</b><img src=http://127.0.0.1:{port}/a onerror=\"owned=1\">\
             <script>owned=1</script>![x](http://127.0.0.1:{port}/b)\
             <p style=\"background:url(//127.0.0.1:{port}/c)\">&amp;\u{202E}exe\u{200B}"
        )
    }

    /// Panics if anybody has come. Whoever asks is the first to be heard.
    #[track_caller]
    pub fn is_untouched(&self) {
        let own = TcpStream::connect(self.0.local_addr().unwrap()).unwrap();
        let (_first, from) = self.0.accept().unwrap();
        assert_eq!(from, own.local_addr().unwrap(), "something of the text was fetched");
    }
}

/// A handoff as full as the schema allows, with `text` in every free string of
/// it: a field that is new in the schema is in it by itself.
pub fn everywhere(key: &str, text: &str) -> Value {
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/handoff.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(schema).unwrap()).unwrap();
    let mut filling = Filling { schema: &schema, text, count: 0 };
    let mut handoff = filling.object("Handoff", &schema, 0);
    assert!(filling.count > 60, "only {} fields were filled", filling.count);
    handoff["key"] = json!(key);
    handoff["deadline"] =
        json!({"respond_within_s": 86_400, "on_timeout": {"kind": "manual_review"}});
    handoff
}

struct Filling<'a> {
    schema: &'a Value,
    text: &'a str,
    /// How often the text was put in.
    count: usize,
}

impl Filling<'_> {
    fn object(&mut self, name: &str, schema: &Value, number: usize) -> Value {
        let mut object = Map::new();
        for (field, schema) in schema["properties"].as_object().unwrap() {
            let place = format!("{name}.{field}");
            if let Some(value) = self.bound(&place, number) {
                object.insert(field.clone(), value);
            } else if !NAMES_ANOTHER.contains(&place.as_str()) {
                object.insert(field.clone(), self.value(&place, schema, number));
            }
        }
        Value::Object(object)
    }

    /// What has to be of a certain form, free as it may look.
    fn bound(&mut self, place: &str, number: usize) -> Option<Value> {
        let said = json!(self.text).to_string();
        let value = match place {
            // A language of its own, with the text as a word of it.
            "Constraint.expr" => json!(format!("{said} != ''")),
            "ProposedAction.args_schema" => {
                json!({"type": "object", "title": self.text, "description": self.text})
            }
            "Task.id" => json!("task"),
            "Undo.cwd" => json!(format!("/{}", self.text)),
            "HandoffOption.recommended" => json!(number == 0),
            _ => return None,
        };
        self.count += usize::from(value.to_string().contains("bold"));
        Some(value)
    }

    fn value(&mut self, place: &str, schema: &Value, number: usize) -> Value {
        if let Some(name) = schema["$ref"].as_str() {
            let name = name.rsplit('/').next().unwrap();
            return self.value(name, &self.schema["$defs"][name], number);
        }
        if let Some(kinds) = schema["oneOf"].as_array() {
            return self.value(place, &kinds[number % kinds.len()], number);
        }
        if let Some(kinds) = schema["anyOf"].as_array() {
            let kind = kinds.iter().find(|kind| kind["type"] != "null").unwrap();
            return self.value(place, kind, number);
        }
        if let Some(only) = schema.get("const") {
            return only.clone();
        }
        if let Some(first) = schema.get("enum") {
            return first[0].clone();
        }
        // Where it may be null, too, that comes last.
        let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str());
        match kind {
            Some("array") => {
                let items = &schema["items"];
                let times = if items["$ref"].is_string() { 2 } else { 1 };
                (0..times).map(|number| self.value(place, items, number)).collect()
            }
            Some("object") if schema["properties"].is_object() => {
                self.object(place, schema, number)
            }
            Some("string") => self.string(place, schema, number),
            Some("boolean") => json!(true),
            Some("integer" | "number") => schema["minimum"].clone(),
            // Anything at all, names included.
            _ => {
                self.count += 1;
                json!({"text": self.text, "list": [self.text, 7], self.text: {"deep": self.text}})
            }
        }
    }

    fn string(&mut self, place: &str, schema: &Value, number: usize) -> Value {
        if schema["format"] == "date-time" {
            let year = if place.rsplit('.').next() == Some("until") { 2099 } else { 2026 };
            return json!(format!("{year}-01-01T00:00:00Z"));
        }
        if schema["pattern"].as_str().is_some_and(|pattern| pattern != r"\S") {
            return json!(format!("id-{number}"));
        }
        self.count += 1;
        let most = schema["maxLength"].as_u64().and_then(|most| usize::try_from(most).ok());
        json!(self.text.chars().take(most.unwrap_or(usize::MAX)).collect::<String>())
    }
}

/// Fields that name something else in the payload, or in the desk.
const NAMES_ANOTHER: [&str; 10] = [
    "Handoff.allowed_decisions",
    "Handoff.deadline",
    "Handoff.supersedes",
    "Action.depends_on",
    "Action.handoff",
    "Action.step",
    "OnTimeout.option",
    "PendingQuestion.step",
    "Step.depends_on",
    "Step.uses",
];
