//! What waits in a thread, as handoffs: one for each thing that is decided.

use handoff_domain::decision::{Decider, Decision, DecisionKind, fingerprint};
use handoff_domain::payload::{AllowedDecision, ReasonCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::answer::NoForm;
use super::dialect::{Malformed, Question, Reading, read};
use super::thread::{Thread, Waiting};

/// The most of a graph's own text that goes onto the card, in characters.
const TEXT: usize = 8000;

/// The most of what stands beside it in `meta`, in bytes.
const META: usize = 40_000;

/// What stands for the deadline that no server names, in seconds: the desk puts the
/// reviewer's own in its place.
const RESPOND_WITHIN: u32 = 3600;

/// Why the arguments of some calls cannot be edited.
const FIXED: &str = " Its arguments cannot be edited: the graph takes no others back.";

/// Where a question is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// What the server is called here.
    pub server: String,
    /// The thread.
    pub thread: String,
    /// The graph, as the server names it.
    #[serde(default)]
    pub graph: Option<String>,
    /// What runs it.
    #[serde(default)]
    pub assistant: Option<String>,
    /// The name of the thread, if its user gave it one.
    #[serde(default)]
    pub title: Option<String>,
}

impl Place {
    /// Where a thread of a list is.
    pub fn of(server: &str, thread: &Thread) -> Self {
        let named = |name: &str| {
            let found = thread.metadata.as_ref()?.get(name)?.as_str()?;
            (!found.trim().is_empty()).then(|| found.to_owned())
        };
        Self {
            server: server.to_owned(),
            thread: thread.id.clone(),
            graph: named("graph_id"),
            assistant: named("assistant_id"),
            title: named("title"),
        }
    }

    fn title(&self) -> String {
        if let Some(title) = &self.title {
            return title.chars().take(200).collect();
        }
        let from = self.thread.len().saturating_sub(12);
        let end = self.thread.get(from..).unwrap_or(&self.thread);
        format!("{}, thread …{end}", self.graph())
    }

    fn graph(&self) -> &str {
        self.graph.as_deref().unwrap_or("a graph")
    }
}

/// One thing that waits, understood.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    /// The answer has the form of a dialect.
    Dialect(Reading),
    /// A yes lets the graph go on.
    GoOn(Box<Question>),
}

impl Asked {
    /// Understands what waits.
    pub fn of(waiting: &Waiting) -> Result<Self, Malformed> {
        Ok(match waiting {
            Waiting::Interrupt { value, schema, .. } => {
                Self::Dialect(read(value, schema.as_ref())?)
            }
            Waiting::Breakpoint { next, .. } => Self::GoOn(Box::new(breakpoint(next))),
            Waiting::Failed { nodes, why, .. } => Self::GoOn(Box::new(retry(nodes, why))),
        })
    }

    /// What the reviewer decides.
    pub fn questions(&self) -> &[Question] {
        match self {
            Self::Dialect(reading) => &reading.questions,
            Self::GoOn(question) => std::slice::from_ref(question),
        }
    }

    /// What is sent; `None` where the graph just goes on.
    pub fn answer(&self, decisions: &[Decision]) -> Result<Option<Value>, NoForm> {
        match (self, decisions) {
            (Self::Dialect(reading), _) => reading.answer(decisions).map(Some),
            (Self::GoOn(_), [one]) if one.by == Decider::Reviewer => match one.kind {
                DecisionKind::Approve => Ok(None),
                DecisionKind::Reject | DecisionKind::TakeOver => Err(NoForm::AsDecided),
                DecisionKind::Modify | DecisionKind::Inform => Err(NoForm::Unanswerable),
            },
            (Self::GoOn(_), _) => Err(NoForm::Unanswerable),
        }
    }
}

/// The key of a part of a question: the same after every restart.
pub fn key(thread: &str, question: &str, part: usize, attempt: u32) -> String {
    let digest = fingerprint(&json!([thread, question, part, attempt]));
    format!("langgraph:{}", digest.get(..40).unwrap_or(&digest))
}

/// The handoff that a question becomes.
pub fn handoff(place: &Place, waiting: &Waiting, question: &Question, key: &str) -> Value {
    let why = question.risk_why.as_deref().unwrap_or("Nobody says that it can be taken back.");
    let asks = question
        .can
        .iter()
        .any(|can| matches!(can, AllowedDecision::Approve | AllowedDecision::Modify));
    let title = place.title();
    let fixed =
        asks && !question.args.is_empty() && !question.can.contains(&AllowedDecision::Modify);
    let fixed = if fixed { FIXED } else { "" };
    let mut payload = json!({
        "version": "1",
        "key": key,
        "task": {
            "id": place.thread,
            "title": title,
            "goal": format!("Finish this run of {} on {}.", place.graph(), place.server),
        },
        "reason": { "code": question.reason },
        "priority": if asks { "high" } else { "normal" },
        "summary": format!("A LangGraph run that works on “{title}” waits for you. {why}{fixed}"),
        "pending_question": { "text": clipped(&question.text) },
        "deadline": { "respond_within_s": RESPOND_WITHIN, "on_timeout": { "kind": "escalate" } },
        "options": [],
        "allowed_decisions": question.can,
        "briefing": { "not_included": ["The state of the graph: it stays with the server"] },
        "resume": { "mode": "checkpoint", "token": place.thread },
        "meta": meta(place, waiting),
    });
    if asks && let Some(payload) = payload.as_object_mut() {
        payload.insert("options".to_owned(), json!([option(question, why)]));
    }
    payload
}

fn option(question: &Question, why: &str) -> Value {
    let run = || format!("Run {}", question.tool);
    let label: String = question.label.clone().unwrap_or_else(run).chars().take(200).collect();
    let mut action = json!({ "tool": question.tool, "args": question.args });
    let mut option = json!({
        "id": "run",
        "label": label,
        "risk": { "level": "high", "effect": "irreversible", "why": why },
    });
    if let (Some(schema), Some(action)) = (&question.args_schema, action.as_object_mut()) {
        action.insert("args_schema".to_owned(), schema.clone());
    }
    if let Some(option) = option.as_object_mut() {
        if let Some(description) = &question.description {
            option.insert("description".to_owned(), json!(clipped(description)));
        }
        option.insert("action".to_owned(), action);
    }
    option
}

fn meta(place: &Place, waiting: &Waiting) -> Value {
    let mut found = Map::from_iter([("server".to_owned(), json!(place.server))]);
    found.insert("thread_id".to_owned(), json!(place.thread));
    if let Some(graph) = &place.graph {
        found.insert("graph_id".to_owned(), json!(graph));
    }
    match waiting {
        Waiting::Interrupt { id, value, .. } => {
            found.insert("interrupt_id".to_owned(), json!(id));
            found.insert("value".to_owned(), value.clone());
        }
        Waiting::Breakpoint { checkpoint, next } => {
            found.insert("checkpoint_id".to_owned(), json!(checkpoint));
            found.insert("next".to_owned(), json!(next));
        }
        Waiting::Failed { checkpoint, nodes, why } => {
            found.insert("checkpoint_id".to_owned(), json!(checkpoint));
            found.insert("next".to_owned(), json!(nodes));
            found.insert("error".to_owned(), json!(clipped(why)));
        }
    }
    let whole = Value::Object(found);
    if whole.to_string().len() <= META {
        return json!({ "langgraph_server": whole });
    }
    let parts = whole.as_object().into_iter().flatten();
    let short: Map<String, Value> = parts
        .map(|(name, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (name.clone(), json!(clipped(&text)))
        })
        .collect();
    json!({ "langgraph_server": short })
}

fn breakpoint(next: &[String]) -> Question {
    let nodes = next.join(", ");
    Question {
        text: format!("The graph stopped before {nodes}. May it go on?"),
        label: Some(format!("Go on with {nodes}")),
        risk_why: Some("Only the graph knows what the node does.".to_owned()),
        ..going_on(next)
    }
}

fn retry(nodes: &[String], why: &str) -> Question {
    let names = nodes.join(", ");
    Question {
        text: format!("{names} failed: {why}. May it be tried again?"),
        label: Some(format!("Try {names} again")),
        risk_why: Some(
            "It starts from its beginning, with the answer that it was given.".to_owned(),
        ),
        reason: ReasonCode::Failure,
        ..going_on(nodes)
    }
}

fn going_on(nodes: &[String]) -> Question {
    Question {
        tool: "go_on".to_owned(),
        args: Map::from_iter([("nodes".to_owned(), json!(nodes))]),
        text: String::new(),
        can: vec![AllowedDecision::Approve],
        reason: ReasonCode::ApprovalRequired,
        description: None,
        args_schema: None,
        label: None,
        risk_why: None,
    }
}

/// A text that fits onto the card.
fn clipped(text: &str) -> String {
    let count = text.chars().count();
    if count <= TEXT {
        return text.to_owned();
    }
    let head: String = text.chars().take(TEXT).collect();
    format!("{head} … ({count} characters in all)")
}
