//! A desk without a window on the real clock and a real disk, and the agents
//! that call it over its socket.

use std::path::Path;

use anyhow::Context;
use handoff_engine::Engine;
use handoff_protocol::wire::{Hello, Standing, Submit, method};
use handoff_testkit::{Headless, machine};
use handoff_transport::client::Client;
use handoff_transport::home::Home;
use serde_json::value::RawValue;
use tokio::runtime::Runtime;

use crate::time::SystemClock;

/// A desk that listens and keeps its timers.
// The desk goes before the threads it runs on.
pub struct Desk {
    headless: Headless<SystemClock>,
    runtime: Runtime,
}

impl Desk {
    /// Opens one in a folder of its own below `scratch`, with which the folder
    /// goes: it outlives the desk.
    pub fn open(scratch: &Path) -> anyhow::Result<Self> {
        let runtime = machine::threads()?;
        let folder =
            tempfile::Builder::new().prefix("d").disable_cleanup(true).tempdir_in(scratch)?;
        let headless = runtime.block_on(async {
            let mut headless = Headless::within(folder, SystemClock).await?;
            headless.listen()?;
            let timed = headless.engine.clone();
            tokio::spawn(async move { timed.run().await });
            anyhow::Ok(headless)
        })?;
        Ok(Self { headless, runtime })
    }

    /// The reviewer's side.
    pub fn engine(&self) -> &Engine {
        &self.headless.engine
    }

    /// Where agents find it.
    pub fn home(&self) -> &Home {
        &self.headless.home
    }

    /// Carries out what the engine is asked for.
    pub fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }
}

/// An agent's connection.
pub struct Agent(Client);

impl Agent {
    /// Connects under a name.
    pub fn connect(home: &Home, name: &str) -> anyhow::Result<Self> {
        let hello = Hello { name: name.to_owned(), ..Hello::default() };
        let client = Client::connect(home, hello).with_context(|| format!("agent {name}"))?;
        Ok(Self(client))
    }

    /// Submits; back once it is on disk.
    pub fn submit(&mut self, handoff: &RawValue) -> anyhow::Result<Standing> {
        Ok(self.0.call(method::SUBMIT, &Submit::of(handoff))?)
    }

    /// The connection itself, for other calls.
    pub fn client(&mut self) -> &mut Client {
        &mut self.0
    }
}
