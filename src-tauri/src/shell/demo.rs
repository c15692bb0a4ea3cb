//! Starts the demo agent, as any agent is started: a process of its own that
//! knows nothing but the socket.

use std::process::{Command, Stdio};

use handoff_engine::Engine;
use handoff_protocol::view::WindowError;
use handoff_transport::home::Home;

/// What the words begin with in which it says why it failed.
const FAILED: &str = "handoff: ";

/// Starts `handoff demo` for this home; where it cannot go on, the window says why.
pub fn start(home: &Home, engine: &Engine) -> Result<(), WindowError> {
    let failed = |why: String| WindowError {
        code: "unavailable".to_owned(),
        message: format!("The demo agent could not be started: {why}."),
        hint: "Run `handoff demo` in a terminal; it says more.".to_owned(),
        faults: Vec::new(),
    };
    let desk = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
    let name = format!("handoff{}", std::env::consts::EXE_SUFFIX);
    let program = desk.with_file_name(name);
    let agent = Command::new(&program)
        .arg("demo")
        .env("HANDOFF_DESK_HOME", home.root())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(format!("{}: {error}", program.display())))?;
    let engine = engine.clone();
    // Waits for the agent's end, so that it leaves no zombie.
    std::thread::spawn(move || match agent.wait_with_output() {
        Ok(end) => {
            tracing::info!(end = %end.status, "the demo agent ended");
            if let Some(why) = said(end.status.code(), &end.stderr) {
                engine.note(format!("The demo agent could not go on: {why}"));
            }
        }
        Err(error) => tracing::warn!(%error, "the demo agent was lost"),
    });
    Ok(())
}

/// What it said last, where it ended otherwise than by an answer of the reviewer.
fn said(code: Option<i32>, stderr: &[u8]) -> Option<String> {
    let answered = code.is_none_or(|code| code == 0 || (10..=15).contains(&code));
    let all = String::from_utf8_lossy(stderr);
    let (_, last) = all.rsplit_once(FAILED).filter(|_| !answered)?;
    Some(last.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::said;

    #[test]
    fn what_it_said_last_counts_where_nobody_has_answered() {
        let stderr = b"Looking at it.\nhandoff: It cannot be made.\nName another one.\n\n";
        let why = "It cannot be made. Name another one.";
        assert_eq!(said(Some(2), stderr).as_deref(), Some(why));
        for answered in [Some(0), Some(11), None] {
            assert_eq!(said(answered, stderr), None);
        }
        assert_eq!(said(Some(2), b""), None);
    }
}
