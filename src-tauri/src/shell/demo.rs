//! Starts the demo agent, as any agent is started: a process of its own that
//! knows nothing but the socket.

use std::process::{Command, Stdio};

use handoff_protocol::view::WindowError;
use handoff_transport::home::Home;

/// Starts `handoff demo` for this home.
pub fn start(home: &Home) -> Result<(), WindowError> {
    let failed = |why: String| WindowError {
        code: "unavailable".to_owned(),
        message: format!("The demo agent could not be started: {why}."),
        hint: "Run `handoff demo` in a terminal; it says more.".to_owned(),
        faults: Vec::new(),
    };
    let desk = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
    let name = format!("handoff{}", std::env::consts::EXE_SUFFIX);
    let program = desk.with_file_name(name);
    let mut agent = Command::new(&program)
        .arg("demo")
        .env("HANDOFF_DESK_HOME", home.root())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| failed(format!("{}: {error}", program.display())))?;
    // Waits for the agent's end, so that it leaves no zombie.
    std::thread::spawn(move || match agent.wait() {
        Ok(end) if end.success() => {}
        Ok(end) => tracing::info!(%end, "the demo agent ended"),
        Err(error) => tracing::warn!(%error, "the demo agent was lost"),
    });
    Ok(())
}
