//! The command line as an agent calls it.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
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
        self.ended_within(limit).unwrap_or_else(|| {
            let (out, err) = self.said();
            panic!("`handoff` still runs after {limit:?}; it said:\n{out}\n{err}");
        })
    }

    /// What it answered, if it ends within `limit`.
    pub fn ended_within(&mut self, limit: Duration) -> Option<Answer> {
        let status = self.child.wait(limit).unwrap()?;
        let (out, err) = self.said();
        let json = serde_json::from_str(&out).unwrap_or_default();
        Some(Answer { code: status.code().unwrap_or(-1), json, out, err })
    }

    fn said(&self) -> (String, String) {
        [&self.out, &self.err].map(|path| fs::read_to_string(path).unwrap()).into()
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

/// Calls of `handoff` from the desktop of one desk.
#[derive(Debug, Clone)]
pub struct Calls {
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(OsString, Option<OsString>)>,
    folder: PathBuf,
}

impl Calls {
    /// The same where no desk can be started.
    pub fn without_display(mut self) -> Self {
        self.env.retain(|(name, _)| name != "DISPLAY" && name != "WAYLAND_DISPLAY");
        self.env.extend(["DISPLAY", "WAYLAND_DISPLAY"].map(|name| (name.into(), None)));
        self
    }

    /// Calls `handoff --json` with `args`, and `input` on its standard input.
    pub fn start(&self, args: &[&str], input: Option<&Value>) -> Call {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let out = self.folder.join(format!("{number}.out"));
        let err = self.folder.join(format!("{number}.err"));
        let mut command = Command::new(&self.program);
        command.args(&self.args).arg("--json").args(args).stdin(Stdio::null());
        for (name, value) in &self.env {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        if let Some(input) = input {
            let file = self.folder.join(format!("{number}.in"));
            fs::write(&file, input.to_string()).unwrap();
            command.stdin(fs::File::open(file).unwrap());
        }
        command.stdout(fs::File::create(&out).unwrap());
        command.stderr(fs::File::create(&err).unwrap());
        let child = Child::start("handoff", &mut command).unwrap();
        Call { child, out, err }
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
        self.calls().start(args, input)
    }

    /// The same for other threads, which have no desk.
    pub fn calls(&self) -> Calls {
        let command = self.command(CLI);
        let owned = |text: &OsStr| text.to_owned();
        Calls {
            program: owned(command.get_program()),
            args: command.get_args().map(owned).collect(),
            env: command.get_envs().map(|(name, value)| (owned(name), value.map(owned))).collect(),
            folder: self.scratch("calls"),
        }
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
