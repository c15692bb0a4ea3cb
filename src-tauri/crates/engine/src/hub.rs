//! Who is connected, who waits for what, and who is told of a change.
//!
//! All of it is memory: it is rebuilt by the agents' next calls after a
//! restart, and nothing durable rests on it. Every message is a hint to look
//! again.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use handoff_protocol::session::Push;
use handoff_protocol::view::Change;
use handoff_protocol::wire::method;
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};

#[derive(Default)]
pub struct Hub {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    next: u64,
    connections: HashMap<u64, Connection>,
    waiters: HashMap<String, Arc<Notify>>,
    /// Woken when an agent is told something; one for each name.
    told: HashMap<String, Arc<Notify>>,
    windows: Vec<mpsc::UnboundedSender<Change>>,
    /// Whether the page hears what a window is told.
    listening: bool,
    /// What was asked to be shown before it did.
    to_show: Option<Change>,
}

struct Connection {
    agent: Option<Speaker>,
    push: Push,
    waits: HashMap<String, u32>,
    leases: HashSet<String>,
}

/// Who speaks on a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Speaker {
    /// The agent's name.
    pub name: String,
    /// What it said it is built with.
    pub framework: Option<String>,
}

/// Marks a connection as waiting for a handoff until it is dropped.
pub struct Waiting<'a> {
    hub: &'a Hub,
    connection: u64,
    handoff: String,
    woken: Arc<Notify>,
}

impl Hub {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn open(&self, push: Push) -> u64 {
        let mut inner = self.inner();
        inner.next += 1;
        let id = inner.next;
        inner.connections.insert(
            id,
            Connection { agent: None, push, waits: HashMap::new(), leases: HashSet::new() },
        );
        id
    }

    /// Forgets a connection; returns who spoke on it and the handoffs it held
    /// leases of.
    pub fn close(&self, connection: u64) -> (Option<Speaker>, Vec<String>) {
        let closed = self.inner().connections.remove(&connection);
        closed.map_or((None, Vec::new()), |closed| {
            (closed.agent, closed.leases.into_iter().collect())
        })
    }

    pub fn name(&self, connection: u64, speaker: Speaker) {
        if let Some(connection) = self.inner().connections.get_mut(&connection) {
            connection.agent = Some(speaker);
        }
    }

    pub fn is_connected(&self, agent: &str) -> bool {
        self.inner().connections.values().any(|open| open.is_of(agent))
    }

    /// What an agent is built with that is connected now, one for each
    /// connection.
    pub fn connected_through(&self, agent: &str) -> Vec<Option<String>> {
        let inner = self.inner();
        let open = inner.connections.values().filter_map(|open| open.agent.as_ref());
        open.filter(|who| who.name == agent).map(|who| who.framework.clone()).collect()
    }

    pub fn is_open(&self, connection: u64) -> bool {
        self.inner().connections.contains_key(&connection)
    }

    pub fn is_listening(&self, handoff: &str) -> bool {
        self.inner().connections.values().any(|open| open.waits.contains_key(handoff))
    }

    /// Notes that a connection holds a lease, so that its end frees it; says
    /// whether the connection is still there.
    pub fn lease(&self, connection: u64, handoff: &str) -> bool {
        let mut inner = self.inner();
        let Some(open) = inner.connections.get_mut(&connection) else { return false };
        open.leases.insert(handoff.to_owned());
        true
    }

    /// The leases that connections hold, as (connection, handoff).
    pub fn leases(&self) -> Vec<(u64, String)> {
        let inner = self.inner();
        inner
            .connections
            .iter()
            .flat_map(|(id, open)| open.leases.iter().map(|handoff| (*id, handoff.clone())))
            .collect()
    }

    pub fn forget_lease(&self, connection: u64, handoff: &str) {
        if let Some(connection) = self.inner().connections.get_mut(&connection) {
            connection.leases.remove(handoff);
        }
    }

    pub fn wait(&self, connection: u64, handoff: &str) -> Waiting<'_> {
        let mut inner = self.inner();
        if let Some(open) = inner.connections.get_mut(&connection) {
            *open.waits.entry(handoff.to_owned()).or_default() += 1;
        }
        let woken = Arc::clone(inner.waiters.entry(handoff.to_owned()).or_default());
        drop(inner);
        self.tell(&Change::Handoff { id: handoff.to_owned() });
        Waiting { hub: self, connection, handoff: handoff.to_owned(), woken }
    }

    /// Follows all changes from now on.
    pub fn follow(&self) -> mpsc::UnboundedReceiver<Change> {
        let (window, changes) = mpsc::unbounded_channel();
        self.inner().windows.push(window);
        changes
    }

    /// The page listens from now on: what was asked to be shown before is told
    /// again.
    pub fn listens(&self) {
        let mut inner = self.inner();
        inner.listening = true;
        let asked = inner.to_show.take();
        drop(inner);
        if let Some(asked) = asked {
            self.tell(&asked);
        }
    }

    /// Tells everyone concerned that a handoff of this agent has changed.
    pub fn changed(&self, agent: &str, handoff: &str) {
        let inner = self.inner();
        if let Some(waiters) = inner.waiters.get(handoff) {
            waiters.notify_waiters();
        }
        drop(inner);
        self.push(agent, method::CHANGED, &json!({ "id": handoff }));
        self.tell(&Change::Handoff { id: handoff.to_owned() });
    }

    /// What is woken when this agent is told something.
    pub fn told(&self, agent: &str) -> Arc<Notify> {
        Arc::clone(self.inner().told.entry(agent.to_owned()).or_default())
    }

    /// Tells an agent that there is something in `agent.next`.
    pub fn pending(&self, agent: &str) {
        self.told(agent).notify_waiters();
        self.push(agent, method::PENDING, &json!({}));
    }

    /// The agents that are connected.
    pub fn connected(&self) -> HashSet<String> {
        self.inner().connections.values().filter_map(Connection::name).collect()
    }

    fn push(&self, agent: &str, name: &'static str, params: &Value) {
        let pushes: Vec<Push> = self
            .inner()
            .connections
            .values()
            .filter(|open| open.is_of(agent))
            .map(|open| Arc::clone(&open.push))
            .collect();
        for push in pushes {
            push(name, params);
        }
    }

    /// Tells the windows.
    pub fn tell(&self, change: &Change) {
        let mut inner = self.inner();
        inner.windows.retain(|window| window.send(change.clone()).is_ok());
        if !inner.listening && matches!(change, Change::Show { .. }) {
            inner.to_show = Some(change.clone());
        }
    }
}

impl Connection {
    fn is_of(&self, agent: &str) -> bool {
        self.agent.as_ref().is_some_and(|who| who.name == agent)
    }

    fn name(&self) -> Option<String> {
        self.agent.as_ref().map(|who| who.name.clone())
    }
}

impl Waiting<'_> {
    /// The next change of the handoff, counted from the moment this is called.
    pub fn next(&self) -> tokio::sync::futures::Notified<'_> {
        self.woken.notified()
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut inner = self.hub.inner();
        if let Some(open) = inner.connections.get_mut(&self.connection)
            && let Some(count) = open.waits.get_mut(&self.handoff)
        {
            *count -= 1;
            if *count == 0 {
                open.waits.remove(&self.handoff);
            }
        }
        // The map and this one: nobody else waits for it any more.
        if Arc::strong_count(&self.woken) <= 2 {
            inner.waiters.remove(&self.handoff);
        }
        drop(inner);
        self.hub.tell(&Change::Handoff { id: self.handoff.clone() });
    }
}
