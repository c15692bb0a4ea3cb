//! One message of the protocol: what a line says, and lines to answer with.
//!
//! It reads as strictly as two readers must agree. A line in which another
//! reader could find another method than this one is not read at all
//! ([`Odd`]): some take the first of two equal keys, some the last, some do not
//! tell `Method` from `method`.

use std::borrow::Cow;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// The newest version that begins with a handshake.
pub const HANDSHAKE: &str = "2025-11-25";

/// The version in which every request stands for itself.
pub const STATELESS: &str = "2026-07-28";

/// JSON-RPC's and the protocol's numbers for errors.
pub mod code {
    /// The line is not JSON.
    pub const PARSE: i32 = -32700;
    /// It is no call.
    pub const INVALID: i32 = -32600;
    /// There is no such method.
    pub const NO_METHOD: i32 = -32601;
    /// The parameters do not fit.
    pub const PARAMS: i32 = -32602;
    /// The request names a version that is not spoken.
    pub const VERSION: i32 = -32022;
}

const KNOWN: [&str; 6] = ["jsonrpc", "id", "method", "params", "result", "error"];

/// What a line says.
#[derive(Debug)]
pub enum Message<'a> {
    /// It wants an answer.
    Request {
        /// The id, as it was written.
        id: &'a RawValue,
        /// What for.
        method: Cow<'a, str>,
        /// With what.
        params: Option<&'a RawValue>,
    },
    /// It wants none.
    Notification {
        /// What of.
        method: Cow<'a, str>,
        /// With what.
        params: Option<&'a RawValue>,
    },
    /// It is one.
    Answer {
        /// To what.
        id: &'a RawValue,
        /// What came of it; none is an error.
        result: Option<&'a RawValue>,
        /// Why nothing came of it.
        error: Option<&'a RawValue>,
    },
}

/// A line that readers could take differently, or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Odd;

impl<'a> Message<'a> {
    /// Reads a line.
    pub fn read(line: &'a [u8]) -> Result<Self, Odd> {
        let text = std::str::from_utf8(line).map_err(|_| Odd)?;
        let text = text.trim_end_matches(['\r', '\n']);
        // JSON takes it for a space, and some readers for the end of a line: to
        // them, what stands between two of these is a message of its own.
        if text.contains('\r') {
            return Err(Odd);
        }
        if !text.trim_start().starts_with('{') {
            return Err(Odd);
        }
        let fields: Fields<'a> = serde_json::from_str(text).map_err(|_| Odd)?;
        match (fields.id, fields.method, fields.result, fields.error) {
            (Some(id), Some(method), None, None) => {
                Ok(Self::Request { id, method, params: fields.params })
            }
            (None, Some(method), None, None) => {
                Ok(Self::Notification { method, params: fields.params })
            }
            (Some(id), None, result, error) if result.is_some() != error.is_some() => {
                Ok(Self::Answer { id, result, error })
            }
            _ => Err(Odd),
        }
    }
}

/// Whether any reader could find a tool call in these bytes: without the word,
/// and without a way to write its letters otherwise, none can. Some readers
/// leave out what they cannot decode.
pub fn may_call(line: &[u8]) -> bool {
    let plain: Vec<u8> = line.iter().copied().filter(|byte| (0x20..0x7f).contains(byte)).collect();
    let has = |word: &[u8]| plain.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word));
    has(b"call") || has(b"\\u")
}

/// Whether a key is one of `known`, or could be taken for one of them by a
/// reader that folds letters: such a key makes its object odd.
pub fn is_odd_key(key: &str, known: &[&str]) -> bool {
    !known.contains(&key)
        && (!key.is_ascii() || known.iter().any(|known| known.eq_ignore_ascii_case(key)))
}

/// What `_meta` says of a request, as far as it matters here.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Meta {
    /// The client wants to be told how it goes.
    #[serde(rename = "progressToken", default)]
    pub progress: Option<Value>,
    /// The version of a request that stands for itself.
    #[serde(rename = "io.modelcontextprotocol/protocolVersion", default)]
    pub version: Option<String>,
    /// Who asks.
    #[serde(rename = "io.modelcontextprotocol/clientInfo", default)]
    pub client: Option<Client>,
    /// What Codex tells of its turn.
    #[serde(rename = "x-codex-turn-metadata", default)]
    codex: Option<Value>,
    /// What Claude Code calls the call.
    #[serde(rename = "claudecode/toolUseId", default)]
    claude: Option<Value>,
}

impl Meta {
    /// What the client calls the session that this belongs to, where it says so.
    pub fn session(&self) -> Option<&str> {
        self.codex.as_ref()?.get("session_id")?.as_str().filter(|id| !id.is_empty())
    }

    /// What the client has called this call before its hook, where it says so.
    pub fn call(&self) -> Option<&str> {
        self.claude.as_ref()?.as_str()
    }

    /// What the parameters of a request have; nothing, where it is no such thing.
    pub fn of(params: Option<&RawValue>) -> Self {
        #[derive(Deserialize)]
        struct Holder {
            #[serde(rename = "_meta", default)]
            meta: Option<Meta>,
        }
        params
            .and_then(|params| serde_json::from_str::<Holder>(params.get()).ok())
            .and_then(|holder| holder.meta)
            .unwrap_or_default()
    }

    /// Whether the request stands for itself.
    pub fn is_stateless(&self) -> bool {
        self.version.is_some()
    }
}

/// Who asks.
#[derive(Debug, Clone, Deserialize)]
pub struct Client {
    /// Its name.
    pub name: String,
}

/// Names a request: however its id is written, the same one is the same.
pub fn id_key(id: &RawValue) -> String {
    serde_json::from_str::<Value>(id.get())
        .map_or_else(|_| id.get().to_owned(), |id| id.to_string())
}

/// The id that a cancellation names.
pub fn cancelled(params: Option<&RawValue>) -> Option<String> {
    #[derive(Deserialize)]
    struct Cancelled {
        #[serde(rename = "requestId")]
        id: Value,
    }
    let params: Cancelled = serde_json::from_str(params?.get()).ok()?;
    Some(params.id.to_string())
}

/// The line that answers a request.
pub fn answer(id: &RawValue, result: &impl Serialize) -> Vec<u8> {
    line(&json!({ "jsonrpc": "2.0", "id": id, "result": result }))
}

/// The line that refuses one; without an id, where none could be read.
pub fn error(id: Option<&RawValue>, code: i32, message: &str, data: Option<Value>) -> Vec<u8> {
    let mut error = json!({ "code": code, "message": message });
    if let Some(data) = data {
        error["data"] = data;
    }
    line(&json!({ "jsonrpc": "2.0", "id": id, "error": error }))
}

/// The line that tells how far a request is.
pub fn progress(token: &Value, done: f64, total: Option<f64>, words: &str) -> Vec<u8> {
    let mut params = json!({ "progressToken": token, "progress": done, "message": words });
    if let Some(total) = total {
        params["total"] = json!(total);
    }
    line(&json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": params }))
}

/// What a tool answers.
pub fn tool_result(
    stateless: bool,
    text: &str,
    structured: Option<&Value>,
    is_error: bool,
) -> Value {
    let mut result = json!({ "content": [{ "type": "text", "text": text }], "isError": is_error });
    if let Some(structured) = structured {
        result["structuredContent"] = structured.clone();
    }
    if stateless {
        result["resultType"] = json!("complete");
    }
    result
}

/// A value as a line.
pub fn line(value: &Value) -> Vec<u8> {
    let mut line = value.to_string().into_bytes();
    line.push(b'\n');
    line
}

#[derive(Default)]
struct Fields<'a> {
    id: Option<&'a RawValue>,
    method: Option<Cow<'a, str>>,
    params: Option<&'a RawValue>,
    result: Option<&'a RawValue>,
    error: Option<&'a RawValue>,
    jsonrpc: bool,
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_map(Top)
    }
}

struct Top;

/// A text that is taken from the line where it has no escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Visitor<'de> for Top {
    type Value = Fields<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a message")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Fields<'de>, M::Error> {
        let odd = || serde::de::Error::custom("a key that is there twice, or nearly");
        let mut fields = Fields::default();
        while let Some(Text(key)) = map.next_key::<Text<'de>>()? {
            let twice = match key.as_ref() {
                "id" => fields.id.replace(map.next_value()?).is_some(),
                "method" => fields.method.replace(map.next_value::<Text<'de>>()?.0).is_some(),
                "params" => fields.params.replace(map.next_value()?).is_some(),
                "result" => fields.result.replace(map.next_value()?).is_some(),
                "error" => fields.error.replace(map.next_value()?).is_some(),
                "jsonrpc" => {
                    map.next_value::<IgnoredAny>()?;
                    std::mem::replace(&mut fields.jsonrpc, true)
                }
                other if is_odd_key(other, &KNOWN) => return Err(odd()),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    false
                }
            };
            if twice {
                return Err(odd());
            }
        }
        Ok(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(line: &str) -> String {
        match Message::read(line.as_bytes()) {
            Ok(Message::Request { id, method, .. }) => format!("request {} {method}", id.get()),
            Ok(Message::Notification { method, .. }) => format!("notification {method}"),
            Ok(Message::Answer { id, error, .. }) => {
                format!("answer {} {}", id.get(), if error.is_some() { "error" } else { "result" })
            }
            Err(Odd) => "odd".to_owned(),
        }
    }

    #[test]
    fn a_line_is_what_every_reader_takes_it_for() {
        for (line, what) in [
            (
                r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}}"#,
                "request 1 tools/call",
            ),
            (r#"{"method":"tools\u002fcall","id":"a"}"#, "request \"a\" tools/call"),
            (r#" {"method":"ping","id":1,"extra":{"method":"x"}}"#, "request 1 ping"),
            (r#"{"method":"notifications/initialized"}"#, "notification notifications/initialized"),
            (r#"{"id":2,"result":{}}"#, "answer 2 result"),
            (r#"{"id":2,"error":{"code":1}}"#, "answer 2 error"),
            (r#"{"id":1,"method":"ping","method":"tools/call"}"#, "odd"),
            (r#"{"id":1,"method":"ping","Method":"tools/call"}"#, "odd"),
            (r#"{"id":1,"method":"ping","param\u017f":{}}"#, "odd"),
            (r#"{"id":1,"id":2,"method":"ping"}"#, "odd"),
            (r#"{"id":1,"method":"ping","result":{}}"#, "odd"),
            (r#"{"id":1,"method":["tools/call"]}"#, "odd"),
            (r#"["2.0",1,"tools/call"]"#, "odd"),
            (r#"[{"id":1,"method":"ping"}]"#, "odd"),
            (r#"{"id":1,"method":"ping"} {"id":2,"method":"tools/call"}"#, "odd"),
            ("\u{feff}{\"id\":1,\"method\":\"ping\"}", "odd"),
            ("{\"id\":1,\"method\":\"ping\"}\r\n", "request 1 ping"),
            ("{\"id\":1,\"method\":\"ping\",\"params\":\r{}\r}", "odd"),
            ("", "odd"),
            ("hello", "odd"),
        ] {
            assert_eq!(kind(line), what, "{line}");
        }
    }

    #[test]
    fn what_cannot_be_read_passes_only_if_nobody_can_find_a_call_in_it() {
        for (line, may) in [
            (&b"hello"[..], false),
            (b"{\"method\":\"ping\",", false),
            (b"{\"method\":\"tools/call\",", true),
            (b"{\"METHOD\":\"TOOLS/CALL\"", true),
            (b"{\"method\":\"tools/c\\u0061ll\"", true),
            (b"\xff\xfe{\"method\":\"tools/call\"}", true),
            (b"{\"method\":\"tools/ca\xffll\"}", true),
            (b"{\"method\":\"tools/ca\x00ll\"}", true),
        ] {
            assert_eq!(may_call(line), may, "{:?}", String::from_utf8_lossy(line));
        }
    }

    #[test]
    fn ids_are_the_same_however_they_are_written() {
        let key = |text: &str| id_key(serde_json::from_str::<&RawValue>(text).expect("json"));
        assert_eq!(key(r#""a""#), key(r#""\u0061""#));
        assert_ne!(key("1"), key("\"1\""));
        let params = RawValue::from_string(r#"{"requestId":"a"}"#.to_owned()).expect("json");
        assert_eq!(cancelled(Some(&params)), Some(key(r#""a""#)));
    }

    #[test]
    fn what_a_request_says_of_itself_is_found() {
        let params = r#"{"_meta":{"progressToken":7,
            "io.modelcontextprotocol/protocolVersion":"2026-07-28",
            "io.modelcontextprotocol/clientInfo":{"name":"x","version":"1"}}}"#;
        let params = RawValue::from_string(params.to_owned()).expect("json");
        let meta = Meta::of(Some(&params));
        assert_eq!(meta.progress, Some(json!(7)));
        assert!(meta.is_stateless());
        assert_eq!(meta.client.map(|client| client.name).as_deref(), Some("x"));
        assert!(!Meta::of(None).is_stateless());
    }
}
