//! The agents' side: one session a connection, one method a call. Nothing here
//! decides, sets or rolls back: those verbs do not exist on this side.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use handoff_domain::integration::Integration;
use handoff_protocol::session::{Host, Push, Reply, Session};
use handoff_protocol::view::NotificationState;
use handoff_protocol::wire::{
    Ack, ById, ByTask, Check, ErrorCode, Gate, Hello, ListQuery, Next, Observer, OpenTask,
    PROTOCOL, PlanTask, Reconcile, RecordAction, Revise, Show, Status, Submit, Tools, Wait,
    Withdraw, method,
};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::hub::Speaker;
use crate::{Engine, Failure, control, lock};

pub(crate) struct Connection {
    engine: Engine,
    id: u64,
    agent: Mutex<Option<String>>,
    /// Taken from the moment a hello has come until it is answered.
    greeting: Arc<tokio::sync::Mutex<()>>,
    /// What calls in the place of the agent, as its first hello said.
    observer: OnceLock<Option<Observer>>,
    runtime: tokio::runtime::Handle,
}

impl Host for Engine {
    fn open(&self, push: Push) -> Arc<dyn Session> {
        Arc::new(Connection {
            id: self.desk.hub.open(push),
            engine: self.clone(),
            agent: Mutex::default(),
            greeting: Arc::default(),
            observer: OnceLock::new(),
            runtime: tokio::runtime::Handle::current(),
        })
    }
}

impl Session for Connection {
    fn call(self: Arc<Self>, method: String, params: Option<Box<RawValue>>) -> Reply {
        let greeting = match method.as_str() {
            method::HELLO => Arc::clone(&self.greeting).try_lock_owned().ok(),
            _ => None,
        };
        Box::pin(async move {
            if greeting.is_none() {
                // What came right behind a hello is that agent's.
                drop(self.greeting.lock().await);
            }
            let answer = self.answer(&method, params.as_deref()).await;
            drop(greeting);
            answer.map_err(|failure| *failure.0)
        })
    }

    fn close(&self) {
        let id = self.id;
        let (Some(agent), leases) = self.engine.desk.hub.close(id) else { return };
        let engine = self.engine.clone();
        self.runtime.spawn(async move {
            engine.desk.last_seen(agent).await;
            engine.desk.gone(id, leases).await;
            engine.desk.hub.tell(&handoff_protocol::view::Change::Status);
        });
    }
}

impl Connection {
    /// One of an agent that need not say who it is.
    pub(crate) fn named(engine: Engine, id: u64, agent: String) -> Self {
        Self {
            engine,
            id,
            agent: Mutex::new(Some(agent)),
            greeting: Arc::default(),
            observer: OnceLock::new(),
            runtime: tokio::runtime::Handle::current(),
        }
    }

    async fn answer(
        &self,
        name: &str,
        params: Option<&RawValue>,
    ) -> Result<Box<RawValue>, Failure> {
        let desk = &self.engine.desk;
        let connection = self.id;
        match name {
            method::HELLO => reply(self.hello(read(params)?).await?),
            method::STATUS => reply(self.status()?),
            method::SHOW => {
                let Show { id } = read(params)?;
                self.engine.show(id);
                reply(serde_json::json!({}))
            }
            method::VALIDATE => {
                let Submit { handoff, .. } = read(params)?;
                reply(desk.validate(handoff.get().to_owned()).await?)
            }
            method::SUBMIT => {
                let Submit { handoff, left_open } = read(params)?;
                let (agent, text) = (self.agent()?, handoff.get().to_owned());
                let (standing, place) = desk.submit(&agent, text, &left_open).await?;
                if standing.replayed.is_none() {
                    self.engine.announce_new(&agent, &standing.id, place);
                }
                reply(standing)
            }
            method::GET => {
                let ById { id } = read(params)?;
                reply(desk.get(&self.agent()?, &id)?)
            }
            method::LIST => reply(desk.list(&self.agent()?, read::<ListQuery>(params)?).await?),
            method::WAIT => {
                let Wait { id, timeout_s } = read(params)?;
                let timeout = timeout_s.map(|seconds| Duration::from_secs(seconds.into()));
                reply(desk.wait(connection, &self.agent()?, &id, timeout).await?)
            }
            method::ACK => {
                let ack = read::<Ack>(params)?;
                if control::is_instruction(&ack.id) {
                    reply(self.engine.knows(&self.agent()?, ack).await?)
                } else {
                    reply(desk.acknowledge(connection, &self.agent()?, &ack.id).await?)
                }
            }
            method::WITHDRAW => {
                let Withdraw { id, reason } = read(params)?;
                reply(desk.withdraw(&self.agent()?, &id, reason).await?)
            }
            method::REVISE => {
                let Revise { id, handoff } = read(params)?;
                let agent = self.agent()?;
                let standing = desk.revise(&agent, id, handoff.get().to_owned()).await?;
                if standing.replayed.is_none() {
                    self.engine.announce(&standing.id);
                }
                reply(standing)
            }
            method::TOOLS => {
                reply(self.engine.tools_are(&self.agent()?, read::<Tools>(params)?).await?)
            }
            method::TASK_OPEN => {
                reply(self.engine.open_task(&self.agent()?, read::<OpenTask>(params)?).await?)
            }
            method::TASK_PLAN => {
                reply(self.engine.plan_task(&self.agent()?, read::<PlanTask>(params)?).await?)
            }
            method::TASK_RUNNABLE => {
                let ByTask { task } = read(params)?;
                reply(desk.task_standing(&self.agent()?, &task)?)
            }
            method::TASK_CLOSE => {
                let ByTask { task } = read(params)?;
                reply(self.engine.close_task(&self.agent()?, &task).await?)
            }
            method::CHECK => {
                let (agent, check) = (self.agent()?, read::<Check>(params)?);
                let task = check.task.id().to_owned();
                let checked = self.engine.check_action(&agent, check).await?;
                if let (Some(action), Gate::Run) = (&checked.undoes, checked.verdict) {
                    self.engine.undo_taken(connection, &agent, &task, action);
                }
                reply(checked)
            }
            method::RECORD => {
                let record = read::<RecordAction>(params)?;
                let observer = self.observer.get().copied().flatten();
                reply(self.engine.record_action(&self.agent()?, observer, record).await?)
            }
            method::NEXT => reply(self.engine.next(&self.agent()?, read::<Next>(params)?).await?),
            method::RECONCILE => {
                let Reconcile { id, report } = read(params)?;
                reply(self.engine.reconcile(&self.agent()?, &id, report).await?)
            }
            _ => Err(Failure::new(
                ErrorCode::MethodNotFound,
                format!("There is no method {name:?}."),
                "PROTOCOL.md lists the methods.",
            )),
        }
    }

    async fn hello(&self, hello: Hello) -> Result<handoff_protocol::wire::Welcome, Failure> {
        let known = lock(&self.agent).clone();
        if known.is_some_and(|known| known != hello.name) {
            return Err(Failure::new(
                ErrorCode::Refused,
                "This connection already has a name.",
                "Open another connection for another agent.",
            ));
        }
        let desk = &self.engine.desk;
        let framework = Integration::kept(hello.framework.as_deref());
        let observer = hello.observer;
        let welcome = desk.hello(hello).await?;
        self.observer.get_or_init(|| observer);
        *lock(&self.agent) = Some(welcome.agent.clone());
        desk.hub.name(self.id, Speaker { name: welcome.agent.clone(), framework });
        // Whoever found no desk a moment ago has spooled, and calls now.
        if desk.spooled.has_any() {
            desk.sooner.notify_one();
        }
        desk.hub.tell(&handoff_protocol::view::Change::Status);
        Ok(welcome)
    }

    fn agent(&self) -> Result<String, Failure> {
        lock(&self.agent).clone().ok_or_else(|| {
            Failure::new(
                ErrorCode::Refused,
                "Say who you are first.",
                r#"Call agent.hello with {"name": "…"} before anything else."#,
            )
        })
    }

    fn status(&self) -> Result<Status, Failure> {
        let desk = &self.engine.desk;
        let [inbox, ..] = desk.store.read(|read| read.counts())?;
        Ok(Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            protocol: PROTOCOL.to_owned(),
            pid: std::process::id(),
            inbox,
            fault: lock(&desk.fault).clone(),
            no_notifications: match &*lock(&desk.notifications) {
                NotificationState::Missing { why } => Some(why.clone()),
                NotificationState::Available { .. } | NotificationState::Unknown => None,
            },
        })
    }
}

fn read<'a, T: serde::Deserialize<'a>>(params: Option<&'a RawValue>) -> Result<T, Failure> {
    let text = params.map_or("{}", RawValue::get);
    serde_json::from_str(text).map_err(|error| {
        Failure::new(
            ErrorCode::InvalidParams,
            format!("The parameters do not fit: {error}."),
            "PROTOCOL.md shows the parameters of each method.",
        )
    })
}

fn reply(answer: impl Serialize) -> Result<Box<RawValue>, Failure> {
    to_raw_value(&answer).map_err(|error| {
        Failure::new(ErrorCode::Internal, format!("The answer has no JSON form: {error}."), "")
    })
}
