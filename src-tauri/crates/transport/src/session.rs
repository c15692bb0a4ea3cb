//! One client, one session: what the hook and the MCP server of a coding agent
//! know of each other, though each call is a process of its own.
//!
//! All of it is small files in the desk's home. They name an agent, a session
//! and the keys of questions, and permit nothing: under a key the desk answers
//! for one exact call.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::os::unix::process::parent_id;
use std::path::{Path, PathBuf};
use std::time::Duration;

use handoff_domain::decision::{action_hash, fingerprint};
use handoff_domain::identity::is_key;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::home::Home;

/// How many digits of a hash make a name.
const DIGITS: usize = 24;

/// How many shells may stand between a client and what it starts.
const SHELLS_BETWEEN: usize = 3;

/// How long after the hook has let a call to a server go on the gate in front of that
/// server goes by it: the client makes it at once.
const MADE_WITHIN: Duration = Duration::from_mins(1);

/// Programs that only start others.
const SHELLS: [&str; 8] = ["sh", "dash", "bash", "zsh", "ksh", "fish", "busybox", "env"];

/// A session of an agent: what its client calls it is the task's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The agent's name.
    pub agent: String,
    /// What the client calls the session.
    pub id: String,
}

/// The program that has started this process, shells left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientProcess {
    name: String,
}

/// A call that was let go on by a permit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Let {
    /// Under which the desk answers for it.
    pub key: String,
    /// The folder it was asked for in.
    pub cwd: Option<String>,
}

/// A call to a server that the hook let go on, as it asked for it: what the gate in
/// front of that server asks for again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Served {
    /// The key that the desk answers under, and the folder it was asked for in.
    #[serde(flatten)]
    pub passed: Let,
    /// What the client calls the tool, and with it the desk.
    pub tool: String,
    /// What the hook calls itself at its hello.
    pub framework: String,
}

/// Where it was let go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passed {
    /// The model asked the MCP server: the hook's first gate lets it pass.
    Asked,
    /// The hook's first gate: its second gate lets it pass.
    FirstGate,
    /// The same, for the permission prompt of the MCP server: a client may ask
    /// both, and each is told once.
    ForPrompt,
    /// The model has asked for it, and the hook records what comes of it under
    /// this name: the model's own record is of the same action.
    Recorded,
}

impl Session {
    /// The folder with what is noted of it.
    pub fn folder(&self, home: &Home) -> PathBuf {
        all(home).join(short(&fingerprint(&json!([self.agent, self.id]))))
    }

    /// The id of the task that it is.
    pub fn task(&self) -> String {
        fitting(self.id.clone())
    }

    /// Notes that this is what the client works on.
    pub fn tell(&self, home: &Home, client: &ClientProcess) -> io::Result<()> {
        if Self::told(home, client).as_ref() == Some(self) {
            return Ok(());
        }
        let path = client.file(home);
        let draft = path.with_extension(format!("{}.new", std::process::id()));
        make(&clients(home))?;
        written(&draft, &serde_json::to_vec(self)?)?;
        // Whole or not at all: another process may read it just now.
        fs::rename(&draft, &path)
    }

    /// What the client works on, as its hook has told last.
    pub fn told(home: &Home, client: &ClientProcess) -> Option<Self> {
        serde_json::from_slice(&fs::read(client.file(home)).ok()?).ok()
    }

    /// Notes that exactly this call was let go on.
    pub fn note(&self, home: &Home, at: Passed, hash: &str, passed: &Let) -> io::Result<()> {
        make(&self.folder(home))?;
        written(&self.place(home, at, hash), &serde_json::to_vec(passed)?)
    }

    /// What was noted of this call; it stays noted.
    pub fn look(&self, home: &Home, at: Passed, hash: &str) -> Option<Let> {
        read(&self.place(home, at, hash))
    }

    /// What was noted of this call; it is told once.
    pub fn take(&self, home: &Home, at: Passed, hash: &str) -> Option<Let> {
        taken(&self.place(home, at, hash))
    }

    /// Notes a call to a server that was let go on, under its [`served`] name.
    pub fn note_served(&self, home: &Home, name: &str, served: &Served) -> io::Result<()> {
        make(&self.folder(home))?;
        written(&self.served(home, name), &serde_json::to_vec(served)?)
    }

    /// What was noted of this call to a server; it is told once, and not for long.
    pub fn take_served(&self, home: &Home, name: &str) -> Option<Served> {
        let path = self.served(home, name);
        let noted = fs::metadata(&path).and_then(|found| found.modified()).ok()?;
        let served = taken(&path)?;
        // A clock that was set back says nothing of its age.
        noted.elapsed().is_ok_and(|age| age <= MADE_WITHIN).then_some(served)
    }

    fn place(&self, home: &Home, at: Passed, hash: &str) -> PathBuf {
        let end = match at {
            Passed::Asked => "asked",
            Passed::FirstGate => "let",
            Passed::ForPrompt => "prompt",
            Passed::Recorded => "done",
        };
        self.folder(home).join(format!("{}-{end}", short(hash)))
    }

    fn served(&self, home: &Home, name: &str) -> PathBuf {
        self.folder(home).join(format!("{}-served", short(name)))
    }
}

/// Names a call as a server has it: the tool's own name, what it is given, and what
/// the client calls the call, where it says so to the server, too.
pub fn served(tool: &str, args: &Map<String, Value>, call: Option<&str>) -> String {
    fingerprint(&json!([action_hash(tool, args), call]))
}

impl Let {
    /// Whether it is of a call in this folder: the same command does another
    /// thing elsewhere, and the desk goes by the folder, too.
    pub fn fits(&self, cwd: Option<&str>) -> bool {
        self.cwd.as_deref() == cwd
    }
}

impl ClientProcess {
    /// The one that has started this process; nothing where the system does not
    /// say.
    pub fn of_this() -> Option<Self> {
        Self::from(parent_id(), |pid| fs::read_to_string(format!("/proc/{pid}/stat")).ok())
    }

    /// The same over any source of what the system says of a process.
    fn from(parent: u32, stat: impl Fn(u32) -> Option<String>) -> Option<Self> {
        let mut pid = parent;
        for _ in 0..=SHELLS_BETWEEN {
            // Whoever belongs to the first process has lost its own parent.
            if pid <= 1 {
                return None;
            }
            let said = stat(pid)?;
            // The name may hold anything, so what follows begins after its end.
            let (before, after) = said.rsplit_once(')')?;
            let (_, program) = before.split_once('(')?;
            let mut fields = after.split_whitespace().skip(1);
            let above = fields.next()?;
            if !SHELLS.contains(&program) {
                // With the time it began at: numbers are used again.
                let began = fields.nth(17)?;
                return Some(Self { name: format!("{pid}-{began}") });
            }
            pid = above.parse().ok()?;
        }
        None
    }

    fn file(&self, home: &Home) -> PathBuf {
        clients(home).join(&self.name)
    }
}

/// Removes what is noted of sessions and clients that are long over.
pub fn tidy(home: &Home, old: Duration) {
    let clients = clients(home);
    for folder in [all(home), clients.clone()] {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let changed = entry.metadata().and_then(|found| found.modified());
            let age = changed.ok().and_then(|changed| changed.elapsed().ok());
            let path = entry.path();
            if path == clients || age.is_none_or(|age| age <= old) {
                continue;
            }
            // What cannot be removed does no harm.
            if path.is_dir() {
                fs::remove_dir_all(path).ok();
            } else {
                fs::remove_file(path).ok();
            }
        }
    }
}

/// A name as the wire takes it: as it is, or as its hash.
pub fn fitting(name: String) -> String {
    if is_key(&name) { name } else { fingerprint(&Value::String(name)) }
}

/// The beginning of a hash, as a name.
pub fn short(hash: &str) -> &str {
    hash.get(..DIGITS).unwrap_or(hash)
}

fn all(home: &Home) -> PathBuf {
    home.root().join("hooks")
}

fn clients(home: &Home) -> PathBuf {
    all(home).join("clients")
}

fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

fn taken<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let noted = read(path)?;
    // Of two that read it, one removes it.
    fs::remove_file(path).ok()?;
    Some(noted)
}

fn written(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(path)?.write_all(text)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn session(id: &str) -> Session {
        Session { agent: "claude-code".to_owned(), id: id.to_owned() }
    }

    fn client(pid: u32) -> ClientProcess {
        ClientProcess { name: format!("{pid}-77") }
    }

    #[test]
    fn what_started_this_is_found_behind_shells() {
        let stat = |pid: u32, name: &str, parent: u32| {
            let rest = "0 ".repeat(17);
            (pid, format!("{pid} ({name}) S {parent} {rest}{pid}00 0 0"))
        };
        let known: HashMap<u32, String> = HashMap::from([
            stat(10, "claude", 9),
            stat(11, "sh", 10),
            stat(12, "bash", 11),
            stat(13, "a ) b (c", 1),
            stat(14, "sh", 1),
            stat(20, "sh", 21),
            stat(21, "sh", 22),
            stat(22, "sh", 23),
            stat(23, "sh", 10),
        ]);
        let found = |pid| ClientProcess::from(pid, |pid| known.get(&pid).cloned());
        let name = |pid| found(pid).map(|client| client.name);
        assert_eq!(name(10).as_deref(), Some("10-1000"));
        assert_eq!(found(11), found(10), "through a shell");
        assert_eq!(found(12), found(10), "through two");
        assert_eq!(name(13).as_deref(), Some("13-1300"), "whatever its name is");
        assert_eq!(found(14), None, "the shell has lost its own parent");
        assert_eq!(found(20), None, "too far away");
        assert_eq!(found(1), None);
        assert_eq!(found(99), None, "the system says nothing of it");
    }

    #[test]
    fn a_client_has_the_session_that_was_told_last() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = Home::new(folder.path());
        assert_eq!(Session::told(&home, &client(1)), None);
        for id in ["s-1", "s-1", "s-2"] {
            session(id).tell(&home, &client(1)).expect("told");
            assert_eq!(Session::told(&home, &client(1)), Some(session(id)));
        }
        assert_eq!(Session::told(&home, &client(2)), None, "another client");
        let names = fs::read_dir(clients(&home)).expect("readable").count();
        assert_eq!(names, 1, "no draft is left behind");
        fs::write(client(3).file(&home), b"{\"agent\":").expect("written");
        assert_eq!(Session::told(&home, &client(3)), None, "half of it says nothing");
    }

    fn passed(key: &str, cwd: Option<&str>) -> Let {
        Let { key: key.to_owned(), cwd: cwd.map(str::to_owned) }
    }

    #[test]
    fn what_was_let_go_on_is_told_once_to_whom_it_is_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = Home::new(folder.path());
        let (one, noted) = (session("s-1"), passed("k-1", Some("/w")));
        one.note(&home, Passed::Asked, "abc", &noted).expect("noted");
        let found = |one: &Session, at, hash| one.look(&home, at, hash);
        assert_eq!(found(&one, Passed::FirstGate, "abc"), None, "for another gate");
        assert_eq!(found(&one, Passed::Asked, "abd"), None, "another call");
        assert_eq!(found(&session("s-2"), Passed::Asked, "abc"), None, "another session");
        assert_eq!(found(&one, Passed::Asked, "abc"), Some(noted.clone()));
        assert_eq!(one.take(&home, Passed::Asked, "abc"), Some(noted));
        assert_eq!(one.take(&home, Passed::Asked, "abc"), None);
    }

    #[test]
    fn a_call_to_a_server_is_told_of_once_and_not_for_long() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = Home::new(folder.path());
        let args = |path: &str| Map::from_iter([("path".to_owned(), json!(path))]);
        let name = served("write", &args("a"), Some("t-1"));
        let noted = Served {
            passed: passed("k-1", Some("/w")),
            tool: "mcp__files__write".to_owned(),
            framework: "a hook".to_owned(),
        };
        let note = || session("s-1").note_served(&home, &name, &noted).expect("noted");
        note();
        for (tool, path, call) in [
            ("write", "a", None),
            ("write", "a", Some("t-2")),
            ("write", "b", Some("t-1")),
            ("erase", "a", Some("t-1")),
        ] {
            let other = served(tool, &args(path), call);
            assert_eq!(session("s-1").take_served(&home, &other), None, "{tool} {path} {call:?}");
        }
        assert_eq!(session("s-2").take_served(&home, &name), None, "another session");
        assert_eq!(session("s-1").take_served(&home, &name), Some(noted.clone()));
        assert_eq!(session("s-1").take_served(&home, &name), None, "it is told once");
        note();
        let file = fs::File::options().append(true).open(session("s-1").served(&home, &name));
        let long_ago = std::time::UNIX_EPOCH;
        file.and_then(|file| file.set_modified(long_ago)).expect("set");
        assert_eq!(session("s-1").take_served(&home, &name), None, "nobody makes it any more");
    }

    #[test]
    fn what_was_let_go_on_in_one_folder_is_not_in_another() {
        for (asked, called, fits) in [
            (Some("/w"), Some("/w"), true),
            (Some("/w"), Some("/x"), false),
            (None, Some("/x"), false),
            (Some("/w"), None, false),
            (None, None, true),
        ] {
            assert_eq!(passed("k", asked).fits(called), fits, "{asked:?} {called:?}");
        }
    }

    #[test]
    fn what_is_long_over_is_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let home = Home::new(folder.path());
        session("s-1").note(&home, Passed::Asked, "abc", &passed("k-1", None)).expect("noted");
        session("s-1").tell(&home, &client(1)).expect("told");
        tidy(&home, Duration::from_hours(1));
        assert!(Session::told(&home, &client(1)).is_some(), "it is young");
        tidy(&home, Duration::ZERO);
        assert_eq!(Session::told(&home, &client(1)), None);
        assert_eq!(session("s-1").look(&home, Passed::Asked, "abc"), None);
    }
}
