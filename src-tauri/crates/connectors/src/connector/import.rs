//! What waits on the server and is not at the desk yet.

use std::collections::HashSet;

use handoff_domain::identity::handoff_id;
use handoff_domain::outbox::{Delivery, Ending};
use handoff_engine::{AskRow, Engine, Failure, NewAsk};
use handoff_protocol::wire::ErrorCode;
use serde::{Deserialize, Serialize};

use super::{Broken, Connector};
use crate::langgraph::card::{self, Asked, Place};
use crate::langgraph::thread::{Stands, Thread, Waiting, is_id};

/// What is kept of a question: all that its answer needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// Where it is.
    pub place: Place,
    /// What waits.
    pub waiting: Waiting,
}

/// Names a question on its server: its thread and itself.
pub type Named = (String, String);

impl Connector {
    /// Hands over what is new; answers all that stands.
    pub(super) fn import(&mut self, threads: Vec<Thread>) -> Result<HashSet<Named>, Broken> {
        let open: HashSet<Named> =
            self.engine.open_asks(&self.name)?.into_iter().map(|ask| named(&ask)).collect();
        let mut standing: HashSet<Named> = HashSet::new();
        let mut listed = HashSet::new();
        for thread in threads {
            let id = thread.id.clone();
            if !is_id(&id) {
                self.problem(format!("A thread has an id that cannot be used: {id:?}."));
                continue;
            }
            listed.insert(id.clone());
            let unchanged = thread.state_updated_at.is_some()
                && self.known.get(&id) == Some(&thread.state_updated_at);
            if unchanged {
                standing.extend(open.iter().filter(|(of, _)| *of == id).cloned());
                continue;
            }
            // Of a thread that failed, the list tells what it asked before; of one
            // that was to stop, nothing.
            let told = thread.told();
            let (now, state) = if let Some(state) = told {
                (thread, state)
            } else {
                let Some(examined) = self.examine(&id)? else { continue };
                examined
            };
            let Some(found) = self.waiting(&now, &state) else { continue };
            let place = Place::of(&self.name, &now);
            let mut all_known = now.status != "busy";
            for stands in found {
                let name = (id.clone(), stands.waiting.question());
                if !open.contains(&name) && now.status != "busy" {
                    all_known &= self.hand_over(&place, &stands)?;
                }
                standing.insert(name);
            }
            if all_known {
                self.known.insert(id, now.state_updated_at);
            }
            if self.wake.is_stopped() {
                break;
            }
        }
        self.known.retain(|id, _| listed.contains(id));
        Ok(standing)
    }

    /// Makes handoffs of one question; says whether it need not be looked at
    /// again while the thread stays as it is.
    fn hand_over(&mut self, place: &Place, stands: &Stands) -> Result<bool, Broken> {
        let question = stands.waiting.question();
        let attempt = match self.engine.last_ask(&self.name, &place.thread, &question)? {
            None => 1,
            Some(last) => match &last.standing {
                // As was decided, nobody answers it.
                Delivery::Over { how: Ending::Left } => return Ok(true),
                Delivery::Over { .. } if last.closed => last.attempt + 1,
                Delivery::Asked
                | Delivery::Sending { .. }
                | Delivery::Sent { .. }
                | Delivery::Over { .. } => return Ok(false),
            },
        };
        if let Some(why) = self.unfit.get(&(place.thread.clone(), question.clone())) {
            self.problem(why.clone());
            return Ok(false);
        }
        let asked = match Asked::of(&stands.waiting) {
            Ok(asked) => asked,
            Err(malformed) => {
                self.problem(format!(
                    "What the thread {} asks cannot be understood: {}. Nobody was asked, and it \
                     stays where it is: answer it on the server, or mend the graph.",
                    place.thread, malformed.0
                ));
                return Ok(false);
            }
        };
        let agent = Engine::agent_of_server(&self.name);
        let mut handoffs = Vec::new();
        for (part, one) in asked.questions().iter().enumerate() {
            let key = card::key(&place.thread, &question, part, attempt);
            let handoff = card::handoff(place, &stands.waiting, one, &key);
            match self.desk()?.submit(&handoff) {
                Ok(standing) => handoffs.push(standing.id),
                // It was handed over before a crash, and says something else now.
                Err(failure) if failure.0.code == ErrorCode::Conflict => {
                    handoffs.push(handoff_id(&agent, &key));
                }
                Err(failure) if failure.0.code == ErrorCode::InvalidPayload => {
                    for before in &handoffs {
                        self.desk()?.withdraw(before, "Another part of it cannot be shown.")?;
                    }
                    let why = format!(
                        "What the thread {} asks does not fit onto a card: {} Answer it on the \
                         server.",
                        place.thread, failure.0.message
                    );
                    self.problem(why.clone());
                    self.unfit.insert((place.thread.clone(), question), why);
                    return Ok(false);
                }
                Err(failure) => return Err(failure.into()),
            }
        }
        let about = About { place: place.clone(), waiting: stands.waiting.clone() };
        let about = serde_json::to_string(&about).map_err(|error| {
            Failure::new(ErrorCode::Internal, format!("No JSON form: {error}."), "")
        })?;
        let ask = NewAsk {
            server: self.name.clone(),
            thread: place.thread.clone(),
            question,
            attempt,
            about,
            handoffs,
        };
        self.runtime.block_on(self.engine.keep_ask(ask))?;
        Ok(true)
    }

    pub(super) fn desk(&self) -> Result<&crate::desk::Desk, Failure> {
        self.desk.as_ref().ok_or_else(|| {
            Failure::new(ErrorCode::Internal, "The server is not connected.", "Try again later.")
        })
    }
}

/// What names the question of a row on its server.
pub fn named(ask: &AskRow) -> Named {
    (ask.thread.clone(), ask.question.clone())
}
