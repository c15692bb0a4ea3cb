//! A desk without a window on a home that is there already, put together as
//! the app does it: for what is measured of its start, and as the process that
//! is killed.

use std::io::Read as _;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use handoff_engine::{Clock as _, Engine};
use handoff_protocol::session::Host;
use handoff_protocol::wire::{Status, method};
use handoff_stage::{Child, child};
use handoff_store::{Files, Store};
use handoff_testkit::machine;
use handoff_testkit::{RecordingNotifier, RecordingRunner};
use handoff_transport::client::Client;
use handoff_transport::home::Home;
use handoff_transport::server::Server;
use serde_json::json;
use tokio::runtime::Runtime;

use crate::case;
use crate::desk::Agent;
use crate::release::said;
use crate::time::SystemClock;

/// How long the process that is killed may take until it has stored its share.
const READY: Duration = Duration::from_mins(1);

/// A desk that listens.
// The engine goes before the threads it runs on.
pub struct Hosted {
    pub engine: Engine,
    pub runtime: Runtime,
}

impl Hosted {
    /// Takes the home up and answers its first call.
    pub fn answering(home: &Home) -> anyhow::Result<Self> {
        let runtime = machine::threads()?;
        let engine = runtime.block_on(async {
            let opened = Store::take_up(&Files::of(home.database()), SystemClock.now())?;
            let engine = Engine::start(
                opened,
                Arc::new(SystemClock),
                Arc::new(RecordingNotifier::default()),
                Arc::new(RecordingRunner::default()),
            )
            .await
            .map_err(said)?;
            let server = Server::bind(home.socket())?;
            tokio::spawn(server.run(Arc::new(engine.clone()) as Arc<dyn Host>));
            anyhow::Ok(engine)
        })?;
        let _status: Status = Client::ask(home, method::STATUS, &json!({}))?;
        Ok(Self { engine, runtime })
    }
}

/// Opens the home in another process of this program, lets it store `count`
/// handoffs more, and kills it: what is left is what `kill -9` leaves.
pub fn killed(home: &Home, count: usize) -> anyhow::Result<()> {
    let mut command = child::command(std::env::current_exe()?);
    for name in ["--desk", "--bare", "--out"] {
        command.arg(name).arg(home.root());
    }
    command.arg("--kill-me-on").arg(home.root()).arg("--count").arg(count.to_string());
    command.stdin(Stdio::piped());
    let (mut child, line) = Child::start_until_line("the desk to be killed", &mut command, READY)?;
    if line != STORED {
        return Err(anyhow!("the desk to be killed said {line:?}"));
    }
    child.kill()
}

/// What the process to be killed says once it has stored its share.
const STORED: &str = "stored";

/// That process: stores, says so, and waits for its end.
#[expect(clippy::print_stdout, reason = "whoever started it waits for the word")]
pub fn to_be_killed(root: &Path, count: usize) -> anyhow::Result<()> {
    let home = Home::new(root);
    let hosted = Hosted::answering(&home)?;
    let mut agent = Agent::connect(&home, "killed")?;
    let run = std::process::id();
    for number in 0..count {
        agent.submit(&case::refund(&format!("killed-{run}-{number}"))?)?;
    }
    println!("{STORED}");
    // Nobody is left to kill it when this ends.
    std::io::stdin().read_to_end(&mut Vec::new()).context("whoever started this is gone")?;
    drop(hosted);
    Ok(())
}
