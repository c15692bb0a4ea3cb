//! A room with a desk in it: the command runs in threads, the test is the
//! reviewer.

use std::ffi::OsString;
use std::io::{self, Cursor, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use handoff_domain::autonomy::Level;
use handoff_domain::lifecycle::State;
use handoff_protocol::view::{CaseView, Liveness, Pause, SetLevel, Settings, TellAgent};
use handoff_testkit::reviewer::{self, answering};
use handoff_testkit::{FakeClock, Headless};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::edge::Edge;
use crate::exit::Exit;

/// Longer than anything here takes, so that a failing test ends.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// The moment at which the desk's clock stands.
pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).expect("a moment")
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    pub exit: Exit,
    pub out: String,
    pub err: String,
}

impl Ended {
    /// The one JSON document on standard output.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}

/// A command under way.
pub struct Running {
    thread: JoinHandle<(Exit, String)>,
    lines: Receiver<String>,
    seen: String,
}

impl Running {
    /// Waits for a line that contains `part`.
    pub fn until_line(&mut self, part: &str) -> String {
        loop {
            let line = self
                .lines
                .recv_timeout(PATIENCE)
                .unwrap_or_else(|_| panic!("no line with {part:?} in:\n{}", self.seen));
            self.seen.push_str(&line);
            if line.contains(part) {
                return line;
            }
        }
    }

    /// Waits for its end.
    pub fn end(self) -> Ended {
        let (exit, err) = self.thread.join().expect("it does not panic");
        let out = self.seen + &self.lines.iter().collect::<String>();
        Ended { exit, out, err }
    }
}

/// Passes lines on; breaks like a closed pipe at the first that contains
/// `breaks_at`.
struct Pipe {
    lines: Sender<String>,
    begun: String,
    breaks_at: Option<String>,
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.begun.push_str(&String::from_utf8_lossy(bytes));
        if self.breaks_at.as_ref().is_some_and(|part| self.begun.contains(part)) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        while let Some(end) = self.begun.find('\n') {
            let rest = self.begun.split_off(end + 1);
            let line = std::mem::replace(&mut self.begun, rest);
            // A test that has seen enough has dropped its end.
            self.lines.send(line).ok();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Runs the command in a thread.
pub fn start(home: PathBuf, words: &[&str], stdin: &[u8], breaks_at: Option<&str>) -> Running {
    run_at(now, home, &[], words, stdin, breaks_at)
}

/// The same at another time.
pub fn start_at(
    now: fn() -> DateTime<Utc>,
    home: PathBuf,
    words: &[&str],
    stdin: &[u8],
) -> Running {
    run_at(now, home, &[], words, stdin, None)
}

fn run_at(
    now: fn() -> DateTime<Utc>,
    home: PathBuf,
    variables: &[(&str, &str)],
    words: &[&str],
    stdin: &[u8],
    breaks_at: Option<&str>,
) -> Running {
    let words: Vec<OsString> =
        std::iter::once("handoff").chain(words.iter().copied()).map(OsString::from).collect();
    let mut stdin = Cursor::new(stdin.to_vec());
    let (sender, lines) = mpsc::channel();
    let mut pipe =
        Pipe { lines: sender, begun: String::new(), breaks_at: breaks_at.map(str::to_owned) };
    let variables: Vec<(String, OsString)> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
    let thread = std::thread::spawn(move || {
        let mut err = Vec::new();
        let mut edge = Edge {
            stdin: &mut stdin,
            stdout: &mut pipe,
            stderr: &mut err,
            variable: &|name| match name {
                "HANDOFF_DESK_HOME" => Some(home.clone().into()),
                _ => variables.iter().find(|(set, _)| set == name).map(|(_, value)| value.clone()),
            },
            now,
            json: false,
            terminal: true,
            columns: None,
        };
        let exit = crate::run(words, &mut edge);
        if !pipe.begun.is_empty() {
            pipe.lines.send(std::mem::take(&mut pipe.begun)).ok();
        }
        (exit, String::from_utf8_lossy(&err).into_owned())
    });
    Running { thread, lines, seen: String::new() }
}

/// What the desk answered; its failures have no other way to be shown.
pub fn well<T, E>(outcome: Result<T, E>) -> T {
    outcome.unwrap_or_else(|_| panic!("the desk refuses"))
}

/// A desk with a reviewer.
pub struct Room {
    pub runtime: Runtime,
    pub desk: Option<Headless>,
    folder: tempfile::TempDir,
}

impl Room {
    pub fn new() -> Self {
        Self::over(tempfile::tempdir().expect("a folder"))
    }

    /// A desk that starts in a folder in which there may be a home already.
    pub fn over(folder: tempfile::TempDir) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let desk = runtime.block_on(async {
            let clock = FakeClock::default();
            let mut desk = Headless::within(folder, clock).await.expect("a desk");
            // Decisions are released as soon as the desk looks.
            let settings = Settings { hold_s: 0, ..Settings::default() };
            well(desk.engine.save_settings(settings).await);
            desk.listen().expect("it listens");
            desk
        });
        let folder = tempfile::tempdir().expect("a folder");
        Self { runtime, desk: Some(desk), folder }
    }

    pub fn desk(&self) -> &Headless {
        self.desk.as_ref().expect("a desk")
    }

    /// Another desk takes over the home.
    pub fn restart(&mut self) {
        let desk = self.desk.take().expect("a desk");
        self.desk = Some(self.runtime.block_on(async {
            let mut desk = desk.restart().await.expect("it restarts");
            desk.listen().expect("it listens");
            desk
        }));
    }

    /// The desk is gone, with all its connections, and so is its home.
    pub fn end(self) {
        let Self { runtime, desk, folder: _ } = self;
        drop(desk);
        runtime.shutdown_timeout(PATIENCE);
    }

    pub fn home(&self) -> PathBuf {
        self.desk().home.root().to_owned()
    }

    /// A file of the test's own.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).expect("written");
        path.display().to_string()
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn start(&self, words: &[&str]) -> Running {
        start(self.home(), words, b"", None)
    }

    /// The same with something on standard input.
    pub fn start_with(&self, words: &[&str], stdin: &str) -> Running {
        start(self.home(), words, stdin.as_bytes(), None)
    }

    pub fn run(&self, words: &[&str]) -> Ended {
        self.start(words).end()
    }

    /// The same to its end.
    pub fn run_with(&self, words: &[&str], stdin: &str) -> Ended {
        self.start_with(words, stdin).end()
    }

    /// A command with these variables set.
    pub fn run_in(&self, variables: &[(&str, &str)], words: &[&str]) -> Ended {
        run_at(now, self.home(), variables, words, b"", None).end()
    }

    /// The reviewer pauses a task, or lets it go on.
    pub fn pause(&self, agent: &str, task: &str, paused: bool) {
        let pause = Pause { agent: Some(agent.to_owned()), task: Some(task.to_owned()), paused };
        well(self.runtime.block_on(self.desk().engine.pause(pause)));
    }

    /// The reviewer lets an agent that the desk knows work at this level.
    pub fn set_level(&self, agent: &str, level: Level) {
        let set =
            SetLevel { agent: agent.to_owned(), task: None, level: Some(level), minutes: None };
        well(self.runtime.block_on(self.desk().engine.set_level(set)));
    }

    /// The next item in the inbox that is none of `known`, opened.
    pub fn next_case(&self, known: &[&str]) -> CaseView {
        let next = reviewer::next_case(&self.desk().engine, known);
        self.runtime.block_on(async {
            let case = tokio::time::timeout(PATIENCE, next).await.expect("an item comes");
            case.expect("the desk answers")
        })
    }

    /// The reviewer says something to the agent, unasked.
    pub fn tell(&self, task: &str, words: &str) {
        let tell =
            TellAgent { agent: "cli".to_owned(), task: task.to_owned(), text: words.to_owned() };
        let told = self.runtime.block_on(self.desk().engine.tell_agent(tell));
        assert!(told.is_ok(), "{told:?}");
    }

    /// The reviewer answers what is on screen; the answer is released at once.
    pub fn decide(&self, case: &CaseView, answer: Value) {
        let answer = serde_json::from_value(answer).expect("an answer");
        let request = answering(case, answer);
        let engine = &self.desk().engine;
        self.runtime.block_on(async {
            if let Err(failure) = engine.decide(request).await {
                panic!("{}", failure.0.message);
            }
            engine.tick().await;
        });
    }

    /// Waits until somebody waits for the answer to this item.
    pub fn until_listened_to(&self, id: &str) {
        let until = Instant::now() + PATIENCE;
        while self.case(id).liveness != Liveness::Listening {
            assert!(Instant::now() < until, "nobody listens");
            std::thread::yield_now();
        }
    }

    pub fn until_state(&self, id: &str, state: State) {
        let until = Instant::now() + PATIENCE;
        while self.case(id).state != state {
            assert!(Instant::now() < until, "it never came: {state:?}");
            std::thread::yield_now();
        }
    }

    pub fn case(&self, id: &str) -> CaseView {
        well(self.desk().engine.open_case(id))
    }
}
