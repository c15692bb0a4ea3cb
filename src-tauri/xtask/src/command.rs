//! Programs a task runs: printed before they start, and named when they fail.

use std::ffi::OsStr;
use std::io::{Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

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

/// Prints the command, runs it and fails when it fails.
pub fn run(command: &mut Command) -> anyhow::Result<()> {
    println!("$ {}", spelled(command));
    let status =
        command.status().with_context(|| format!("{} could not be started", name(command)))?;
    if !status.success() {
        bail!("{} failed ({status})", spelled(command));
    }
    Ok(())
}

/// Runs the command and answers what it printed, in the order in which it did;
/// a failure names it and holds the same.
pub fn keep_output(command: &mut Command) -> anyhow::Result<String> {
    let mut kept = tempfile::tempfile().context("there is no room for what a program says")?;
    command.stdout(kept.try_clone()?).stderr(kept.try_clone()?);
    let status = command.status();
    kept.rewind()?;
    let mut said = Vec::new();
    kept.read_to_end(&mut said)?;
    let said = format!("$ {}\n{}", spelled(command), String::from_utf8_lossy(&said));
    match status {
        Ok(status) if status.success() => Ok(said),
        Ok(status) => bail!("{said}\n{} failed ({status})", spelled(command)),
        Err(error) => bail!("{} could not be started: {error}", name(command)),
    }
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
