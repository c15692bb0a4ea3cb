//! One tool call: read so that no other reader can take it for another, and
//! written anew only where the reviewer has edited it.

use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use chrono::{DateTime, Utc};
use handoff_domain::action::Effect;
use handoff_domain::decision::{action_hash, fingerprint};
use handoff_domain::validate::strict_json;
use handoff_transport::client::Client;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::asking::Became;
use crate::message::{self, Meta, is_odd_key};

/// A call that the client has made.
pub struct Call {
    /// The id of the request, as it was written.
    pub id: Box<RawValue>,
    /// The line, as it came.
    pub line: Vec<u8>,
    /// The tool.
    pub tool: String,
    /// What it is to be given.
    pub args: Map<String, Value>,
    /// What the request says of itself.
    pub meta: Meta,
    /// What the client hands back so that an earlier call goes on.
    pub goes_on: Option<String>,
    /// When it came.
    pub came: Instant,
    /// The client has cancelled it, or is gone.
    pub dropped: AtomicBool,
    /// The handoff that it became, once it is held.
    pub became: OnceLock<Became>,
}

/// What the server was asked.
pub enum Sent {
    /// For its tools; the first page of them, or a later one.
    List {
        /// It begins the list anew.
        first: bool,
    },
    /// To call one.
    Call(Box<Going>),
}

/// A call that the server has.
pub struct Going {
    /// Names it within its work.
    pub action: String,
    /// The tool.
    pub tool: String,
    /// What the client asked for.
    pub asked: Map<String, Value>,
    /// What the server was given.
    pub args: Map<String, Value>,
    /// What the gate found it to do.
    pub effect: Effect,
    /// The decision that it carries out.
    pub handoff: Option<String>,
    /// When it was sent.
    pub began: DateTime<Utc>,
    /// Holds the lease on that decision.
    pub holder: Option<Client>,
    /// The client's hook has asked for it, and records it.
    pub is_hooked: bool,
}

impl Call {
    /// Reads the call, or says why it is refused.
    pub fn read(id: &RawValue, line: &[u8], params: Option<&RawValue>) -> Result<Self, String> {
        let text = params.map_or("", RawValue::get);
        let params = strict_json(text).map_err(|faults| {
            let faults: Vec<String> = faults
                .iter()
                .map(|fault| format!("{}: {}", fault.pointer, fault.message))
                .collect();
            format!("The call was not made: it cannot be read. {}", faults.join(" "))
        })?;
        let no = |what: &str| Err(format!("The call was not made: {what}."));
        let Value::Object(mut fields) = params else { return no("it has no parameters") };
        let known = ["name", "arguments", "_meta", "task", "inputResponses", "requestState"];
        if fields.keys().any(|key| is_odd_key(key, &known)) {
            return no("it has a parameter that can be mistaken for another");
        }
        let Some(Value::String(tool)) = fields.remove("name") else {
            return no("it names no tool");
        };
        let args = match fields.remove("arguments") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(args)) => args,
            Some(_) => return no("its arguments are no object"),
        };
        let answers = fields.contains_key("inputResponses");
        let goes_on = answers.then(|| going_on(&tool, &args, fields.get("requestState")));
        let raw = RawValue::from_string(text.to_owned()).map_err(|error| error.to_string())?;
        Ok(Self {
            id: id.to_owned(),
            line: line.to_vec(),
            tool,
            args,
            meta: Meta::of(Some(&raw)),
            goes_on,
            came: Instant::now(),
            dropped: AtomicBool::new(false),
            became: OnceLock::new(),
        })
    }

    /// The line to send on: as it came, or with other arguments.
    pub fn with(&self, args: &Map<String, Value>) -> Result<Vec<u8>, serde_json::Error> {
        if action_hash(&self.tool, args) == action_hash(&self.tool, &self.args) {
            return Ok(self.line.clone());
        }
        let mut whole: Value = serde_json::from_slice(&self.line)?;
        whole["params"]["arguments"] = json!(args);
        Ok(message::line(&whole))
    }
}

/// Names what goes on where the server has asked for more: the same call, with
/// what the server gave along.
pub fn going_on(tool: &str, args: &Map<String, Value>, state: Option<&Value>) -> String {
    fingerprint(&json!([tool, args, state]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(params: &str) -> Result<Call, String> {
        let line = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}"#);
        let raw = RawValue::from_string(params.to_owned()).expect("json");
        let id = RawValue::from_string("1".to_owned()).expect("json");
        Call::read(&id, line.as_bytes(), Some(&raw))
    }

    #[test]
    fn what_two_readers_could_take_differently_is_no_call() {
        for (params, part) in [
            (r#"{"name":"a","name":"b"}"#, "/name: "),
            (r#"{"name":"a","arguments":{"x":1,"x":2}}"#, "/arguments/x: "),
            (r#"{"name":"a","arguments":{"x":9007199254740993}}"#, "/arguments/x: "),
            (r#"{"name":"a","Name":"b"}"#, "mistaken"),
            (r#"{"name":"a","argument\u017f":{}}"#, "mistaken"),
            (r#"{"arguments":{}}"#, "no tool"),
            (r#"{"name":5}"#, "no tool"),
            (r#"{"name":"a","arguments":[]}"#, "no object"),
            (r"[]", "no parameters"),
        ] {
            let why = read(params).err().unwrap_or_default();
            assert!(why.contains("not made") && why.contains(part), "{params}: {why}");
        }
    }

    #[test]
    fn only_edited_arguments_change_the_line() {
        let call = read(r#"{"name":"a", "arguments":{"x":1.0},"_meta":{"progressToken":1}}"#)
            .expect("a call");
        let args = |text: &str| serde_json::from_str::<Map<String, Value>>(text).expect("json");
        assert_eq!(call.with(&args(r#"{"x":1}"#)).expect("a line"), call.line);
        let edited = call.with(&args(r#"{"x":2}"#)).expect("a line");
        let edited: Value = serde_json::from_slice(&edited).expect("json");
        assert_eq!(edited["params"]["arguments"], json!({ "x": 2 }));
        assert_eq!(edited["params"]["_meta"], json!({ "progressToken": 1 }), "the rest stays");
        assert_eq!(edited["id"], json!(1));
    }
}
