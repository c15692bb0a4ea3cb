//! A desk with nothing around it but what a test gives it: own home, own
//! screen, own bus. Killed with the test; when the test fails, what was on
//! screen and in the logs is kept.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use handoff_protocol::wire::{Status, method};
use handoff_stage::{Notices, Plan, Stage, ask_until};
use handoff_transport::client::Client;
use handoff_transport::home::Home;
use serde_json::json;
use tempfile::TempDir;

use super::SOON;
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

    /// Has the window manager close the window; asks again where the virtual
    /// desktop has lost the keys.
    #[track_caller]
    pub fn close_window(&self, is_away: impl Fn() -> bool) {
        const KEYS: [&str; 7] =
            ["search", "--name", "^Handoff Desk$", "windowfocus", "--sync", "key", "alt+F4"];
        for _ in 0..5 {
            let closed = self.command("xdotool").args(KEYS).status().unwrap();
            assert!(closed.success(), "the window manager closes it");
            let away = ask_until(Duration::from_secs(4), || Ok(is_away().then_some(())));
            if away.unwrap().is_some() {
                return;
            }
        }
        panic!("the window is not out of the way");
    }

    /// Waits until it answers: before that, the command line would start another.
    #[track_caller]
    pub fn answers(&self) -> Status {
        let home = Home::new(self.home().to_owned());
        let status = || Ok(Client::ask::<_, Status>(&home, method::STATUS, &json!({})).ok());
        ask_until(SOON, status).unwrap().unwrap_or_else(|| panic!("no desk answers"))
    }

    /// How many of its windows are among the minimised ones.
    pub fn minimised(&self) -> usize {
        let run = |words: &[&str]| {
            self.stage.run("xprop", &words.iter().map(AsRef::as_ref).collect::<Vec<_>>())
        };
        let list = run(&["-root", "_NET_CLIENT_LIST"]).unwrap();
        let windows = list.split(['#', ',']).skip(1).map(str::trim).filter(|id| !id.is_empty());
        let is_hidden = |id: &&str| {
            let told = run(&["-id", id, "_NET_WM_NAME", "_NET_WM_STATE"]).unwrap_or_default();
            told.contains("Handoff Desk") && told.contains("_NET_WM_STATE_HIDDEN")
        };
        windows.filter(is_hidden).count()
    }

    /// The same, to change something about it.
    pub fn stage_mut(&mut self) -> &mut Stage {
        &mut self.stage
    }

    /// Lets its machine have slept for so long, as its clocks tell it: all of
    /// them but the one that stands still meanwhile.
    pub fn sleep(&self, span: Duration) {
        let (file, new) = (self.slept(), self.slept().with_extension("new"));
        fs::write(&new, span.as_secs().to_string()).unwrap();
        fs::rename(new, file).unwrap();
    }

    fn slept(&self) -> PathBuf {
        self.stage.folder().join("slept")
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
        command.env("HANDOFF_SLEPT", self.slept());
        command.stdin(Stdio::null());
        command
    }

    /// Where its session bus is found.
    pub fn bus_address(&self) -> String {
        let command = self.command("unused");
        let found = command.get_envs().find(|(name, _)| *name == "DBUS_SESSION_BUS_ADDRESS");
        found.unwrap().1.unwrap().to_str().unwrap().to_owned()
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
