//! The agents' ends: connections to a desk, and what waits on them.

use std::pin::Pin;
use std::sync::Arc;

use handoff_engine::Engine;
use handoff_protocol::session::{Host as _, Session};
use handoff_protocol::wire::{Answered, ErrorData};
use serde_json::value::to_raw_value;
use serde_json::{Value, json};
use tokio::sync::oneshot;

/// What was asked for, when it comes.
pub type Call = Pin<Box<dyn Future<Output = Result<Value, ErrorData>> + Send>>;

/// How many agents there are, and how many connections each has.
pub const AGENTS: usize = 2;
pub const EACH: usize = 2;

/// A connection of an agent.
pub struct Connection {
    pub agent: usize,
    pub number: usize,
    session: Arc<dyn Session>,
}

/// Somebody waits for a handoff.
pub struct Wait {
    pub connection: usize,
    pub case: usize,
    pub answer: oneshot::Receiver<Result<Value, ErrorData>>,
}

impl Connection {
    /// Connects by the name of an agent and its token, which the first to do
    /// so is given.
    pub async fn open(
        engine: &Engine,
        agent: usize,
        number: usize,
        token: &mut Value,
    ) -> Result<Self, String> {
        let session = engine.open(Arc::new(|_, _| {}));
        let connection = Self { agent, number, session };
        let hello = json!({ "name": format!("agent-{agent}"), "token": token });
        let hello = connection.call("agent.hello", hello);
        let welcome = hello.await.map_err(|error| error.message)?;
        if token.is_null() {
            *token = welcome["token"].clone();
        }
        Ok(connection)
    }

    pub fn call(&self, method: &str, params: Value) -> Call {
        let params = to_raw_value(&params).unwrap();
        let call = Arc::clone(&self.session).call(method.to_owned(), Some(params));
        Box::pin(async move {
            let answer = call.await?;
            Ok(serde_json::from_str(answer.get()).unwrap())
        })
    }

    /// Waits until there is something to know, or until it hangs up.
    pub fn wait(&self, case: usize, id: &str) -> Wait {
        let call = self.call("handoff.wait", json!({ "id": id }));
        let (mut told, answer) = oneshot::channel();
        tokio::spawn(async move {
            tokio::select! {
                outcome = call => drop(told.send(outcome)),
                // As the transport does: nobody reads the answer any more.
                () = told.closed() => {}
            }
        });
        Wait { connection: self.number, case, answer }
    }

    pub fn hang_up(&self) {
        self.session.close();
    }
}

pub fn answered(value: &Value) -> Result<Answered, String> {
    serde_json::from_value(value.clone()).map_err(|error| format!("{error} in {value}"))
}
