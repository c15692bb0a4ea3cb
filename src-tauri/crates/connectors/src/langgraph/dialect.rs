//! The dialects of LangGraph's interrupts: what each asks, and the form its
//! answer has. The Python package reads them in the same words; what both must
//! agree on lies in `tests/dialects.json`.
//!
//! A value of a known dialect that is malformed is refused; one of no known
//! dialect is shown as JSON, and the reviewer writes the answer.

use handoff_domain::payload::{AllowedDecision, ReasonCode};
use serde_json::{Map, Value, json};

use super::schema;

/// The longest name of a tool, in characters.
const TOOL: usize = 200;

const GRAPH_ALONE: &str = "Only the graph knows what it does with the answer.";

/// Why an interrupt cannot be understood; it completes a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed(pub String);

/// One thing that the reviewer decides.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// The tool, or what stands in its place.
    pub tool: String,
    /// What it would be called with.
    pub args: Map<String, Value>,
    /// The question itself.
    pub text: String,
    /// What the dialect has a form for.
    pub can: Vec<AllowedDecision>,
    /// Why it is asked.
    pub reason: ReasonCode,
    /// What the graph says of it.
    pub description: Option<String>,
    /// The form of edited arguments.
    pub args_schema: Option<Value>,
    /// What choosing it does, where that is not running the tool.
    pub label: Option<String>,
    /// Why it is risky, where more is known than that nobody says.
    pub risk_why: Option<String>,
}

/// What a dialect calls a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    Approve,
    Edit,
    Respond,
    Reject,
}

impl Word {
    const ALL: [Self; 4] = [Self::Approve, Self::Edit, Self::Respond, Self::Reject];

    fn of(text: &str) -> Option<Self> {
        match text {
            "approve" => Some(Self::Approve),
            "edit" => Some(Self::Edit),
            "respond" => Some(Self::Respond),
            "reject" => Some(Self::Reject),
            _ => None,
        }
    }

    /// What the desk does; a rejection is always possible.
    fn decision(self) -> Option<AllowedDecision> {
        match self {
            Self::Approve => Some(AllowedDecision::Approve),
            Self::Edit => Some(AllowedDecision::Modify),
            Self::Respond => Some(AllowedDecision::Inform),
            Self::Reject => None,
        }
    }
}

/// One interrupt, understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// What the reviewer decides, in the order of the answer.
    pub questions: Vec<Question>,
    pub(super) form: Form,
}

/// The form of the answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Form {
    /// LangChain's `HITLRequest`: several tool calls, one answer.
    Batch(Vec<Vec<Word>>),
    /// LangChain's `tool_approval`: one tool call, one decision.
    PerCall(Vec<Word>),
    /// The agent inbox's request; its answer is always a list.
    Inbox { words: Vec<Word>, ignore: bool },
    /// A schema for the answer; `bare` where it is of an object.
    Schema { bare: bool },
    /// The answer is text, or JSON in `answer`.
    Free,
}

/// Which dialect an interrupt speaks, by the shape of its value.
pub fn read(value: &Value, schema: Option<&Value>) -> Result<Reading, Malformed> {
    if schema.is_some_and(|schema| !schema.is_object()) {
        return Err(schema::no_schema());
    }
    let is_inbox = |value: &Value| value.get("action_request").is_some();
    let one = match value.as_array().and_then(|all| all.first()) {
        Some(first) if is_inbox(first) => {
            if value.as_array().is_some_and(|all| all.len() > 1) {
                return Err(Malformed("the list has more than one request".to_owned()));
            }
            first
        }
        Some(_) | None => value,
    };
    if one.get("action_requests").is_some() {
        batch(one)
    } else if is_inbox(one) {
        inbox(one)
    } else if one.get("type").and_then(Value::as_str) == Some("tool_approval") {
        per_call(one, schema)
    } else if let Some(schema) = schema {
        form(value, schema)
    } else {
        let can = vec![AllowedDecision::Modify, AllowedDecision::Inform];
        let args = Map::from_iter([("answer".to_owned(), Value::Null)]);
        let question = free_question(value, args, None, can);
        Ok(Reading { questions: vec![question], form: Form::Free })
    }
}

fn batch(value: &Value) -> Result<Reading, Malformed> {
    let list = |name: &str| value.get(name).and_then(Value::as_array);
    let (Some(requests), Some(configs)) = (list("action_requests"), list("review_configs")) else {
        return Err(no_lists());
    };
    if requests.is_empty() {
        return Err(no_lists());
    }
    let (mut questions, mut allowed) = (Vec::new(), Vec::new());
    for request in requests {
        let (name, args) = call_of(request, "name")?;
        let named = |config: &&Value| {
            config.get("action_name").and_then(Value::as_str) == Some(name.as_str())
        };
        // The last of a name counts, as in a mapping.
        let config = configs.iter().rev().find(named).ok_or_else(|| {
            Malformed(format!("`review_configs` does not say what may be decided on {name}"))
        })?;
        let words = allowed_words(config)?;
        let description = request.get("description");
        questions.push(tool_question(name, args, &words, description, config.get("args_schema")));
        allowed.push(words);
    }
    Ok(Reading { questions, form: Form::Batch(allowed) })
}

fn no_lists() -> Malformed {
    Malformed(
        "`action_requests` and `review_configs` are no lists with something in them".to_owned(),
    )
}

fn per_call(value: &Value, root: Option<&Value>) -> Result<Reading, Malformed> {
    let (name, args) = call_of(value, "name")?;
    let branches = root.map(branches).transpose()?;
    let words = match &branches {
        Some(found) => {
            Word::ALL.into_iter().filter(|word| found.iter().any(|(one, _)| one == word)).collect()
        }
        None => Word::ALL.to_vec(),
    };
    let edit = branches.as_ref().and_then(|all| {
        all.iter().rev().find(|(word, _)| *word == Word::Edit).map(|(_, branch)| *branch)
    });
    let args_schema = match (edit, root) {
        (Some(edit), Some(root)) => edit_schema(edit, root)?,
        (Some(_) | None, _) => None,
    };
    let question =
        tool_question(name, args, &words, value.get("description"), args_schema.as_ref());
    Ok(Reading { questions: vec![question], form: Form::PerCall(words) })
}

fn inbox(value: &Value) -> Result<Reading, Malformed> {
    let request = value.get("action_request").unwrap_or(&Value::Null);
    let (name, args) = call_of(request, "action")?;
    let config = value.get("config").and_then(Value::as_object);
    let flag = |flag: &str| match config.map(|config| config.get(flag)) {
        Some(None) => Ok(false),
        Some(Some(Value::Bool(set))) => Ok(*set),
        Some(Some(_)) | None => {
            Err(Malformed("`config` does not say with booleans what is allowed".to_owned()))
        }
    };
    let flags = [
        (Word::Approve, flag("allow_accept")?),
        (Word::Edit, flag("allow_edit")?),
        (Word::Respond, flag("allow_respond")?),
    ];
    let words: Vec<Word> =
        flags.into_iter().filter_map(|(word, set)| set.then_some(word)).collect();
    let ignore = flag("allow_ignore")?;
    let question = tool_question(name, args, &words, value.get("description"), None);
    Ok(Reading { questions: vec![question], form: Form::Inbox { words, ignore } })
}

fn form(value: &Value, schema: &Value) -> Result<Reading, Malformed> {
    let bare = schema.get("type").and_then(Value::as_str) == Some("object");
    let inside = if bare {
        schema.clone()
    } else {
        let mut part = schema.clone();
        let definitions = part.as_object_mut().and_then(|part| part.remove("$defs"));
        let mut whole =
            json!({ "type": "object", "required": ["answer"], "properties": { "answer": part } });
        if let (Some(definitions), Some(whole)) = (definitions, whole.as_object_mut()) {
            whole.insert("$defs".to_owned(), definitions);
        }
        whole
    };
    let Value::Object(blank) = schema::blank(&inside, &inside)? else {
        return Err(Malformed("its `response_schema` has a default that is no object".to_owned()));
    };
    let question = free_question(value, blank, Some(inside), vec![AllowedDecision::Modify]);
    Ok(Reading { questions: vec![question], form: Form::Schema { bare } })
}

fn call_of(request: &Value, name: &str) -> Result<(String, Map<String, Value>), Malformed> {
    if !request.is_object() {
        return Err(Malformed("a request is no object".to_owned()));
    }
    let tool = request.get(name).and_then(Value::as_str).filter(|tool| !tool.trim().is_empty());
    let args = request.get("args").and_then(Value::as_object);
    let (Some(tool), Some(args)) = (tool, args) else {
        return Err(Malformed(format!("a request has no `{name}`, or `args` that are no object")));
    };
    if tool.chars().count() > TOOL {
        return Err(Malformed(format!("the name of a tool has more than {TOOL} characters")));
    }
    Ok((tool.to_owned(), args.clone()))
}

fn allowed_words(config: &Value) -> Result<Vec<Word>, Malformed> {
    let listed = config.get("allowed_decisions").and_then(Value::as_array);
    let texts: Option<Vec<&str>> =
        listed.and_then(|listed| listed.iter().map(Value::as_str).collect());
    let texts =
        texts.ok_or_else(|| Malformed("`allowed_decisions` is no list of words".to_owned()))?;
    let mut unknown: Vec<&str> =
        texts.iter().copied().filter(|text| Word::of(text).is_none()).collect();
    if !unknown.is_empty() {
        unknown.sort_unstable();
        unknown.dedup();
        return Err(Malformed(format!(
            "it allows decisions that this version does not know: {}",
            unknown.join(", ")
        )));
    }
    Ok(Word::ALL
        .into_iter()
        .filter(|word| texts.iter().any(|text| Word::of(text) == Some(*word)))
        .collect())
}

type Branch<'s> = (Word, &'s Map<String, Value>);

/// The decisions that a per-call schema lists, by their type.
fn branches(root: &Value) -> Result<Vec<Branch<'_>>, Malformed> {
    let some = |word: &str| root.get(word).and_then(Value::as_array).filter(|all| !all.is_empty());
    let listed: Vec<&Value> = match some("oneOf").or_else(|| some("anyOf")) {
        Some(all) => all.iter().collect(),
        None => vec![root],
    };
    let mut found = Vec::new();
    for one in listed {
        let branch = schema::resolved(one, root)?;
        let kind = branch.get("properties").and_then(|inside| inside.get("type"));
        let kind = kind.map(|kind| schema::resolved(kind, root)).transpose()?;
        let named = kind.and_then(|kind| {
            let listed = kind.get("enum").and_then(Value::as_array);
            kind.get("const").or_else(|| listed.and_then(|all| all.first()))
        });
        let word = named.and_then(Value::as_str).and_then(Word::of).ok_or_else(|| {
            let named = named.map_or_else(|| "none".to_owned(), Value::to_string);
            Malformed(format!(
                "its schema lists a decision that this version does not know: {named}"
            ))
        })?;
        found.push((word, branch));
    }
    Ok(found)
}

fn edit_schema(edit: &Map<String, Value>, root: &Value) -> Result<Option<Value>, Malformed> {
    let action = edit.get("properties").and_then(|inside| inside.get("edited_action"));
    let action = action.map(|action| schema::resolved(action, root)).transpose()?;
    let args = action
        .and_then(|action| action.get("properties"))
        .and_then(|inside| inside.get("args"))
        .filter(|args| args.is_object());
    let Some(args) = args else { return Ok(None) };
    let mut found = schema::resolved(args, root)?.clone();
    if let Some(definitions) = root.get("$defs") {
        found.insert("$defs".to_owned(), definitions.clone());
    }
    Ok(Some(Value::Object(found)))
}

fn tool_question(
    name: String,
    args: Map<String, Value>,
    words: &[Word],
    description: Option<&Value>,
    args_schema: Option<&Value>,
) -> Question {
    let text = format!("May it call {name} with these arguments?");
    let description = description.and_then(Value::as_str).filter(|text| !text.is_empty());
    Question {
        tool: name,
        args,
        text,
        can: words.iter().filter_map(|word| word.decision()).collect(),
        reason: ReasonCode::ApprovalRequired,
        description: description.map(str::to_owned),
        args_schema: args_schema.filter(|schema| schema.is_object()).cloned(),
        label: None,
        risk_why: None,
    }
}

fn free_question(
    value: &Value,
    args: Map<String, Value>,
    schema: Option<Value>,
    can: Vec<AllowedDecision>,
) -> Question {
    let pretty = || serde_json::to_string_pretty(value).unwrap_or_default();
    let shown = value.as_str().map_or_else(pretty, str::to_owned);
    let named = ["question", "message", "prompt", "task"].into_iter().map(|name| value.get(name));
    let asked = named
        .chain([Some(value)])
        .filter_map(|text| text.and_then(Value::as_str))
        .find(|text| !text.trim().is_empty());
    let nothing_asked =
        "The graph waits for an answer; what it shows stands beside the option. What is it?";
    Question {
        tool: "answer".to_owned(),
        args,
        text: asked.unwrap_or(nothing_asked).to_owned(),
        can,
        reason: ReasonCode::MissingInformation,
        description: (!shown.is_empty()).then(|| format!("What the graph shows: {shown}")),
        args_schema: schema,
        label: Some("Answer with these values".to_owned()),
        risk_why: Some(GRAPH_ALONE.to_owned()),
    }
}
