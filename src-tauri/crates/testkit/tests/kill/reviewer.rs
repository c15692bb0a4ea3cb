//! The scripted reviewer: decides, takes back, gives leases free, and leaves
//! some to their deadline. It notes what it is about to do, and that the desk
//! has acknowledged it, in a file that outlives the desk.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use handoff_domain::decision::{Answer, EndUserMessage, Then, fingerprint};
use handoff_domain::lifecycle::{Flag, State};
use handoff_engine::{Engine, Failure};
use handoff_faultfs::Seed;
use handoff_protocol::view::{CaseView, DecideRequest, List, QueueItem, QueueQuery};
use handoff_protocol::wire::ErrorCode;
use handoff_testkit::reviewer::answering;
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};

use crate::host::Plan;

/// What the reviewer can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    Decide,
    Undo,
    Regrant,
}

/// How far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Asked for: it may have happened, or not.
    Asked,
    /// The desk said that it is done.
    Acknowledged,
    /// The desk said why it is not done.
    Refused(String),
    /// The desk said what it never should.
    Fault(String),
}

/// One line of the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Note {
    pub id: String,
    pub revision: u32,
    pub verb: Verb,
    /// Names what was tried; a decision carries it.
    pub nonce: String,
    pub stage: Stage,
    pub answer: Option<Answer>,
}

/// Works in one window or several at a time.
pub struct Reviewer {
    engine: Engine,
    notes: Mutex<File>,
    run: u64,
    tried: AtomicU64,
}

impl Reviewer {
    pub fn new(engine: Engine, plan: &Plan) -> Self {
        let mut notes = OpenOptions::new().append(true).create(true).open(&plan.notes).unwrap();
        // What the last one was writing when it was killed ends here.
        notes.write_all(b"\n").unwrap();
        Self { engine, notes: Mutex::new(notes), run: plan.run, tried: AtomicU64::new(0) }
    }

    /// Works until the desk is killed.
    pub async fn work(self: Arc<Self>, mut seed: Seed) {
        let mut changes = self.engine.follow();
        loop {
            let list = match seed.below(10) {
                0..7 => List::Inbox,
                7 => List::Review,
                _ => List::Waiting,
            };
            let items = self.list(list).await;
            if items.is_empty() {
                // Nothing to do until something changes, or a hold is over.
                drop(tokio::time::timeout(Duration::from_millis(20), changes.recv()).await);
            } else {
                let item = &items[seed.below(items.len())];
                match item.state {
                    State::Ready => self.look_at(item, &mut seed).await,
                    State::Decided if seed.chance(30) => self.undo(item).await,
                    State::Collected if seed.chance(30) => self.regrant(item).await,
                    State::Queued
                    | State::Decided
                    | State::Released
                    | State::Collected
                    | State::Reconciled
                    | State::Withdrawn
                    | State::Superseded => {}
                }
            }
            // A reviewer is slower than a machine.
            drop(tokio::time::timeout(Duration::from_millis(2), changes.recv()).await);
        }
    }

    async fn list(&self, list: List) -> Vec<QueueItem> {
        let query = QueueQuery { list, search: String::new(), limit: 100 };
        self.engine.queue(query).await.map(|view| view.items).unwrap_or_default()
    }

    async fn look_at(&self, item: &QueueItem, seed: &mut Seed) {
        let Ok(case) = self.engine.open_case(&item.id) else { return };
        let mut fate = fate(&case);
        // Whoever races the agent or the deadline may lose: that is no fault.
        match seed.below(20) {
            0 => drop(self.engine.seen(&item.id).await),
            1 => drop(self.engine.snooze(&item.id, item.warn_at).await),
            2 => drop(self.engine.allow_default(&item.id, case.revision, true).await),
            _ => {}
        }
        // Some are left to their deadline, and answered long after it.
        let late = case.flags.contains(&Flag::ManualReview);
        if if late { seed.chance(70) } else { fate.chance(25) } {
            return;
        }
        let nonce = self.nonce();
        let request = request(&case, &nonce, seed);
        let answer = Some(request.answer.clone());
        let again = seed.chance(10).then(|| request.clone());
        let decided =
            self.noted(Verb::Decide, &case.id, case.revision, nonce, answer, |engine| async move {
                engine.decide(request).await.map(|_| ())
            });
        match again {
            None => decided.await,
            // A double click: the same is answered the same.
            Some(request) => {
                decided.await;
                drop(self.engine.decide(request).await);
            }
        }
    }

    async fn undo(&self, item: &QueueItem) {
        let id = item.id.clone();
        self.noted(Verb::Undo, &item.id, 0, self.nonce(), None, |engine| async move {
            engine.undo(&id).await.map(|_| ())
        })
        .await;
    }

    async fn regrant(&self, item: &QueueItem) {
        let id = item.id.clone();
        self.noted(Verb::Regrant, &item.id, 0, self.nonce(), None, |engine| async move {
            engine.regrant(&id).await.map(|_| ())
        })
        .await;
    }

    async fn noted<F>(
        &self,
        verb: Verb,
        id: &str,
        revision: u32,
        nonce: String,
        answer: Option<Answer>,
        act: impl FnOnce(Engine) -> F,
    ) where
        F: Future<Output = Result<(), Failure>>,
    {
        let stage = Stage::Asked;
        let mut note = Note { id: id.to_owned(), revision, verb, nonce, stage, answer };
        self.write(&note);
        note.stage = match act(self.engine.clone()).await {
            Ok(()) => Stage::Acknowledged,
            Err(Failure(data)) if data.code == ErrorCode::Conflict => Stage::Refused(data.message),
            Err(Failure(data)) => Stage::Fault(data.message),
        };
        note.answer = None;
        self.write(&note);
    }

    fn write(&self, note: &Note) {
        let mut line = serde_json::to_vec(note).unwrap();
        line.push(b'\n');
        self.notes.lock().unwrap().write_all(&line).unwrap();
    }

    fn nonce(&self) -> String {
        format!("#{}.{}", self.run, self.tried.fetch_add(1, Ordering::Relaxed))
    }
}

/// What both windows, and every run of the desk, make of one proposal.
fn fate(case: &CaseView) -> Seed {
    let hash = fingerprint(&json!([case.id, case.revision]));
    Seed::new(u64::from_str_radix(&hash[..15], 16).unwrap_or_default(), 0)
}

/// An answer that carries the nonce in a place of its own.
fn request(case: &CaseView, nonce: &str, seed: &mut Seed) -> DecideRequest {
    let option = &case.options[seed.below(case.options.len())];
    let words = nonce.to_owned();
    let answer = match seed.below(10) {
        0..4 => Answer::Approve { option: option.id.clone() },
        4 => Answer::Modify {
            option: option.id.clone(),
            args: Map::from_iter([("count".to_owned(), json!(-1))]),
        },
        5 => Answer::Inform {
            text: words,
            facts: Map::from_iter([("count".to_owned(), json!(7))]),
            constraints: Vec::new(),
        },
        6 => Answer::TakeOver { note: words },
        7 => Answer::Reject { reason: words, then: Then::Stop },
        8 => Answer::Reject { reason: words, then: Then::Skip },
        _ => Answer::Reject { reason: words, then: Then::Revise },
    };
    let message = Some(EndUserMessage { text: nonce.to_owned() });
    DecideRequest { message, ..answering(case, answer) }
}
