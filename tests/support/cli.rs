//! The command line as an agent calls it.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use handoff_stage::{Child, ask_until};
use serde_json::Value;

use super::desk::{CLI, Desk};
use super::{AFTER_HOLD, SOON};

/// What a call of `handoff` answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its exit code.
    pub code: i32,
    /// What it printed, as JSON; `Null` when that is none.
    pub json: Value,
    /// What it printed.
    pub out: String,
    /// What it complained about.
    pub err: String,
}

impl Answer {
    /// The answer itself, when its exit code is the expected one.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "the exit code; it said:\n{}\n{}", self.out, self.err);
        self
    }

    /// The id of the handoff it is about.
    #[track_caller]
    pub fn id(&self) -> String {
        self.json["id"].as_str().unwrap_or_else(|| panic!("no id in {}", self.out)).to_owned()
    }
}

/// A call of `handoff` that may still run.
#[derive(Debug)]
pub struct Call {
    child: Child,
    out: PathBuf,
    err: PathBuf,
}

impl Call {
    /// Waits for its end, at most `limit`.
    #[track_caller]
    pub fn finish(mut self, limit: Duration) -> Answer {
        let status = self.child.wait(limit).unwrap();
        let out = fs::read_to_string(&self.out).unwrap();
        let err = fs::read_to_string(&self.err).unwrap();
        let Some(status) = status else {
            panic!("`handoff` still runs after {limit:?}; it said:\n{out}\n{err}");
        };
        let json = serde_json::from_str(&out).unwrap_or_default();
        Answer { code: status.code().unwrap_or(-1), json, out, err }
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        self.child.wait(Duration::ZERO).unwrap().is_none()
    }

    /// Kills it, as an agent that crashes.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
    }
}

impl Desk {
    /// Calls `handoff --json` with `args` and waits for its end.
    #[track_caller]
    pub fn cli(&self, args: &[&str]) -> Answer {
        self.start_cli(args, None).finish(SOON)
    }

    /// Calls `handoff --json` with `args`, and `input` on its standard input,
    /// in the background.
    pub fn start_cli(&self, args: &[&str], input: Option<&Value>) -> Call {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = self.scratch("calls");
        let out = folder.join(format!("{number}.out"));
        let err = folder.join(format!("{number}.err"));
        let mut command = self.command(CLI);
        command.arg("--json").args(args);
        if let Some(input) = input {
            let file = folder.join(format!("{number}.in"));
            fs::write(&file, input.to_string()).unwrap();
            command.stdin(fs::File::open(file).unwrap());
        }
        command.stdout(fs::File::create(&out).unwrap());
        command.stderr(fs::File::create(&err).unwrap());
        let child = Child::start("handoff", &mut command).unwrap();
        Call { child, out, err }
    }

    /// Submits a payload and answers the handoff's id.
    #[track_caller]
    pub fn submit(&self, payload: &Value) -> String {
        self.start_cli(&["submit", "-"], Some(payload)).finish(SOON).expect_code(0).id()
    }

    /// Submits a payload and waits for the decision, in the background.
    pub fn submit_and_wait(&self, payload: &Value) -> Call {
        self.start_cli(&["submit", "-", "--wait", "120"], Some(payload))
    }

    /// Waits for the decision on a handoff, in the background.
    pub fn wait_for(&self, id: &str) -> Call {
        self.start_cli(&["wait", id, "--timeout", "120"], None)
    }

    /// The state of a handoff, as its agent sees it.
    #[track_caller]
    pub fn state(&self, id: &str) -> String {
        let shown = self.cli(&["show", id]).expect_code(0);
        shown.json["state"].as_str().unwrap_or_default().to_owned()
    }

    /// Waits until the handoff is in that state.
    #[track_caller]
    pub fn wait_for_state(&self, id: &str, state: &str) {
        let mut last = String::new();
        let reached = ask_until(AFTER_HOLD, || {
            last = self.state(id);
            Ok((last == state).then_some(()))
        });
        assert!(reached.unwrap().is_some(), "{id} is still {last} and not {state}");
    }
}
