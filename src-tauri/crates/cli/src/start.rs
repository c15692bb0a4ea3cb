//! Starting the desk in the background when an agent needs it and none runs, and
//! saying so.
//!
//! It starts the program that was installed beside this one, and hands it only
//! the variables a desktop program needs: an agent's environment is full of
//! keys that the desk must never hold.

use std::collections::HashMap;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use handoff_transport::client::{Client, ClientError};
use handoff_transport::home::{HOME_VARIABLE, Home};

use crate::edge::Edge;
use crate::failure::Failure;

const PROGRAM: &str = "handoff-desk";

const STARTED: &str =
    "Handoff Desk was not running and now runs in the background; `handoff-desk` shows its window.";

/// How long a cold start may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long the winner of two starts may still need once the loser has ended.
const AFTER_ITS_END: Duration = Duration::from_secs(5);

/// How often the socket is tried meanwhile.
const LOOK: Duration = Duration::from_millis(40);

/// The variables that are handed on: who and where the user is, in which
/// language, on which screen and bus.
///
/// Of GTK and WebKit only what selects a look, an input method or a way to
/// draw. `GTK_MODULES`, `GTK_PATH`, `GDK_PIXBUF_MODULE_FILE`,
/// `GIO_EXTRA_MODULES` and `LD_*` name code to load: an agent that can set
/// those would run inside the window in which its own handoffs are decided.
const HANDED_ON: &[&str] = &[
    HOME_VARIABLE,
    "HOME",
    "USER",
    "LOGNAME",
    "PATH",
    "TZ",
    "TMPDIR",
    "LANG",
    "LANGUAGE",
    "LC_ALL",
    "LC_COLLATE",
    "LC_CTYPE",
    "LC_MEASUREMENT",
    "LC_MESSAGES",
    "LC_MONETARY",
    "LC_NUMERIC",
    "LC_PAPER",
    "LC_TIME",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "DBUS_SESSION_BUS_ADDRESS",
    "AT_SPI_BUS_ADDRESS",
    "DESKTOP_SESSION",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_DIRS",
    "XDG_CONFIG_HOME",
    "XDG_CURRENT_DESKTOP",
    "XDG_DATA_DIRS",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
    "XDG_SEAT",
    "XDG_SESSION_CLASS",
    "XDG_SESSION_DESKTOP",
    "XDG_SESSION_ID",
    "XDG_SESSION_TYPE",
    "XDG_STATE_HOME",
    "XDG_VTNR",
    "GDK_BACKEND",
    "GDK_DPI_SCALE",
    "GDK_SCALE",
    "GTK_IM_MODULE",
    "GTK_THEME",
    "LIBGL_ALWAYS_SOFTWARE",
    "NO_AT_BRIDGE",
    "WEBKIT_DISABLE_COMPOSITING_MODE",
    "WEBKIT_DISABLE_DMABUF_RENDERER",
    "XCURSOR_SIZE",
    "XCURSOR_THEME",
    "XMODIFIERS",
];

/// What a search for a desk ended with.
pub enum Found {
    /// A connection to it.
    Desk(Client),
    /// There is none, and none can be started; with why.
    Nobody(Failure),
    /// One took the connection, and gave no answer on it; with what to say of it.
    Silent(Failure),
}

/// Starts the desk and waits until it answers.
pub fn desk(
    home: &Home,
    edge: &mut Edge<'_>,
    connect: impl Fn() -> Result<Client, ClientError>,
) -> Result<Found, Failure> {
    let environment = handed_on(edge.variable, home);
    if !has_display(edge.variable) {
        return Ok(Found::Nobody(Failure::unreachable(
            "No desk is running, and it cannot be started here: there is no display.",
            "Start `handoff-desk` in your desktop session. From a terminal outside of it, set \
             DISPLAY or WAYLAND_DISPLAY first.",
        )));
    }
    let Some(program) = find(edge.variable) else {
        return Ok(Found::Nobody(Failure::unreachable(
            format!("No desk is running, and the program `{PROGRAM}` was not found."),
            format!(
                "Install `{PROGRAM}` beside `handoff` or in a folder of PATH, or start it yourself."
            ),
        )));
    };
    home.create()?;
    let spawned = Command::new(&program)
        .arg("--background")
        .env_clear()
        .envs(environment)
        .current_dir(home.root())
        // Ctrl+C in the agent's terminal must not reach the desk.
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => {
            return Ok(Found::Nobody(Failure::unreachable(
                format!("{} could not be started: {error}.", program.display()),
                "Try to start it yourself to see more.",
            )));
        }
    };
    let (ended, its_end) = mpsc::channel();
    // The thread ends with the desk, or with this program; nobody waits for it.
    std::thread::spawn(move || {
        if let Ok(status) = child.wait() {
            // Nobody listens once the desk has answered.
            ended.send(status).ok();
        }
    });
    let (found, is_ours) = await_answer(home, &its_end, connect)?;
    // A window that does not open is easily missed, and so is what waits in it.
    if is_ours && !edge.json {
        writeln!(edge.stderr, "{STARTED}").ok();
    }
    Ok(found)
}

/// Tries until the desk answers, or has ended, or takes too long; says whether it is
/// the started one that answers, as far as can be told.
fn await_answer(
    home: &Home,
    its_end: &mpsc::Receiver<ExitStatus>,
    connect: impl Fn() -> Result<Client, ClientError>,
) -> Result<(Found, bool), Failure> {
    let mut until = Instant::now() + PATIENCE;
    let mut status: Option<ExitStatus> = None;
    loop {
        let error = match connect() {
            Ok(client) => {
                return Ok((Found::Desk(client), status.is_none() && still_runs(its_end)));
            }
            Err(error @ (ClientError::Unreachable { .. } | ClientError::Lost { .. })) => error,
            Err(error) => return Err(error.into()),
        };
        if Instant::now() >= until {
            let why = match status {
                Some(status) => format!("it ended with {status}"),
                None => format!("{error}"),
            };
            let nobody = Found::Nobody(Failure::unreachable(
                format!("The desk was started, but does not answer: {why}."),
                format!("Its log in {} may say why.", home.logs().display()),
            ));
            return Ok((nobody, false));
        }
        match its_end.recv_timeout(LOOK) {
            Ok(ended) => {
                // Perhaps another start was faster and owns the home now.
                status = Some(ended);
                until = until.min(Instant::now() + AFTER_ITS_END);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => std::thread::park_timeout(LOOK),
        }
    }
}

fn still_runs(its_end: &mpsc::Receiver<ExitStatus>) -> bool {
    matches!(its_end.try_recv(), Err(mpsc::TryRecvError::Empty))
}

/// What a later start will need of the surroundings.
pub fn needed(variable: &dyn Fn(&str) -> Option<OsString>) -> HashMap<&'static str, OsString> {
    HANDED_ON.iter().filter_map(|name| Some((*name, variable(name)?))).collect()
}

/// The variables for the desk.
/// The desk runs in another folder: what names its home is handed on in full.
fn handed_on(
    variable: &dyn Fn(&str) -> Option<OsString>,
    home: &Home,
) -> Vec<(&'static str, OsString)> {
    let value = |name: &str| match variable(name)? {
        given if name == HOME_VARIABLE && !given.is_empty() => Some(home.root().into()),
        given => Some(given),
    };
    HANDED_ON.iter().filter_map(|name| Some((*name, value(name)?))).collect()
}

fn has_display(variable: &dyn Fn(&str) -> Option<OsString>) -> bool {
    cfg!(target_os = "macos")
        || ["DISPLAY", "WAYLAND_DISPLAY"]
            .iter()
            .any(|name| variable(name).is_some_and(|value| !value.is_empty()))
}

/// The desk's program: beside this one, else in a folder of PATH.
fn find(variable: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let beside = std::env::current_exe()
        .and_then(|own| own.canonicalize())
        .ok()
        .and_then(|own| Some(own.parent()?.join(PROGRAM)));
    let in_path = variable("PATH").into_iter().flat_map(|path| {
        std::env::split_paths(&path)
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join(PROGRAM))
            .collect::<Vec<_>>()
    });
    beside.into_iter().chain(in_path).find(|candidate| candidate.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_desk_gets_no_keys_and_no_code_from_the_agent() {
        let everything = |name: &str| Some(OsString::from(format!("value of {name}")));
        let home = Home::new("/home/of/the/desk");
        let given = handed_on(&everything, &home);
        let names: Vec<&str> = given.iter().map(|(name, _)| *name).collect();
        // It runs in another folder, where a relative one would be another.
        let root = given.iter().find(|(name, _)| *name == HOME_VARIABLE).expect("handed on");
        assert_eq!(root.1, home.root());
        let unset = |name: &str| (name != HOME_VARIABLE).then(|| OsString::from("x"));
        assert!(!handed_on(&unset, &home).iter().any(|(name, _)| *name == HOME_VARIABLE));
        assert!(names.contains(&"DISPLAY") && names.contains(&HOME_VARIABLE));
        for name in names {
            for part in ["KEY", "TOKEN", "SECRET", "PASSW", "PRELOAD", "MODULES", "MODULE_FILE"] {
                assert!(!name.contains(part), "{name}");
            }
            assert!(!name.starts_with("LD_") && name != "GTK_PATH", "{name}");
            assert!(!name.starts_with("TAURI_"), "automation must not be switched on: {name}");
        }
    }

    #[test]
    fn without_a_display_nothing_is_started() {
        assert!(!has_display(&|_| None) || cfg!(target_os = "macos"));
        assert!(!has_display(&|_| Some(OsString::new())) || cfg!(target_os = "macos"));
        let wayland = |name: &str| (name == "WAYLAND_DISPLAY").then(|| OsString::from("w-0"));
        assert!(has_display(&wayland));
    }

    #[test]
    fn relative_folders_of_path_are_never_searched() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(PROGRAM), "").expect("written");
        let path = |value: OsString| move |name: &str| (name == "PATH").then(|| value.clone());
        let found = find(&path(folder.path().as_os_str().to_owned()));
        assert_eq!(found, Some(folder.path().join(PROGRAM)));
        assert_eq!(find(&path(OsString::from("."))), None);
    }
}
