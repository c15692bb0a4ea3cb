//! A desk with nothing around it but what a test gives it: own home, own
//! screen, own bus. Killed with the test; when the test fails, what was on
//! screen and in the logs is kept.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use handoff_stage::{Notices, Plan, Stage};
use tempfile::TempDir;

use super::window::Window;

/// The app, built so that its window can be driven.
pub const DESK: &str = env!("CARGO_BIN_EXE_handoff-desk");
/// The command line.
pub const CLI: &str = env!("CARGO_BIN_EXE_handoff");

/// What the desk of a test is to have.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// No notification service on its bus.
    pub silent: bool,
}

/// The desk of one test.
// The window goes before the stage it is on, the home last.
pub struct Desk {
    window: Option<Window>,
    stage: Stage,
    home: TempDir,
}

impl Desk {
    /// Opens a new one.
    pub fn open() -> Self {
        Self::open_with(Options::default())
    }

    /// Opens a new one with special circumstances.
    pub fn open_with(options: Options) -> Self {
        let mut desk = Self::closed(options);
        desk.start();
        desk
    }

    /// Everything but the desk itself.
    pub fn closed(options: Options) -> Self {
        let plan = Plan { notifications: !options.silent, ..Plan::default() };
        let stage = Stage::open(plan).unwrap();
        // A socket's path may only have about 100 characters.
        let home = tempfile::Builder::new().prefix("hd").tempdir().unwrap();
        Self { window: None, stage, home }
    }

    /// Starts the desk, which must be off, and waits for its window.
    pub fn start(&mut self) {
        self.start_by(&[]);
    }

    /// The same for a desk that starts itself again in its own place:
    /// `WebKitWebDriver` ends the program whose window it has lost. That is
    /// here a script, and the desk is ended by what this returns.
    pub fn start_apart(&mut self) -> Apart {
        let folder = self.scratch("apart");
        let (script, pid) = (folder.join("desk"), folder.join("pid"));
        let text = format!(
            "#!/bin/sh\n'{DESK}' \"$@\" &\necho $! > '{pid}.new' && mv '{pid}.new' '{pid}'\nwait\n",
            pid = pid.display()
        );
        fs::write(&script, text).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o700)).unwrap();
        self.start_program(&script, &[]);
        Apart(fs::read_to_string(pid).unwrap().trim().parse().unwrap())
    }

    /// The same by means of a program that becomes the one it is told.
    pub fn start_by(&mut self, by: &[String]) {
        self.start_program(Path::new(DESK), by);
    }

    fn start_program(&mut self, desk: &Path, by: &[String]) {
        assert!(self.window.is_none(), "the desk is off before it is started");
        let log = self.stage.folder().join("desk.log");
        let log = fs::File::options().create(true).append(true).open(log).unwrap();
        let mut driver = match by {
            [] => self.command("WebKitWebDriver"),
            [program, args @ ..] => {
                let mut command = self.command(program);
                command.args(args).arg("WebKitWebDriver");
                command
            }
        };
        driver.stdout(log.try_clone().unwrap()).stderr(log);
        self.window = Some(Window::open(&mut driver, desk));
    }

    /// Kills the desk as a power cut would.
    pub fn kill(&mut self) {
        self.window.take().unwrap().kill();
    }

    /// The same, if it is on.
    pub fn close(&mut self) {
        if self.is_on() {
            self.kill();
        }
    }

    /// Whether it has a window.
    pub fn is_on(&self) -> bool {
        self.window.is_some()
    }

    /// Its window.
    pub fn window(&self) -> &Window {
        self.window.as_ref().unwrap()
    }

    /// What its notification service was told.
    pub fn notices(&self) -> &Notices {
        self.stage.notices().unwrap()
    }

    /// The desktop it is on.
    pub fn stage(&self) -> &Stage {
        &self.stage
    }

    /// Where it keeps everything.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The same, to change something about it.
    pub fn stage_mut(&mut self) -> &mut Stage {
        &mut self.stage
    }

    /// A folder for a test's own files.
    pub fn scratch(&self, name: &str) -> PathBuf {
        let folder = self.stage.folder().join(name);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// A command on its desktop that finds this desk and no other.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = self.stage.command(program);
        command.env("HANDOFF_DESK_HOME", self.home()).env("HOME", self.stage.folder());
        command.stdin(Stdio::null());
        command
    }

    /// The logs of the desk and of its desktop, by name.
    pub fn logs(&self) -> Vec<(String, String)> {
        let read = |path: PathBuf| {
            let text = fs::read(&path).unwrap();
            (path.display().to_string(), String::from_utf8_lossy(&text).into_owned())
        };
        self.log_files().unwrap().into_iter().map(read).collect()
    }

    fn log_files(&self) -> std::io::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(self.stage.folder())? {
            let path = entry?.path();
            found.extend(path.extension().is_some_and(|end| end == "log").then_some(path));
        }
        for entry in fs::read_dir(self.home().join("logs")).into_iter().flatten() {
            found.push(entry?.path());
        }
        Ok(found)
    }

    fn keep_evidence(&self) {
        let name = std::thread::current().name().unwrap_or("test").replace("::", "-");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("failed").join(name);
        let kept = fs::create_dir_all(&folder).map_err(anyhow::Error::from).and_then(|()| {
            self.stage.screenshot(&folder.join("screen.png"))?;
            if let Some(window) = &self.window {
                fs::write(folder.join("page.txt"), window.page_text())?;
            }
            for path in self.log_files()? {
                fs::copy(&path, folder.join(path.file_name().unwrap_or_default()))?;
            }
            Ok(())
        });
        match kept {
            Ok(()) => say(&format!("what was on screen is in {}", folder.display())),
            Err(fault) => say(&format!("what was on screen could not be kept: {fault:#}")),
        }
    }
}

/// A desk that only this ends, as a power cut would.
#[derive(Debug)]
pub struct Apart(u32);

impl Drop for Apart {
    fn drop(&mut self) {
        if let Err(fault) = handoff_stage::child::kill(self.0) {
            say(&format!("the desk could not be ended: {fault:#}"));
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.keep_evidence();
        }
    }
}

#[expect(clippy::print_stderr, reason = "a failed test says where to look")]
fn say(text: &str) {
    eprintln!("{text}");
}
