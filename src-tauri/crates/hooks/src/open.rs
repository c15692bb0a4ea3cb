//! The questions of a session that are still open, as small files in the desk's
//! home: so that the same call, made again, is the same question, and so that an
//! answer at the terminal takes the card back.
//!
//! Whoever holds a file's lock works on that question; when the process is gone,
//! so is the lock. A file permits nothing: it names a key, and under that key
//! the desk answers for one exact call.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use handoff_transport::home::Home;
use handoff_transport::session::{ClientProcess, Let, Passed, Served, Session, short, tidy};
use serde::{Deserialize, Serialize};

/// How many equal calls may be open at once; more are asked anew each time.
const MOST: u32 = 16;

/// Nobody comes back to a session this old.
const OLD: std::time::Duration = std::time::Duration::from_hours(30 * 24);

/// What is known of an open question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Note {
    /// The key it was asked under.
    pub key: String,
    /// The handoff it became.
    pub handoff: String,
    /// What the client calls the call.
    pub call: Option<String>,
    /// The client was told to come back for the answer.
    pub told: bool,
}

/// The open questions of one session.
#[derive(Debug, Clone)]
pub(crate) struct Questions {
    home: Home,
    session: Session,
    folder: PathBuf,
}

/// An open question that this process works on.
#[derive(Debug)]
pub(crate) struct Open {
    file: File,
    path: PathBuf,
    /// What is known of it.
    pub note: Note,
}

impl Questions {
    /// Those of a session.
    pub fn of(home: &Home, agent: &str, session: &str) -> Self {
        let session = Session { agent: agent.to_owned(), id: session.to_owned() };
        Self { home: home.clone(), folder: session.folder(home), session }
    }

    /// Tells what else the client has started which session it is.
    pub fn is_worked_on(&self) {
        // Untold, its MCP server is a task of its own.
        if let Some(client) = ClientProcess::of_this() {
            self.session.tell(&self.home, &client).ok();
        }
    }

    /// Takes up the question that a call with this hash left open, if nobody
    /// works on it.
    pub fn take_up(&self, hash: &str) -> Option<Open> {
        (0..MOST)
            .map_while(|number| match Self::lock(&self.question(hash, number)) {
                Ok(open) => Some(open),
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                // In use, or unreadable: the next may not be.
                Err(_) => Some(None),
            })
            .flatten()
            .next()
    }

    /// Notes a question that waits from now on.
    pub fn keep(&self, hash: &str, note: Note) -> io::Result<Open> {
        self.make()?;
        for number in 0..MOST {
            let path = self.question(hash, number);
            let mut options = OpenOptions::new();
            options.write(true).read(true).create_new(true).mode(0o600);
            match options.open(&path) {
                Ok(file) => {
                    file.try_lock()?;
                    let mut open = Open { file, path, note };
                    open.write()?;
                    return Ok(open);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other("too many equal calls are open"))
    }

    /// Notes that a call was let go on, for what asks next.
    pub fn was_let(&self, at: Passed, hash: &str, passed: &Let) -> io::Result<()> {
        self.session.note(&self.home, at, hash, passed)
    }

    /// Whether exactly this call was let go on.
    pub fn is_let(&self, at: Passed, hash: &str) -> bool {
        self.session.look(&self.home, at, hash).is_some()
    }

    /// How exactly this call was let go on; it is told once.
    pub fn take_let(&self, at: Passed, hash: &str) -> Option<Let> {
        self.session.take(&self.home, at, hash)
    }

    /// Notes for the gate in front of a server that this call to it was let go on.
    pub fn was_served(&self, name: &str, served: &Served) -> io::Result<()> {
        self.session.note_served(&self.home, name, served)
    }

    /// Takes that back.
    pub fn take_served(&self, name: &str) {
        self.session.take_served(&self.home, name);
    }

    /// The questions that a call which has ended anyway leaves behind: taken
    /// from whoever waits for them.
    pub fn answered_elsewhere(&self, hash: &str, call: Option<&str>) -> Vec<Note> {
        let mine = |path: &Path, note: &Note| match (call, note.call.as_deref()) {
            (Some(call), Some(known)) => call == known,
            _ => named(path).is_some_and(|name| name.starts_with(&format!("{}.", short(hash)))),
        };
        self.remove(mine)
    }

    /// The questions that nobody will come back for when the turn is over: where
    /// work may go on behind, only those that nobody waits for any more.
    pub fn given_up(&self, busy: bool) -> Vec<Note> {
        let is_left = |path: &Path| matches!(Self::lock(path), Ok(Some(_)));
        self.remove(|path, note| !note.told && (!busy || is_left(path)))
    }

    /// Removes sessions that are long over.
    pub fn tidy(&self) {
        tidy(&self.home, OLD);
    }

    fn remove(&self, which: impl Fn(&Path, &Note) -> bool) -> Vec<Note> {
        let Ok(files) = fs::read_dir(&self.folder) else { return Vec::new() };
        let mut removed = Vec::new();
        for path in files.flatten().map(|file| file.path()) {
            let note = fs::read(&path).ok().and_then(|text| serde_json::from_slice(&text).ok());
            let Some(note) = note.filter(|note| which(&path, note)) else { continue };
            if fs::remove_file(&path).is_ok() {
                removed.push(note);
            }
        }
        removed
    }

    fn make(&self) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)
    }

    /// The question in this file, if it can be worked on.
    fn lock(path: &Path) -> io::Result<Option<Open>> {
        let mut file = OpenOptions::new().read(true).write(true).open(path)?;
        if file.try_lock().is_err() {
            return Ok(None);
        }
        // Whoever had it may have removed it, and another may have its name.
        if fs::metadata(path)?.ino() != file.metadata()?.ino() {
            return Ok(None);
        }
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let note = serde_json::from_str(&text).map_err(io::Error::other)?;
        Ok(Some(Open { file, path: path.to_owned(), note }))
    }

    fn question(&self, hash: &str, number: u32) -> PathBuf {
        self.folder.join(format!("{}.{number}", short(hash)))
    }
}

impl Open {
    /// The client was told to come back.
    pub fn told(mut self) {
        self.note.told = true;
        // If it cannot be noted, the same call is asked anew.
        self.write().ok();
    }

    /// It is answered.
    pub fn over(self) {
        fs::remove_file(&self.path).ok();
    }

    fn write(&mut self) -> io::Result<()> {
        let text = serde_json::to_vec(&self.note)?;
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(&text)
    }
}

fn named(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()
}
