//! Plans and decisions as text. `README.md` says how they are written.

use std::path::Path;

use chrono::{DateTime, Utc};
use handoff_domain::action::Action;
use handoff_domain::decision::{Decider, Decision, DecisionKind, Override, Then};
use handoff_domain::payload::{Constraint, HandoffOption, Plan, Step};
use handoff_domain::reconcile::{
    Case, Owed, Question, Reconciliation, Returned, give_back, reconcile,
};
use handoff_domain::record::Recorded;
use handoff_domain::runnable::Pending;
use serde_json::{Map, Value, json};

/// A task: its plan, what was done, what is asked.
#[derive(Debug, Clone, Default)]
pub struct Task {
    steps: Vec<Value>,
    actions: Vec<Value>,
    asked: Option<String>,
    one_call: bool,
    waits: Vec<String>,
    left_out: Vec<String>,
    owed: Vec<(String, Owed)>,
    options: Vec<Value>,
    constraints: Vec<Value>,
}

/// One decision on a task, and what is expected of it.
#[derive(Debug)]
pub struct Told {
    /// Its place and title.
    pub name: String,
    pub task: Task,
    decision: Option<Value>,
    earlier: Vec<Value>,
    returned: Option<Value>,
    pending: Vec<String>,
    now: DateTime<Utc>,
    nothing_asked: bool,
    /// Step, verdict, and what its reason must say.
    pub lines: Vec<[String; 3]>,
    /// Kind, step, whether an override is needed, and what it must say.
    pub conflicts: Vec<[String; 4]>,
    /// Name, old and new value, source.
    pub facts: Vec<[String; 4]>,
    pub undo: Vec<String>,
    /// Step, and since when it is to be done again.
    pub owed: Vec<[String; 2]>,
    /// What each must say.
    pub faults: Vec<String>,
    /// Option or `-`, `holds`, `fails` or `words`, and what it must say.
    pub constraints: Vec<[String; 3]>,
}

/// All decisions of a file.
pub fn cases(file: &Path) -> Vec<Told> {
    let text = std::fs::read_to_string(file).expect("a file of decisions");
    let mut task = Task::default();
    let mut told: Vec<Told> = Vec::new();
    let mut defining = true;
    for (number, line) in text.lines().enumerate() {
        let place = format!("{}:{}", file.file_name().expect("a name").display(), number + 1);
        let line = line.trim();
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim();
        match word {
            "" | "#" => {}
            "plan" => {
                (task, defining) = (Task::default(), true);
            }
            "=" => {
                defining = false;
                told.push(Told::new(format!("{place} {rest}"), task.clone()));
            }
            _ if defining => task.define(word, rest, &place),
            _ => {
                let last = told.last_mut().unwrap_or_else(|| panic!("{place}: no case yet"));
                last.tell(word, rest, &place);
            }
        }
    }
    told
}

/// The time at which everything is decided.
pub fn noon() -> DateTime<Utc> {
    "2026-11-20T12:00:00Z".parse().expect("a moment")
}

impl Task {
    fn define(&mut self, word: &str, rest: &str, place: &str) {
        let list = || Value::from(rest.split(", ").collect::<Vec<_>>());
        let step = self.steps.last_mut();
        let action = self.actions.last_mut();
        match word {
            "step" => {
                let mut words = rest.splitn(3, ' ');
                let mut next = || words.next().unwrap_or_else(|| panic!("{place}: a step"));
                let (id, status, title) = (next(), next(), next());
                self.steps.push(json!({ "id": id, "status": status, "title": title }));
            }
            "needs" => step.expect(place)["depends_on"] = list(),
            "uses" => step.expect(place)["uses"] = list(),
            "output" => step.expect(place)["output"] = value(rest, place).0,
            "tool" => {
                let (tool, rest) = rest.split_once(' ').unwrap_or((rest, "{}"));
                let step = step.expect(place);
                step["tool"] = json!(tool);
                step["args"] = value(rest, place).0;
            }
            "did" => {
                let mut words = rest.splitn(5, ' ');
                let mut next = || words.next().unwrap_or_else(|| panic!("{place}: an action"));
                let (id, step, effect, tool, input) = (next(), next(), next(), next(), next());
                self.actions.push(json!({ "id": id, "step": step, "effect": effect, "tool": tool,
                    "input": value(input, place).0, "status": "done" }));
            }
            "found" => action.expect(place)["facts"] = value(rest, place).0,
            "after" => action.expect(place)["depends_on"] = list(),
            "files" => action.expect(place)["files"] = list(),
            "status" => action.expect(place)["status"] = json!(rest),
            "at" => action.expect(place)["ended_at"] = json!(rest),
            "undo" => action.expect(place)["undo"] = value(rest, place).0,
            "call" => self.one_call = true,
            "waits" => self.waits.push(rest.to_owned()),
            "owed" => {
                let mut words = rest.split(' ');
                let id = words.next().expect(place).to_owned();
                let told_at = words.next().and_then(|at| at.parse().ok()).expect(place);
                self.owed.push((id, Owed { told_at, said: words.next() == Some("said") }));
            }
            "left" => self.left_out.push(rest.to_owned()),
            "asks" => self.asked = Some(rest.to_owned()),
            "option" => {
                let (id, rest) = rest.split_once(' ').unwrap_or((rest, ""));
                let mut option = json!({ "id": id, "label": id, "risk":
                    { "level": "low", "effect": "reversible", "why": "It is a test." } });
                if let Some((tool, args)) = rest.split_once(' ') {
                    option["action"] = json!({ "tool": tool, "args": value(args, place).0 });
                }
                self.options.push(option);
            }
            "schema" => {
                let option = self.options.last_mut().expect(place);
                option["action"]["args_schema"] = value(rest, place).0;
            }
            "constraint" => self.constraints.push(constraint(rest)),
            _ => panic!("{place}: what is {word:?}?"),
        }
    }

    fn option(&self, id: &str, place: &str) -> &Value {
        let found = self.options.iter().find(|option| option["id"] == id);
        found.unwrap_or_else(|| panic!("{place}: no option {id:?}"))
    }
}

impl Told {
    fn new(name: String, task: Task) -> Self {
        Self {
            name,
            task,
            decision: None,
            earlier: Vec::new(),
            returned: None,
            pending: Vec::new(),
            now: noon(),
            nothing_asked: false,
            lines: Vec::new(),
            conflicts: Vec::new(),
            facts: Vec::new(),
            undo: Vec::new(),
            owed: Vec::new(),
            faults: Vec::new(),
            constraints: Vec::new(),
        }
    }

    fn tell(&mut self, word: &str, rest: &str, place: &str) {
        match word {
            "approve" | "modify" => {
                let (id, args) = rest.split_once(' ').unwrap_or((rest, ""));
                let option = self.task.option(id, place);
                let mut decision = json!({ "kind": word, "option": id });
                if let Some(action) = option.get("action") {
                    decision["tool"] = action["tool"].clone();
                    decision["args"] = action["args"].clone();
                }
                if !args.is_empty() {
                    let edits = value(args, place).0;
                    for (name, value) in edits.as_object().expect(place) {
                        let args = decision["args"].as_object_mut().expect(place);
                        if value.is_null() {
                            args.remove(name);
                        } else {
                            args.insert(name.clone(), value.clone());
                        }
                    }
                }
                self.decision = Some(decision);
            }
            "inform" => {
                let facts = if rest.is_empty() { json!({}) } else { value(rest, place).0 };
                let decision = self
                    .decision
                    .get_or_insert_with(|| json!({ "kind": "inform", "text": "New." }));
                decision["facts"] = facts;
            }
            "demand" => {
                let decision = self
                    .decision
                    .get_or_insert_with(|| json!({ "kind": "inform", "constraints": [] }));
                if decision.get("constraints").is_none() {
                    decision["constraints"] = json!([]);
                }
                decision["constraints"].as_array_mut().expect(place).push(constraint(rest));
            }
            "reject" => {
                self.decision = Some(json!({ "kind": "reject", "reason": "No.", "then": rest }));
            }
            "takeover" => self.decision = Some(json!({ "kind": "take_over" })),
            "earlier" => {
                let (at, facts) = rest.split_once(' ').expect(place);
                let facts = value(facts, place).0;
                self.earlier.push(json!({ "kind": "inform", "at": at, "facts": facts }));
            }
            "returned" => self.returned = Some(value(rest, place).0),
            "nothing" => self.nothing_asked = true,
            "pending" => self.pending.push(rest.to_owned()),
            "now" => self.now = rest.parse().expect(place),
            "->" => self.lines.push(parts(rest)),
            "conflict" => self.conflicts.push(parts(rest)),
            "fact" => self.facts.push(parts(rest)),
            "undo" => self.undo = rest.split(", ").map(str::to_owned).collect(),
            "owes" => self.owed.push(parts(rest)),
            "fault" => self.faults.push(rest.to_owned()),
            "constraint" => self.constraints.push(parts(rest)),
            _ => panic!("{place}: what is {word:?}?"),
        }
    }

    /// What comes out.
    pub fn outcome(&self) -> Reconciliation {
        let plan: Plan = read(json!({ "steps": self.task.steps }), &self.name);
        let steps: Vec<&Step> = plan.steps.iter().collect();
        assert!(!steps.is_empty(), "{}: a plan", self.name);
        let actions: Vec<Action> = read(json!(self.task.actions), &self.name);
        let options: Vec<HandoffOption> = read(json!(self.task.options), &self.name);
        let constraints: Vec<Constraint> = read(json!(self.task.constraints), &self.name);
        let decision = self.decision.as_ref().map(|told| decision(told, self.now));
        let earlier: Vec<Decision> =
            self.earlier.iter().map(|told| decision_at(told, &self.name)).collect();
        let case = Case {
            plan: &plan,
            actions: actions.iter().map(Recorded::said).collect(),
            question: (!self.nothing_asked).then(|| Question {
                step: self.task.asked.as_deref(),
                quick: false,
                one_call: self.task.one_call,
                options: &options,
                constraints: constraints.iter().collect(),
            }),
            decision: decision.as_ref(),
            earlier: earlier.iter().collect(),
            pending: self
                .pending
                .iter()
                .map(|step| Pending { id: "other", step: Some(step.as_str()) })
                .collect(),
            undone: self.task.waits.iter().map(String::as_str).collect(),
            left_out: self.task.left_out.iter().map(String::as_str).collect(),
            owed: self.task.owed.iter().map(|(step, owed)| (step.as_str(), *owed)).collect(),
            effects: [].into(),
            now: self.now,
        };
        match &self.returned {
            None => reconcile(&case),
            Some(returned) => {
                let returned: Returned = read(returned.clone(), &self.name);
                give_back(&case, &returned).reconciliation
            }
        }
    }
}

fn decision_at(told: &Value, name: &str) -> Decision {
    let at = told["at"].as_str().and_then(|at| at.parse().ok());
    decision(told, at.unwrap_or_else(|| panic!("{name}: a moment")))
}

fn decision(told: &Value, at: DateTime<Utc>) -> Decision {
    let object = |name: &str| -> Option<Map<String, Value>> { told[name].as_object().cloned() };
    let text = |name: &str| told[name].as_str().map(str::to_owned);
    let kind: DecisionKind = read(told["kind"].clone(), "a kind");
    let then: Option<Then> = read(told["then"].clone(), "then");
    let constraints = told.get("constraints").cloned().unwrap_or_else(|| json!([]));
    Decision {
        kind,
        by: Decider::Reviewer,
        at,
        option: text("option"),
        tool: text("tool"),
        args: object("args"),
        facts: object("facts").unwrap_or_default(),
        constraints: read(constraints, "constraints"),
        text: text("text"),
        reason: text("reason"),
        then,
        overriding: None::<Override>,
        message: None,
        note: None,
    }
}

/// `WORDS | EXPRESSION`, the second part of which may be left out.
fn constraint(rest: &str) -> Value {
    match rest.split_once(" | ") {
        Some((text, expr)) => json!({ "text": text, "expr": expr }),
        None => json!({ "text": rest }),
    }
}

fn parts<const COUNT: usize>(rest: &str) -> [String; COUNT] {
    let mut words = rest.splitn(COUNT, ' ').map(|word| word.trim().to_owned());
    std::array::from_fn(|_| words.next().unwrap_or_default())
}

fn value(text: &str, place: &str) -> (Value, usize) {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let first = values.next().unwrap_or_else(|| panic!("{place}: a value"));
    (first.unwrap_or_else(|fault| panic!("{place}: {fault}")), values.byte_offset())
}

fn read<T: serde::de::DeserializeOwned>(value: Value, name: &str) -> T {
    serde_json::from_value(value).unwrap_or_else(|fault| panic!("{name}: {fault}"))
}
