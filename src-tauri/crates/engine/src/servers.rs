//! The servers of others that the reviewer has added, for whoever speaks with
//! them: their agents, their questions, and how far each answer is.
//!
//! It reaches no network. A server's agent has no token: nobody can say hello
//! under its name, and only this door leads to a session of it.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use handoff_domain::gate::Stop;
use handoff_domain::integration::Integration;
use handoff_domain::lifecycle::{Outcome, Report, State};
use handoff_domain::outbox::{Delivery, Ending};
use handoff_protocol::session::{Push, Session};
use handoff_protocol::view::{Change, OutboxView};
use handoff_protocol::wire::ErrorCode;
use handoff_store::{AskRow, NewAsk, Record, ServerRow};

use crate::hub::Speaker;
use crate::session::Connection;
use crate::{Desk, Engine, Failure, agents, random_hex};

/// What the name of a server's agent begins with.
const AGENT: &str = "langgraph:";

/// The longest name of a server, in characters.
const NAME: usize = 60;

impl Engine {
    /// The name of a server's agent.
    pub fn agent_of_server(name: &str) -> String {
        format!("{AGENT}{name}")
    }

    /// The time, by the desk's clock.
    pub fn time(&self) -> DateTime<Utc> {
        self.desk.now()
    }

    /// The servers that the reviewer has added.
    pub fn servers(&self) -> Result<Vec<ServerRow>, Failure> {
        Ok(self.desk.store.read(|read| read.servers())?)
    }

    /// Refuses what cannot be the name of a server.
    pub fn must_name_server(name: &str) -> Result<(), Failure> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if (1..=NAME).contains(&name.len()) && name.bytes().all(fits) {
            return Ok(());
        }
        Err(Failure::new(
            ErrorCode::InvalidParams,
            format!("{name:?} cannot be the name of a server."),
            format!("Use 1 to {NAME} of the characters A–Z, a–z, 0–9 and . _ -"),
        ))
    }

    /// Adds a server; its name must be free, or one that a server had.
    pub async fn add_server(&self, server: ServerRow) -> Result<(), Failure> {
        Self::must_name_server(&server.name)?;
        let now = self.desk.now();
        let nobody = random_hex(32);
        self.desk.watched(
            self.desk
                .store
                .write(move |write| {
                    let read = write.read();
                    if read.servers()?.iter().any(|known| known.name == server.name) {
                        return Err(Failure::conflict(
                            format!("There is a server {:?} already.", server.name),
                            "Choose another name, or remove that one first.",
                        ));
                    }
                    if !read.knows_server(&server.name)? {
                        let agent = Self::agent_of_server(&server.name);
                        if read.token_hash(&agent)?.is_some() {
                            return Err(Failure::conflict(
                                format!("An agent has the name {agent:?} already."),
                                "Choose another name for the server.",
                            ));
                        }
                        agents::bind(write, &agent, None, Some(nobody), now)?;
                        let framework = Integration::LangGraphServer.framework();
                        write.agent_seen(&agent, Some(framework), None, now)?;
                    }
                    Ok(write.keep_server(&server, now)?)
                })
                .await,
        )?;
        self.servers_changed();
        Ok(())
    }

    /// Forgets a server; what it asked stays in the history.
    pub async fn forget_server(&self, name: &str) -> Result<(), Failure> {
        let (name, now) = (name.to_owned(), self.desk.now());
        let removed = self.desk.store.write(move |write| Ok(write.remove_server(&name, now)?));
        self.desk.watched(removed.await)?;
        self.servers_changed();
        Ok(())
    }

    /// A session of a server's agent; `push` is woken when something changed.
    pub fn session_of_server(&self, name: &str, push: Push) -> Arc<dyn Session> {
        let agent = Self::agent_of_server(name);
        let id = self.desk.hub.open(push);
        let framework = Some(Integration::LangGraphServer.framework().to_owned());
        self.desk.hub.name(id, Speaker { name: agent.clone(), framework });
        self.servers_changed();
        Arc::new(Connection::named(self.clone(), id, agent))
    }

    /// What was asked for a server and is not closed.
    pub fn open_asks(&self, server: &str) -> Result<Vec<AskRow>, Failure> {
        Ok(self.desk.store.read(|read| read.open_asks(server))?)
    }

    /// The last time that a question of a thread was asked.
    pub fn last_ask(
        &self,
        server: &str,
        thread: &str,
        question: &str,
    ) -> Result<Option<AskRow>, Failure> {
        Ok(self.desk.store.read(|read| read.last_ask(server, thread, question))?)
    }

    /// Keeps a question before it is submitted.
    pub async fn keep_ask(&self, ask: NewAsk) -> Result<i64, Failure> {
        let now = self.desk.now();
        let kept = self.desk.store.write(move |write| Ok(write.keep_ask(&ask, now)?));
        self.desk.watched(kept.await)
    }

    /// Notes how far the answer to a question is; answers when that is on disk.
    pub async fn ask_stands(&self, ask: &AskRow, standing: Delivery) -> Result<(), Failure> {
        let seq = ask.seq;
        let noted = self.desk.store.write(move |write| Ok(write.ask_stands(seq, &standing)?));
        self.desk.watched(noted.await)?;
        for (handoff, _) in &ask.handoffs {
            self.desk.hub.tell(&Change::Handoff { id: handoff.clone() });
        }
        Ok(())
    }

    /// All that a question became is closed.
    pub async fn close_ask(&self, seq: i64) -> Result<(), Failure> {
        let now = self.desk.now();
        let closed = self.desk.store.write(move |write| Ok(write.close_ask(seq, now)?));
        self.desk.watched(closed.await)
    }

    /// Ends all that was asked for a server that is removed: what is not decided
    /// is taken back, what is was not sent.
    pub async fn release_asks(&self, server: &str) -> Result<(), Failure> {
        let agent = Self::agent_of_server(server);
        let why = "The server was removed from the desk.";
        let asks = self.open_asks(server)?;
        let parts = || asks.iter().flat_map(|ask| &ask.handoffs);
        // Before anything ends: all of them go, or none.
        if parts().any(|(_, state)| *state == Some(State::Decided)) {
            return Err(Failure::conflict(
                "A decision for this server can still be undone.",
                "Wait a moment, and remove it then.",
            ));
        }
        for ask in asks {
            // First, so that what a crash cuts off is ended by whoever speaks with the
            // server next.
            let how = Ending::Refused { why: why.to_owned() };
            self.ask_stands(&ask, Delivery::Over { how }).await?;
            for (id, state) in &ask.handoffs {
                match state {
                    Some(State::Queued | State::Ready) => {
                        self.desk.withdraw(&agent, id, Some(why.to_owned())).await?;
                    }
                    Some(State::Released | State::Collected) => {
                        let report = Report {
                            outcome: Outcome::Diverged,
                            why: Some(format!("{why} Whether it was answered is not known.")),
                            steps: Vec::new(),
                            unmet: Vec::new(),
                        };
                        self.reconcile(&agent, id, report).await?;
                    }
                    Some(
                        State::Decided | State::Reconciled | State::Withdrawn | State::Superseded,
                    )
                    | None => {}
                }
            }
            self.close_ask(ask.seq).await?;
        }
        Ok(())
    }

    /// What keeps an agent from working on a task.
    pub fn stopped(&self, agent: &str, task: &str) -> Result<Option<Stop>, Failure> {
        Ok(self.desk.store.read(|read| read.stop(agent, task))?)
    }

    /// Tells the window to look at the servers again.
    pub fn servers_changed(&self) {
        self.desk.hub.tell(&Change::Status);
    }
}

impl Desk {
    /// How far the answer to this handoff is, if it goes to a server.
    pub(crate) fn outbox(&self, record: &Record) -> Result<Option<OutboxView>, Failure> {
        if !record.agent.starts_with(AGENT) {
            return Ok(None);
        }
        let Some(ask) = self.store.read(|read| read.ask_of(&record.id))? else { return Ok(None) };
        let open = |(id, state): &(String, Option<State>)| {
            *id != record.id
                && matches!(state, None | Some(State::Queued | State::Ready | State::Decided))
        };
        Ok(Some(OutboxView {
            undecided: u32::try_from(ask.handoffs.iter().filter(|part| open(part)).count())
                .unwrap_or(u32::MAX),
            reached: self.hub.is_connected(&record.agent),
            server: ask.server,
            standing: ask.standing,
        }))
    }
}
