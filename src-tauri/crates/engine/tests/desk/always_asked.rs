//! Invariant 7 at the real gate: whatever levels, standing rules, cards, permits,
//! stored keys and claims of the agent come together, what cannot be undone, or
//! nobody knows, runs by a decision on that very call, once.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};

use chrono::TimeDelta;
use handoff_domain::autonomy::Level;
use handoff_domain::decision::Then;
use handoff_domain::lifecycle::State;
use handoff_protocol::view::{Pause, RuleFrom, SetLevel};
use handoff_testkit::Headless;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::{Value, json};

use crate::agent::{Agent, approve, decide_and_release, reject};
use crate::gate::{AGENT, desk};

/// What is asked for. None of it can be undone, for the reasons that are named.
fn call(kind: usize) -> (&'static str, Value) {
    match kind {
        // Nobody knows it.
        0 => ("gate.burn", json!({ "x": 1 })),
        // It is accepted as what it is.
        1 => ("files.delete", json!({ "path": "a" })),
        // It is read as what it is.
        2 => ("bash", json!({ "command": "rm -rf build" })),
        // The desk keeps no copies of it, and no undo is named.
        3 => ("Write", json!({ "file_path": "/work/a/x.txt", "content": "y" })),
        // It is accepted as reversible: the agent claims more, or names no way back.
        4 => ("files.move", json!({ "from": "a", "to": "b" })),
        _ => ("files.move", json!({ "from": "c", "to": "d" })),
    }
}

const KINDS: usize = 6;
const FOLDERS: [Option<&str>; 3] = [None, Some("/work/a"), Some("/work/b")];

/// One question.
#[derive(Debug, Clone)]
struct Ask {
    kind: usize,
    task: usize,
    key: usize,
    folder: usize,
    undo: usize,
    claim: usize,
    /// The task is given whole, so that one that has ended begins anew.
    whole: bool,
}

#[derive(Debug, Clone)]
enum Step {
    Ask(Ask),
    /// A call that was asked about is asked for again, with another key or in
    /// another folder where that is given.
    Again {
        place: usize,
        key: Option<usize>,
        folder: Option<usize>,
    },
    /// One of those is recorded.
    Tell {
        place: usize,
        own_id: bool,
        status: &'static str,
    },
    /// The reviewer answers the question of this place among those asked so far.
    Answer {
        place: usize,
        yes: bool,
    },
    Record {
        of: Ask,
        own_id: bool,
        status: &'static str,
    },
    Report {
        place: usize,
    },
    Level {
        task: Option<usize>,
        level: Level,
    },
    Pause(bool),
    /// The reviewer allows the call for good, in this folder or in any.
    Allow {
        kind: usize,
        folder: usize,
    },
    /// The same from a card.
    AllowCard {
        place: usize,
    },
    /// The agent names its tools anew.
    Tools {
        claims: &'static str,
    },
    Close {
        task: usize,
    },
}

fn ask() -> impl Strategy<Value = Ask> {
    let what = (0..KINDS, 0..2_usize, 0..3_usize, 0..FOLDERS.len());
    (what, 0..4_usize, 0..4_usize, prop::bool::weighted(0.8)).prop_map(
        |((kind, task, key, folder), undo, claim, whole)| Ask {
            kind,
            task,
            key,
            folder,
            undo,
            claim,
            whole,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let levels = prop::sample::select(vec![Level::Suggest, Level::Draft, Level::Execute]);
    let other_folder = prop::option::weighted(0.2, 0..FOLDERS.len());
    let status = prop::sample::select(vec!["done", "done", "failed", "undone"]);
    prop_oneof![
        10 => ask().prop_map(Step::Ask),
        6 => (0..4_usize, prop::bool::weighted(0.85))
            .prop_map(|(place, yes)| Step::Answer { place, yes }),
        8 => (0..4_usize, prop::option::weighted(0.3, 0..3_usize), other_folder)
            .prop_map(|(place, key, folder)| Step::Again { place, key, folder }),
        3 => (0..4_usize, any::<bool>(), status.clone())
            .prop_map(|(place, own_id, status)| Step::Tell { place, own_id, status }),
        1 => (ask(), any::<bool>(), status)
            .prop_map(|(of, own_id, status)| Step::Record { of, own_id, status }),
        1 => (0..8_usize).prop_map(|place| Step::Report { place }),
        1 => (prop::option::of(0..2_usize), levels)
            .prop_map(|(task, level)| Step::Level { task, level }),
        1 => prop::bool::weighted(0.2).prop_map(Step::Pause),
        1 => (0..KINDS, 0..FOLDERS.len())
            .prop_map(|(kind, folder)| Step::Allow { kind, folder }),
        1 => (0..8_usize).prop_map(|place| Step::AllowCard { place }),
        1 => prop::sample::select(vec!["read", "reversible"])
            .prop_map(|claims| Step::Tools { claims }),
        1 => (0..2_usize).prop_map(|task| Step::Close { task }),
    ]
}

impl Ask {
    fn task(&self) -> String {
        format!("t{}", self.task)
    }

    fn key(&self) -> String {
        format!("{}-{}-{}", self.kind, self.task, self.key)
    }

    fn check(&self) -> Value {
        let (tool, args) = call(self.kind);
        let mut check =
            json!({ "task": self.task(), "tool": tool, "args": args, "key": self.key() });
        if self.whole {
            check["task"] = json!({ "id": self.task(), "title": "T", "goal": "G" });
        }
        if let Some(folder) = FOLDERS[self.folder] {
            check["cwd"] = json!(folder);
        }
        let claims = ["read", "reversible", "irreversible"];
        match self.kind {
            4 => check["effect"] = json!("irreversible"),
            _ if self.claim > 0 => check["effect"] = json!(claims[self.claim - 1]),
            _ => {}
        }
        if let Some(undo) = self.undo() {
            check["undo"] = undo;
            check["files"] = json!(["other.txt"]);
        }
        check
    }

    fn undo(&self) -> Option<Value> {
        match self.undo {
            _ if matches!(self.kind, 3 | 5) => None,
            1 => Some(json!({ "kind": "tool", "tool": "files.move", "args": {} })),
            2 => Some(json!({ "kind": "command", "argv": ["true"], "cwd": "/", "timeout_s": 5 })),
            3 => Some(json!({ "kind": "files" })),
            _ => None,
        }
    }
}

/// A yes of the reviewer, to one call in one folder.
struct Yes {
    handoff: String,
    of: Ask,
    open: bool,
}

/// A desk with its agent, and what the reviewer has said.
struct World {
    desk: Headless,
    agent: Agent,
    /// Each question, with what was asked first under it.
    asked: Vec<(String, Ask)>,
    yes: Vec<Yes>,
    /// Who was let run, by key: the decision, and what it was asked for.
    ran: HashMap<String, (String, Ask)>,
    /// The keys of what is recorded or reported on.
    over: HashSet<String>,
    /// How many of the recorded actions were taken for what was asked for.
    vouched: HashMap<(String, usize), u32>,
    /// How each recorded action ended.
    actions: HashMap<String, &'static str>,
    paused: bool,
}

type Walked = Result<(), TestCaseError>;

impl World {
    async fn new() -> Self {
        let (desk, agent) = desk().await;
        Self {
            desk,
            agent,
            asked: Vec::new(),
            yes: Vec::new(),
            ran: HashMap::new(),
            over: HashSet::new(),
            vouched: HashMap::new(),
            actions: HashMap::new(),
            paused: false,
        }
    }

    async fn take(&mut self, step: &Step) -> Walked {
        match step {
            Step::Ask(ask) => return self.ask(ask).await,
            Step::Again { place, key, folder } => {
                let Some((_, mut ask)) = self.at(*place) else { return Ok(()) };
                ask.key = key.unwrap_or(ask.key);
                ask.folder = folder.unwrap_or(ask.folder);
                return self.ask(&ask).await;
            }
            Step::Tell { place, own_id, status } => {
                let Some((_, of)) = self.at(*place) else { return Ok(()) };
                return self.record(&of, *own_id, status).await;
            }
            Step::Answer { place, yes } => self.answer(*place, *yes).await,
            Step::Record { of, own_id, status } => return self.record(of, *own_id, status).await,
            Step::Report { place } => self.report(*place).await,
            Step::Level { task, level } => {
                let task = task.map(|task| format!("t{task}"));
                let agent = AGENT.to_owned();
                let set = SetLevel { agent, task, level: Some(*level), minutes: None };
                // A task that nobody has opened has no level.
                self.desk.engine.set_level(set).await.ok();
            }
            Step::Pause(paused) => {
                let agent = Some(AGENT.to_owned());
                let pause = Pause { agent, task: None, paused: *paused };
                self.desk.engine.pause(pause).await.expect("paused");
                self.paused = *paused;
            }
            Step::Allow { kind, folder } => {
                let (tool, args) = call(*kind);
                let args: serde_json::Map<String, Value> = args
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(name, value)| (name.clone(), json!({ "is": value })))
                    .collect();
                let mut when = json!({ "args": args });
                if let Some(folder) = FOLDERS[*folder] {
                    when["cwd"] = json!(folder);
                }
                let until = handoff_engine::Clock::now(&self.desk.clock) + TimeDelta::days(7);
                let rule = json!({ "name": "x", "agent": AGENT, "tool": tool, "does": "allow",
                    "when": when, "until": until });
                let rule = serde_json::from_value(rule).expect("a rule");
                // None is kept for a shell.
                self.desk.engine.add_rule(rule).await.ok();
            }
            Step::AllowCard { place } => {
                if let Some((id, _)) = self.at(*place) {
                    let from = RuleFrom::Card { id, days: 7, uses: None };
                    self.desk.engine.add_rule_from(from).await.ok();
                }
            }
            Step::Tools { claims } => {
                let tools = json!({ "tools": [
                    { "name": "gate.burn", "effect": claims },
                    { "name": "files.list", "effect": "read" },
                    { "name": "files.move", "effect": "reversible" },
                    { "name": "files.delete", "effect": claims },
                ] });
                self.agent.call("agent.tools", tools).await.expect("tools");
            }
            Step::Close { task } => {
                // One that was never opened cannot end.
                self.agent.call("task.close", json!({ "task": format!("t{task}") })).await.ok();
            }
        }
        Ok(())
    }

    fn at(&self, place: usize) -> Option<(String, Ask)> {
        let places = self.asked.len();
        (places > 0).then(|| self.asked[places - 1 - place % places].clone())
    }

    async fn ask(&mut self, ask: &Ask) -> Walked {
        // A key that was used in another folder, or a task that has ended.
        let Ok(answer) = self.agent.call("action.check", ask.check()).await else { return Ok(()) };
        let (key, handoff) = (ask.key(), answer["handoff_id"].as_str().unwrap_or_default());
        if answer["verdict"] != "run" {
            if !handoff.is_empty() && self.asked.iter().all(|(id, _)| id != handoff) {
                self.asked.push((handoff.to_owned(), ask.clone()));
            }
            return Ok(());
        }
        prop_assert!(!self.paused, "it ran while it was paused: {}", answer);
        prop_assert!(!self.over.contains(&key), "it was over, and runs again: {}", answer);
        if let Some((decision, first)) = self.ran.get(&key) {
            prop_assert_eq!(decision.as_str(), handoff, "it was let run by another word");
            prop_assert_eq!(first.folder, ask.folder, "and in another folder");
            return Ok(());
        }
        let yes = self.yes.iter_mut().find(|yes| yes.open && yes.handoff == handoff);
        let Some(yes) = yes else {
            return Err(TestCaseError::fail(format!("nobody said yes: {answer}")));
        };
        let said = (yes.of.kind, yes.of.task, yes.of.folder);
        prop_assert_eq!(said, (ask.kind, ask.task, ask.folder), "a yes to another call");
        yes.open = false;
        self.ran.insert(key, (handoff.to_owned(), ask.clone()));
        Ok(())
    }

    async fn answer(&mut self, place: usize, yes: bool) {
        let Some((id, of)) = self.at(place) else { return };
        if self.desk.engine.open_case(&id).expect("there").state != State::Ready {
            return;
        }
        let answer = if yes { approve("run") } else { reject(Then::Skip) };
        decide_and_release(&self.desk, &id, answer).await;
        if yes {
            self.yes.push(Yes { handoff: id, of, open: true });
        }
    }

    fn is_over(&mut self, handoff: &str) {
        for yes in self.yes.iter_mut().filter(|yes| yes.handoff == handoff) {
            yes.open = false;
        }
        let by = self.ran.iter().filter(|(_, (decision, _))| decision == handoff);
        self.over.extend(by.map(|(key, _)| key.clone()));
    }

    async fn report(&mut self, place: usize) {
        let Some((id, _)) = self.at(place) else { return };
        let report = json!({ "id": id, "report": { "outcome": "applied" } });
        if self.agent.call("handoff.reconcile", report).await.is_ok() {
            self.is_over(&id);
        }
    }

    async fn record(&mut self, of: &Ask, own_id: bool, status: &'static str) -> Walked {
        let (tool, args) = call(of.kind);
        let id = if own_id { of.key() } else { format!("{}-{}", of.key(), self.actions.len()) };
        let known = self.actions.get(&id).copied();
        if known == Some("undone") {
            return Ok(());
        }
        let mut action = json!({ "id": id, "tool": tool, "input": args, "status": status,
            "effect": "irreversible" });
        if let Some(undo) = of.undo() {
            action["undo"] = undo;
        }
        let task = json!({ "id": of.task(), "title": "T", "goal": "G" });
        let told =
            self.agent.call("action.record", json!({ "task": task, "action": action })).await;
        let told = told.map_err(|error| TestCaseError::fail(error.message))?;
        self.actions.insert(id, status);
        if own_id && self.ran.contains_key(&of.key()) {
            self.over.insert(of.key());
        }
        if let Some(handoff) = told["reconciled"].as_str() {
            self.is_over(handoff);
        }
        let anew = known.is_none() || known == Some("failed") && status == "done";
        if anew && told["diverged"].is_null() {
            let same = |yes: &&Yes| (yes.of.task, yes.of.kind) == (of.task, of.kind);
            let said = u32::try_from(self.yes.iter().filter(same).count()).unwrap_or(u32::MAX);
            let vouched = self.vouched.entry((of.task(), of.kind)).or_default();
            *vouched += 1;
            prop_assert!(*vouched <= said, "nobody said yes, and nobody was told: {}", told);
        }
        Ok(())
    }
}

#[test]
fn nothing_but_a_decision_on_that_very_call_lets_it_run_and_only_once() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (ran, recorded) = (Cell::new(0), Cell::new(0));
    let mut runner =
        TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(64) });
    let walked = runner.run(&prop::collection::vec(step(), 40..90), |steps| {
        runtime.block_on(async {
            let mut world = World::new().await;
            for step in &steps {
                world.take(step).await?;
            }
            ran.set(ran.get() + world.ran.len());
            recorded.set(recorded.get() + world.over.len());
            Ok(())
        })
    });
    walked.unwrap_or_else(|error| panic!("{error}"));
    assert!(ran.get() > 50 && recorded.get() > 10, "{ran:?} calls ran, {recorded:?} were over");
}
