//! What is asked of a LangGraph Server, one request a function.
//!
//! What it says is no proof: an answer that was taken is confirmed by the state
//! of the thread alone.

use serde_json::{Value, json};

use super::thread::{State, Thread};
use crate::http::{Answer, Http, NoAnswer};

/// How many threads a page of a list has.
pub const PAGE: u32 = 100;

/// A server.
#[derive(Debug, Clone)]
pub struct Server {
    http: Http,
}

/// Why there is nothing to work with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silent {
    /// In whole sentences, with what to do.
    pub why: String,
}

/// A page of a list of threads.
#[derive(Debug, Clone, PartialEq)]
pub struct Threads {
    /// The threads that could be read.
    pub threads: Vec<Thread>,
    /// Where the next page begins.
    pub next: Option<u32>,
}

/// What the server said to an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// It took it.
    Taken,
    /// It knows no such question, or none that this way leads to.
    Unknown,
    /// It took nothing, for now.
    NotNow,
    /// It will not take this, for this reason.
    Never(String),
    /// Nothing: it may have arrived.
    Nothing,
}

impl Server {
    /// A server that requests can be made to.
    pub fn new(http: Http) -> Self {
        Self { http }
    }

    /// Its version, if it says so.
    pub fn version(&self) -> Result<Option<String>, Silent> {
        let answer = self.http.get("/info")?;
        if answer.status == 404 {
            return Ok(None);
        }
        let body = understood(&answer)?;
        Ok(body.get("version").and_then(Value::as_str).map(str::to_owned))
    }

    /// The threads of a status, from a place in their list.
    pub fn threads(&self, status: &str, offset: u32) -> Result<Threads, Silent> {
        let query = json!({
            "status": status, "limit": PAGE, "offset": offset,
            // By what does not change while pages are read.
            "sort_by": "thread_id", "sort_order": "asc",
            "select": ["thread_id", "status", "metadata", "state_updated_at", "interrupts"],
        });
        let answer = self.http.post("/threads/search", &query)?;
        let Value::Array(rows) = understood(&answer)? else {
            return Err(Silent {
                why: "Its list of threads is no list. Is this a LangGraph Server?".to_owned(),
            });
        };
        let full = rows.len() >= PAGE as usize;
        let after = offset.saturating_add(PAGE);
        let next = answer.next.filter(|next| *next > offset).or_else(|| full.then_some(after));
        let threads = rows.into_iter().filter_map(|row| serde_json::from_value(row).ok());
        Ok(Threads { threads: threads.collect(), next })
    }

    /// One thread; `None` where it is gone.
    pub fn thread(&self, id: &str) -> Result<Option<Thread>, Silent> {
        let answer = self.http.get(&format!("/threads/{id}"))?;
        read(&answer, id)
    }

    /// The state of a thread; `None` where it is gone.
    pub fn state(&self, id: &str) -> Result<Option<State>, Silent> {
        let answer = self.http.get(&format!("/threads/{id}/state"))?;
        read(&answer, id)
    }

    /// Answers an interrupt.
    pub fn respond(&self, thread: &str, interrupt: &str, response: &Value) -> Said {
        let command = json!({
            "id": 1, "method": "input.respond",
            "params": { "namespace": [], "interrupt_id": interrupt, "response": response },
        });
        match self.http.post(&format!("/threads/{thread}/commands"), &command) {
            Err(silent) => unheard(&silent),
            Ok(answer) if matches!(answer.status, 404 | 405) => Said::Unknown,
            Ok(answer) if answer.status == 200 => said(&answer),
            Ok(answer) => refused(&answer),
        }
    }

    /// Answers an interrupt on a server that has no command for it.
    pub fn resume(&self, thread: &str, assistant: &str, interrupt: &str, response: &Value) -> Said {
        // By its id in any case: an answer of {} or null would else mean
        // something else.
        let resume = json!({ interrupt: response });
        self.run(thread, assistant, &json!({ "command": { "resume": resume } }))
    }

    /// Lets a thread go on, or try again.
    pub fn go_on(&self, thread: &str, assistant: &str) -> Said {
        self.run(thread, assistant, &json!({ "input": null }))
    }

    fn run(&self, thread: &str, assistant: &str, what: &Value) -> Said {
        let mut run = what.clone();
        if let Some(run) = run.as_object_mut() {
            run.insert("assistant_id".to_owned(), json!(assistant));
            // What the server does by default is to queue it behind another.
            run.insert("multitask_strategy".to_owned(), json!("reject"));
        }
        match self.http.post(&format!("/threads/{thread}/runs"), &run) {
            Err(silent) => unheard(&silent),
            Ok(answer) if (200..300).contains(&answer.status) => Said::Taken,
            Ok(answer) => refused(&answer),
        }
    }
}

impl From<NoAnswer> for Silent {
    fn from(none: NoAnswer) -> Self {
        Self { why: none.why }
    }
}

fn unheard(silent: &NoAnswer) -> Said {
    if silent.unsent { Said::NotNow } else { Said::Nothing }
}

/// An answer to a command: its errors come with status 200, too.
fn said(answer: &Answer) -> Said {
    let word = |name: &str| answer.body.get(name).and_then(Value::as_str);
    match (word("type"), word("error")) {
        (Some("success"), _) => Said::Taken,
        (Some("error"), Some("no_such_interrupt" | "no_such_run" | "unknown_command")) => {
            Said::Unknown
        }
        (Some("error"), _) => Said::Never(format!("The server says: {}", answer.said())),
        _ => Said::Nothing,
    }
}

fn refused(answer: &Answer) -> Said {
    match answer.status {
        401 | 403 | 404 | 405 | 409 | 425 | 429 => Said::NotNow,
        400..500 => Said::Never(format!("The server says: {}", answer.said())),
        _ => Said::Nothing,
    }
}

/// What is told of a thread; `None` where the server says that this very thread is
/// not there. Somebody on the way may also say that he finds nothing.
fn read<T: serde::de::DeserializeOwned>(answer: &Answer, id: &str) -> Result<Option<T>, Silent> {
    if answer.status == 404 && answer.said().contains(id) {
        return Ok(None);
    }
    let body = understood(answer)?;
    serde_json::from_value(body).map(Some).map_err(|error| Silent {
        why: format!("What it tells of a thread cannot be read: {error}."),
    })
}

fn understood(answer: &Answer) -> Result<Value, Silent> {
    match answer.status {
        200..300 => Ok(answer.body.clone()),
        401 | 403 => Err(Silent {
            why: format!(
                "It refuses the desk ({}). Remove the server and add it with the right secret.",
                answer.said()
            ),
        }),
        404 => Err(Silent {
            why: "It has no such address. Is this the address of a LangGraph Server?".to_owned(),
        }),
        _ => Err(Silent { why: format!("It failed: {}.", answer.said()) }),
    }
}
