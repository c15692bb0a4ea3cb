//! Programs a task runs: printed before they start, and named when they fail.

use std::error::Error;
use std::ffi::OsStr;
use std::fmt;
use std::io::{self, IsTerminal as _, PipeReader, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;

/// The folder of the repository.
#[derive(Debug, Clone)]
pub struct Root(PathBuf);

impl Root {
    /// Finds it from where this program was built.
    pub fn find() -> anyhow::Result<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .nth(2)
            .context("xtask lies two folders below the repository")?;
        Ok(Self(folder.to_owned()))
    }

    /// A path inside it.
    pub fn join(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }

    /// The folder where cargo builds.
    pub fn target(&self) -> PathBuf {
        std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| self.join("target"), |set| self.0.join(set))
    }

    /// A program that was built for development.
    pub fn built(&self, program: &str) -> PathBuf {
        self.target().join("debug").join(program)
    }

    /// A command that runs here.
    pub fn command<I>(&self, program: impl AsRef<OsStr>, args: I) -> Command
    where
        I: IntoIterator<Item: AsRef<OsStr>>,
    {
        let mut command = Command::new(program);
        command.args(args).current_dir(&self.0).stdin(Stdio::null());
        command
    }

    /// A cargo command; the same cargo that runs this program.
    pub fn cargo<I>(&self, args: I) -> Command
    where
        I: IntoIterator<Item: AsRef<OsStr>>,
    {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = self.command(cargo, args);
        // Nothing is built a second time there.
        if std::env::var_os("CI").is_some() {
            command.env("CARGO_INCREMENTAL", "0");
        }
        // Set by the cargo that started us for our own package; a build script
        // that watches one of them would run again for nothing.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                command.env_remove(name);
            }
        }
        command
    }
}

/// A program that failed, and what it had printed.
#[derive(Debug)]
pub struct Failed {
    what: String,
    /// What it said, as far as that was kept.
    pub said: String,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl Error for Failed {}

/// How much of the end of what a program says is kept, in bytes.
const TAIL: usize = 4096;
/// What a program left running may still say after it has ended.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Prints the command, runs it and fails when it fails. Where no terminal shows
/// it, the failure holds the end of what it printed.
pub fn run(command: &mut Command) -> anyhow::Result<()> {
    println!("$ {}", spelled(command));
    let not_started = format!("{} could not be started", name(command));
    if io::stdout().is_terminal() {
        let status = command.status().context(not_started)?;
        return judge(command, status, &[]);
    }
    let (reader, writer) = io::pipe()?;
    let mut child = {
        let started = command.stdout(writer.try_clone()?).stderr(writer).spawn();
        // They hold the writing ends: as long as they do, reading has no end.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        started.context(not_started)?
    };
    let said = copy_out(reader);
    let status = child.wait()?;
    let mut tail = Vec::new();
    while let Ok(some) = said.recv_timeout(LAST_WORDS) {
        tail.extend(some);
        tail.drain(..tail.len().saturating_sub(TAIL));
    }
    judge(command, status, &tail)
}

/// Prints what is read, and hands it on.
fn copy_out(mut reader: PipeReader) -> Receiver<Vec<u8>> {
    let (send, receive) = channel();
    thread::spawn(move || {
        let mut some = [0; 8192];
        while let Ok(length @ 1..) = reader.read(&mut some) {
            io::stdout().write_all(&some[..length]).ok();
            if send.send(some[..length].to_vec()).is_err() {
                break;
            }
        }
    });
    receive
}

fn judge(command: &Command, status: ExitStatus, said: &[u8]) -> anyhow::Result<()> {
    if status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(said).into_owned();
    Err(Failed { what: format!("{} failed ({status})", spelled(command)), said }.into())
}

/// Runs the command and answers what it printed, in the order in which it did;
/// a failure holds the same.
pub fn keep_output(command: &mut Command) -> anyhow::Result<String> {
    let mut kept = tempfile::tempfile().context("there is no room for what a program says")?;
    command.stdout(kept.try_clone()?).stderr(kept.try_clone()?);
    let status = command.status();
    kept.rewind()?;
    let mut said = format!("$ {}\n", spelled(command)).into_bytes();
    kept.read_to_end(&mut said)?;
    let status = status.with_context(|| format!("{} could not be started", name(command)))?;
    judge(command, status, &said)?;
    Ok(String::from_utf8_lossy(&said).into_owned())
}

/// Runs the command quietly and answers what it prints, or `None` when it
/// fails or is not there.
pub fn answer(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn name(command: &Command) -> String {
    Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn spelled(command: &Command) -> String {
    let mut text = name(command);
    for arg in command.get_args() {
        text.push(' ');
        text.push_str(&arg.to_string_lossy());
    }
    text
}
