//! What a coding agent's hook adds to a call that only reads: the whole process,
//! from its start to its answer, against a program that does nothing, and against
//! hooks as one writes them in a language at hand.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, ensure};
use handoff_transport::home::HOME_VARIABLE;
use serde_json::{Value, json};

use crate::Setup;
use crate::desk::Desk;
use crate::row::{Goal, Head, Measured};
use crate::spread::{Better, Spread};
use crate::time::millis;

/// With what the disk takes to keep the answer.
pub const HOOK: Head = Head {
    name: "hook whole process against an empty Rust program",
    unit: "ms",
    goal: Goal::RatioAtMost(3.0),
};
/// Without.
pub const HOOK_IN_MEMORY: Head = Head {
    name: "hook whole process against an empty Rust program, no disk",
    unit: "ms",
    goal: Goal::RatioAtMost(3.0),
};

/// Beside one that somebody writes with what is at hand.
pub const PYTHON: Head = Head {
    name: "hook whole process against a Python hook that does the same",
    unit: "ms",
    goal: Goal::RatioAtMost(1.0),
};
/// The same with the other language at hand.
pub const NODE: Head = Head {
    name: "hook whole process against a Node hook that does the same",
    unit: "ms",
    goal: Goal::RatioAtMost(1.0),
};

const SAMPLES: usize = 300;
/// Of programs that take long to start, these are enough.
const FEW: usize = 90;
/// Fewer than make a chain of calls that somebody has to look at.
const OF_A_SESSION: usize = 30;

/// Where files are kept in memory, on the systems that say so.
const IN_MEMORY: &str = "/dev/shm";

/// A hook as one writes it without ours: asks the same, and answers the same.
const IN_PYTHON: (&str, &str) = ("hook.py", include_str!("plain/hook.py"));
const IN_NODE: (&str, &str) = ("hook.mjs", include_str!("plain/hook.mjs"));

/// Measures all of them.
pub fn measure(setup: &Setup) -> anyhow::Result<Vec<Measured>> {
    let memory = tempfile::tempdir_in(IN_MEMORY).context("no folder in memory")?;
    let empty = setup.bare.with_file_name("empty");
    let nothing = |_: &Desk| Command::new(&empty);
    let by_hand = |program: &'static str, (name, text): (&str, &str)| -> anyhow::Result<_> {
        let script = setup.scratch.join(name);
        std::fs::write(&script, text)?;
        Ok(move |desk: &Desk| {
            let mut command = Command::new(program);
            command.arg(&script).env("DESK_SOCKET", desk.home().socket());
            command.env("TOKEN", "only-for-this-measurement-and-no-other");
            command
        })
    };
    Ok(vec![
        compared(setup, &setup.scratch, SAMPLES, nothing)?,
        compared(setup, memory.path(), SAMPLES, nothing)?,
        compared(setup, &setup.scratch, FEW, by_hand("python3", IN_PYTHON)?)?,
        compared(setup, &setup.scratch, FEW, by_hand("node", IN_NODE)?)?,
    ])
}

/// The two programs in turn, so that both see the same machine. One that answers
/// must answer the same.
fn compared(
    setup: &Setup,
    folder: &Path,
    samples: usize,
    other: impl Fn(&Desk) -> Command,
) -> anyhow::Result<Measured> {
    let desk = Desk::open(folder)?;
    let hook = setup.desk.with_file_name("handoff");
    let (mut hooks, mut others) = (Vec::new(), Vec::new());
    for number in 0..samples {
        let event = read(number);
        let mut command = Command::new(&hook);
        command.args(["hook", "claude-code"]).env(HOME_VARIABLE, desk.home().root());
        let (took, said) = run(&mut command, event.as_bytes())?;
        allows(&said).context("our hook")?;
        let (took_other, said) = run(&mut other(&desk), event.as_bytes())?;
        if !said.is_empty() {
            allows(&said).context("the other hook")?;
        }
        // The first makes the session known.
        if number % OF_A_SESSION > 0 {
            hooks.push(took);
            others.push(took_other);
        }
    }
    let value = Spread::of(hooks, Better::Less).context("there are samples")?;
    let floor = Spread::of(others, Better::Less);
    let note = "a read in a known session, from the start of the process to its end; the desk \
                keeps question and answer before it answers";
    Ok(Measured { value, floor, note: note.to_owned() })
}

fn allows(said: &[u8]) -> anyhow::Result<()> {
    let said: Value = serde_json::from_slice(said)?;
    let decision = &said["hookSpecificOutput"]["permissionDecision"];
    ensure!(decision == "allow", "it did not let a read go on: {said}");
    Ok(())
}

fn read(number: usize) -> String {
    json!({
        "session_id": format!("bench-{}", number / OF_A_SESSION), "cwd": "/work", "hook_event_name": "PreToolUse",
        "tool_name": "Read", "tool_input": { "file_path": format!("/work/{number}.txt") },
        "tool_use_id": format!("toolu_{number}"),
    })
    .to_string()
}

fn run(command: &mut Command, input: &[u8]) -> anyhow::Result<(f64, Vec<u8>)> {
    let program = command.get_program().to_owned();
    let start = Instant::now();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("{} does not start", program.display()))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that reads nothing may have ended already.
        let written = stdin.write_all(input);
        if written.as_ref().is_err_and(|error| error.kind() != std::io::ErrorKind::BrokenPipe) {
            written?;
        }
    }
    let output = child.wait_with_output()?;
    let took = millis(start.elapsed());
    ensure!(output.status.success(), "{} ended with {}", program.display(), output.status);
    Ok((took, output.stdout))
}
