//! The programs that make up a desktop, each started by this process, ready
//! before the next one, and killed with it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use tempfile::TempDir;

use crate::child::{self, Child};
use crate::notices::Notices;

/// How long any of its programs may take to be ready.
const READY: Duration = Duration::from_secs(20);

/// What a stage is to have.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Width and height of the screen.
    pub size: (u32, u32),
    /// Whether there is a notification service.
    pub notifications: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self { size: (1440, 900), notifications: true }
    }
}

/// A desktop of its own.
// Fields are dropped in this order: what needs the bus or the display first.
#[derive(Debug)]
pub struct Stage {
    dunst: Option<Child>,
    openbox: Child,
    bus: Child,
    screen: Child,
    display: String,
    bus_address: String,
    notices: Option<Notices>,
    folder: TempDir,
}

impl Stage {
    /// Starts its programs and waits until each is ready.
    pub fn open(plan: Plan) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("stage").tempdir()?;
        for name in ["run", "home/config", "home/data", "home/cache", "home/state"] {
            fs::create_dir_all(folder.path().join(name))?;
        }
        // GLib and the desk refuse a runtime folder that others can enter.
        private(&folder.path().join("run"))?;

        let (width, height) = plan.size;
        let screen = format!("{width}x{height}x24");
        let (screen, number) = Child::start_until_line(
            "Xvfb",
            child::command("Xvfb")
                .args(["-displayfd", "1", "-screen", "0", &screen])
                .args(["-nolisten", "tcp", "-noreset"])
                .stderr(log(folder.path(), "xvfb")?),
            READY,
        )?;
        let display = format!(":{}", number.trim());

        let config = folder.path().join("bus.conf");
        fs::write(&config, BUS.replace("FOLDER", &folder.path().join("run").to_string_lossy()))?;
        let (bus, bus_address) = Child::start_until_line(
            "dbus-daemon",
            child::command("dbus-daemon")
                .arg("--config-file")
                .arg(&config)
                .args(["--nofork", "--print-address=1"])
                .stderr(log(folder.path(), "bus")?),
            READY,
        )?;
        let bus_address = bus_address.trim().to_owned();

        let world = World::of(&display, &bus_address, folder.path());
        let (openbox, _ready) = Child::start_until_line(
            "openbox",
            world
                .command("openbox")
                .args(["--sm-disable", "--startup", "echo ready"])
                .stderr(log(folder.path(), "openbox")?),
            READY,
        )?;
        let (dunst, notices) = if plan.notifications {
            let (dunst, notices) = start_dunst(&world)?;
            (Some(dunst), Some(notices))
        } else {
            (None, None)
        };
        Ok(Self { dunst, openbox, bus, screen, display, bus_address, notices, folder })
    }

    /// A command whose process is on this desktop and on no other, and ends
    /// with this process.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        self.world().command(program)
    }

    /// What the notification service was told; an error where there is none.
    pub fn notices(&self) -> anyhow::Result<&Notices> {
        self.notices.as_ref().context("this stage has no notification service")
    }

    /// Kills the notification service, as a crash does.
    pub fn kill_notifications(&mut self) -> anyhow::Result<()> {
        let mut dunst = self.dunst.take().context("no notification service runs")?;
        dunst.kill()
    }

    /// Starts the notification service again, or another in its place.
    pub fn start_notifications(&mut self) -> anyhow::Result<()> {
        let world = World::of(&self.display, &self.bus_address, self.folder.path());
        let (dunst, notices) = start_dunst(&world)?;
        (self.dunst, self.notices) = (Some(dunst), Some(notices));
        Ok(())
    }

    /// Makes the notification service hang: it is there and answers nothing,
    /// until [`Stage::wake_notifications`].
    pub fn hang_notifications(&self) -> anyhow::Result<()> {
        self.signal_notifications("-STOP")
    }

    /// Lets a service that hangs go on.
    pub fn wake_notifications(&self) -> anyhow::Result<()> {
        self.signal_notifications("-CONT")
    }

    fn signal_notifications(&self, signal: &str) -> anyhow::Result<()> {
        let dunst = self.dunst.as_ref().context("no notification service runs")?;
        self.run("kill", &[signal.as_ref(), dunst.pid().to_string().as_ref()])?;
        Ok(())
    }

    /// The processes it is made of.
    pub fn processes(&self) -> Vec<u32> {
        let mut processes = vec![self.screen.pid(), self.bus.pid(), self.openbox.pid()];
        processes.extend(self.dunst.as_ref().map(Child::pid));
        processes
    }

    /// Its folder: logs, home, runtime files. Gone with the stage.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The name of its display.
    pub fn display(&self) -> &str {
        &self.display
    }

    /// Takes a picture of the whole screen.
    pub fn screenshot(&self, path: &Path) -> anyhow::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        self.run("import", &[OsStr::new("-window"), OsStr::new("root"), path.as_os_str()])?;
        Ok(())
    }

    /// The title of the window that has the keyboard.
    pub fn active_window(&self) -> anyhow::Result<Option<String>> {
        let output = self.command("xdotool").args(["getactivewindow", "getwindowname"]).output()?;
        let title = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Ok((output.status.success() && !title.is_empty()).then_some(title))
    }

    /// Runs one of the desktop's own tools and answers what it printed.
    pub fn run(&self, program: &str, args: &[&OsStr]) -> anyhow::Result<String> {
        let output = self.command(program).args(args).stdin(Stdio::null()).output()?;
        if !output.status.success() {
            bail!("{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn world(&self) -> World<'_> {
        World::of(&self.display, &self.bus_address, self.folder.path())
    }
}

/// What a process needs to know to be on the stage.
#[derive(Clone, Copy)]
pub(crate) struct World<'a> {
    display: &'a str,
    bus: &'a str,
    folder: &'a Path,
}

impl<'a> World<'a> {
    pub(crate) fn of(display: &'a str, bus: &'a str, folder: &'a Path) -> Self {
        Self { display, bus, folder }
    }

    pub(crate) fn parts(&self) -> (String, String, PathBuf) {
        (self.display.to_owned(), self.bus.to_owned(), self.folder.to_owned())
    }

    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = child::command(program);
        // Nothing of the real desktop or of the person's settings may leak in.
        for name in ["WAYLAND_DISPLAY", "XDG_CURRENT_DESKTOP", "GTK_MODULES", "GTK_THEME"] {
            command.env_remove(name);
        }
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("HANDOFF_") {
                command.env_remove(name);
            }
        }
        command
            .env("DISPLAY", self.display)
            .env("DBUS_SESSION_BUS_ADDRESS", self.bus)
            .env("XDG_RUNTIME_DIR", self.folder.join("run"))
            .env("XDG_CONFIG_HOME", self.folder.join("home/config"))
            .env("XDG_DATA_HOME", self.folder.join("home/data"))
            .env("XDG_CACHE_HOME", self.folder.join("home/cache"))
            .env("XDG_STATE_HOME", self.folder.join("home/state"))
            .env("GDK_BACKEND", "x11")
            .env("NO_AT_BRIDGE", "1")
            .env("GTK_A11Y", "none")
            .env("LANG", "C.UTF-8");
        command
    }
}

fn start_dunst(world: &World<'_>) -> anyhow::Result<(Child, Notices)> {
    let heard = world.folder.join("notices");
    fs::create_dir_all(&heard)?;
    let script = world.folder.join("hear.sh");
    fs::write(&script, HEAR.replace("FOLDER", &heard.to_string_lossy()))?;
    executable(&script)?;
    let config = world.folder.join("dunstrc");
    fs::write(&config, DUNST.replace("SCRIPT", &script.to_string_lossy()))?;
    let mut dunst = Child::start(
        "dunst",
        world
            .command("dunst")
            .arg("-conf")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(log(world.folder, "dunst.out")?)
            .stderr(log(world.folder, "dunst")?),
    )?;
    let notices = Notices::new(*world, heard);
    let answers = crate::ask_until(READY, || {
        if dunst.wait(Duration::ZERO)?.is_some() {
            bail!("dunst ended at once: {}", read(&world.folder.join("dunst.log")));
        }
        Ok(notices.displayed().ok())
    })?;
    if answers.is_none() {
        bail!("dunst did not answer on its bus within {READY:?}");
    }
    Ok((dunst, notices))
}

fn log(folder: &Path, name: &str) -> anyhow::Result<Stdio> {
    let path: PathBuf = folder.join(format!("{name}.log"));
    Ok(fs::File::create(path)?.into())
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

#[cfg(unix)]
fn private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
}

#[cfg(unix)]
fn executable(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
}

/// A bus that starts nothing by itself: what is not on the stage is absent.
const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:dir=FOLDER</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#;

/// Notifications stay until acted on, and each is told to the script.
const DUNST: &str = r#"[global]
    font = DejaVu Sans 10
    width = 380
    offset = 16x16
    origin = top-right
    markup = full
    idle_threshold = 0
    sort = false
    stack_duplicates = false
    notification_limit = 20
    always_run_script = true
    history_length = 200
[urgency_low]
    timeout = 0
[urgency_normal]
    timeout = 0
[urgency_critical]
    timeout = 0
[hear]
    summary = "*"
    script = SCRIPT
"#;

/// Each notification becomes one file, complete once it has its name.
const HEAR: &str = r#"#!/bin/sh
part=$(mktemp "FOLDER/.XXXXXX")
env -0 | grep -z '^DUNST_' > "$part"
mv "$part" "FOLDER/$(date +%s%N)-$DUNST_ID"
"#;
