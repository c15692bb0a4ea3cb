//! What waits on the server and is not at the desk yet.

use std::collections::{HashMap, HashSet};

use handoff_domain::identity::handoff_id;
use handoff_domain::outbox::{Delivery, Ending};
use handoff_engine::{AskRow, Engine, Failure, NewAsk};
use handoff_protocol::wire::ErrorCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;

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
        let open: HashMap<Named, AskRow> =
            self.engine.open_asks(&self.name)?.into_iter().map(|ask| (named(&ask), ask)).collect();
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
                standing.extend(open.keys().filter(|(of, _)| *of == id).cloned());
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
                if now.status != "busy" {
                    match open.get(&name) {
                        None => all_known &= self.hand_over(&place, &stands)?,
                        Some(ask) => self.hand_over_the_rest(&place, &stands, ask)?,
                    }
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
        let parts = self.parts(place, stands, &asked, attempt);
        for (_, handoff) in &parts {
            if let Some(fault) = self.desk()?.faults(handoff)?.first() {
                let why = format!(
                    "What the thread {} asks does not fit onto a card: {} {} Answer it on the \
                     server.",
                    place.thread, fault.message, fault.hint
                );
                self.problem(why.clone());
                self.unfit.insert((place.thread.clone(), question), why);
                return Ok(false);
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
            handoffs: parts.iter().map(|(id, _)| id.clone()).collect(),
        };
        // Kept first: what a crash leaves behind is answered or taken back with it.
        self.runtime.block_on(self.engine.keep_ask(ask))?;
        parts.iter().try_for_each(|(_, handoff)| self.submit(handoff))?;
        Ok(true)
    }

    /// Submits the parts that a crash has kept back.
    fn hand_over_the_rest(
        &self,
        place: &Place,
        stands: &Stands,
        ask: &AskRow,
    ) -> Result<(), Broken> {
        let missing = |id: &String| ask.handoffs.contains(&(id.clone(), None));
        if ask.standing == Delivery::Asked
            && ask.handoffs.iter().any(|(_, state)| state.is_none())
            && let Ok(asked) = Asked::of(&stands.waiting)
        {
            for (id, handoff) in self.parts(place, stands, &asked, ask.attempt) {
                if missing(&id) {
                    self.submit(&handoff)?;
                }
            }
        }
        Ok(())
    }

    /// The handoffs that a question becomes, each under its id.
    fn parts(
        &self,
        place: &Place,
        stands: &Stands,
        asked: &Asked,
        attempt: u32,
    ) -> Vec<(String, Value)> {
        let agent = Engine::agent_of_server(&self.name);
        let questions = asked.questions().iter().enumerate();
        questions
            .map(|(part, one)| {
                let key = card::key(&place.thread, &stands.waiting.question(), part, attempt);
                let handoff = card::handoff(place, &stands.waiting, one, &key);
                (handoff_id(&agent, &key), handoff)
            })
            .collect()
    }

    fn submit(&self, handoff: &Value) -> Result<(), Broken> {
        match self.desk()?.submit(handoff) {
            Ok(_) => Ok(()),
            // It was handed over before a crash, and says something else now.
            Err(failure) if failure.0.code == ErrorCode::Conflict => Ok(()),
            Err(failure) => Err(failure.into()),
        }
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

#[cfg(test)]
mod tests {
    use handoff_domain::lifecycle::State;
    use handoff_engine::ServerRow;
    use handoff_testkit::Headless;
    use serde_json::json;
    use tokio::runtime::{Handle, Runtime};

    use super::*;
    use crate::address::Address;
    use crate::connector::Pace;
    use crate::http::Http;
    use crate::langgraph::server::Server;

    /// A connector that asks no server, and a desk.
    fn room(runtime: &Runtime) -> (Headless, Connector) {
        let desk = runtime.block_on(async {
            let desk = Headless::new().await.expect("a desk");
            let (name, url) = ("team".to_owned(), "http://127.0.0.1:9".to_owned());
            let row = ServerRow { name, url, headers: Vec::new(), secret: None, secret_in: None };
            assert!(desk.engine.add_server(row).await.is_ok());
            desk
        });
        let address = Address::read("http://127.0.0.1:9").expect("an address");
        let mut connector = Connector::new(
            "team".to_owned(),
            desk.engine.clone(),
            runtime.handle().clone(),
            Server::new(Http::new(address, Vec::new())),
            Pace::default(),
            Default::default(),
        );
        connector.reached();
        (desk, connector)
    }

    fn waiting() -> Vec<Thread> {
        let thread = json!({ "thread_id": "t", "status": "interrupted",
            "interrupts": { "node": [{ "id": "q", "value": "Pay?" }] } });
        vec![serde_json::from_value(thread).expect("a thread")]
    }

    fn ask(thread: &str) -> NewAsk {
        let key = card::key("t", "q", 0, 1);
        NewAsk {
            server: "team".to_owned(),
            thread: thread.to_owned(),
            question: "q".to_owned(),
            attempt: 1,
            about: "{}".to_owned(),
            handoffs: vec![handoff_id(&Engine::agent_of_server("team"), &key)],
        }
    }

    fn kept(runtime: &Handle, desk: &Headless, ask: NewAsk) {
        assert!(runtime.block_on(desk.engine.keep_ask(ask)).is_ok());
    }

    #[test]
    fn what_a_crash_kept_back_is_submitted_under_the_same_name() {
        let runtime = Runtime::new().expect("a runtime");
        let (desk, mut connector) = room(&runtime);
        kept(runtime.handle(), &desk, ask("t"));
        assert!(connector.import(waiting()).is_ok());
        let open = desk.engine.open_asks("team").unwrap_or_default();
        assert_eq!(open[0].handoffs, [(ask("t").handoffs[0].clone(), Some(State::Ready))]);
    }

    #[test]
    fn what_cannot_be_kept_is_shown_to_nobody() {
        let runtime = Runtime::new().expect("a runtime");
        let (desk, mut connector) = room(&runtime);
        // Its card is another question's already.
        kept(runtime.handle(), &desk, ask("other"));
        assert!(connector.import(waiting()).is_err());
        assert!(desk.engine.open_case(&ask("t").handoffs[0]).is_err(), "it was not submitted");
    }
}
