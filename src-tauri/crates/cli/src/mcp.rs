//! `handoff mcp` and `handoff mcp-gate`: the ways in for clients of the Model
//! Context Protocol, on this process's own standard input and output.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::time::Duration;

use chrono::{DateTime, Utc};
use handoff_domain::identity::is_agent_name;
use handoff_mcp::{Gate, Server, Way};
use handoff_protocol::wire::{ErrorCode, ErrorData};
use handoff_transport::client::{Client, ClientError};
use handoff_transport::home::Home;
use handoff_transport::session::ClientProcess;

use crate::args::McpGate;
use crate::edge::Edge;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::start::{self, Found};

/// What Claude Code tells the servers that it starts: its session, which its
/// hooks are told, too.
const CLAUDE_SESSION: &str = "CLAUDE_CODE_SESSION_ID";

/// `handoff mcp`.
pub fn serve(edge: &mut Edge<'_>, agent: Option<String>) -> Result<Exit, Failure> {
    let server = Server::new(way(edge)?, plain(agent)?, Box::new(io::stdout()));
    server.run(&mut *edge.stdin)?;
    Ok(Exit::Done)
}

/// `handoff mcp-gate`.
pub fn gate(edge: &mut Edge<'_>, agent: Option<String>, given: McpGate) -> Result<Exit, Failure> {
    let program = given.command.first().cloned().unwrap_or_default();
    let gate = Gate {
        way: way(edge)?,
        agent: plain(agent)?,
        command: given.command,
        wait: Duration::from_secs(u64::from(given.wait)),
    };
    gate.run(Box::new(io::stdin()), Box::new(io::stdout())).map(Exit::Passed).map_err(|error| {
        Failure::new(
            ErrorCode::InvalidParams,
            format!("The server {} could not be run: {error}.", program.display()),
            "Check the command after --.",
        )
    })
}

/// The way to the desk that does not need this command's surroundings: it is
/// gone from threads that outlive a call.
fn way(edge: &Edge<'_>) -> Result<Way, Failure> {
    let home = edge.home()?;
    let variables = start::needed(edge.variable);
    let (at, now) = (home.clone(), edge.now);
    let launch = move |connect: &dyn Fn() -> Result<Client, ClientError>| {
        launch(&at, &variables, now, connect)
    };
    let session = (edge.variable)(CLAUDE_SESSION).and_then(|id| id.into_string().ok());
    Ok(Way {
        home,
        launch: Box::new(launch),
        now,
        client: ClientProcess::of_this(),
        session: session.filter(|id| !id.is_empty()),
    })
}

/// Starts the desk, and says nothing of it: standard output is the client's.
fn launch(
    home: &Home,
    variables: &HashMap<&'static str, OsString>,
    now: fn() -> DateTime<Utc>,
    connect: &dyn Fn() -> Result<Client, ClientError>,
) -> Result<Client, ErrorData> {
    let mut edge = Edge {
        stdin: &mut io::empty(),
        stdout: &mut io::sink(),
        stderr: &mut io::sink(),
        variable: &|name| variables.get(name).cloned(),
        now,
        json: true,
        terminal: false,
        columns: None,
    };
    match start::desk(home, &mut edge, connect) {
        Ok(Found::Desk(client)) => Ok(client),
        Ok(Found::Nobody(why) | Found::Silent(why)) | Err(why) => Err(*why.data),
    }
}

/// Refuses a name that no agent can have before anything waits for it.
fn plain(agent: Option<String>) -> Result<Option<String>, Failure> {
    match agent {
        Some(name) if !is_agent_name(&name) => Err(Failure::new(
            ErrorCode::InvalidParams,
            format!("{name:?} cannot be the name of an agent."),
            "Use 1 to 100 of the characters A–Z, a–z, 0–9 and . _ : / -",
        )),
        agent => Ok(agent),
    }
}
