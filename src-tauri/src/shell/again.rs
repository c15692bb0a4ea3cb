//! Starting the desk again in the place of itself, to do what cannot be done
//! while it runs.

use std::process::Command;

use handoff_protocol::view::WindowError;

/// Becomes a desk that goes back to this backup before anything else. It comes
/// back only if that cannot be done, and then nothing was changed.
pub fn going_back_to(backup: &str) -> WindowError {
    let why = match std::env::current_exe() {
        Ok(program) => replaced_by(Command::new(program).args(["--restore", backup])),
        Err(error) => error,
    };
    WindowError {
        code: "unavailable".to_owned(),
        message: format!("The desk could not start itself again: {why}."),
        hint:
            "Nothing was changed. Quit the desk, and run `handoff doctor --restore` in a terminal."
                .to_owned(),
        faults: Vec::new(),
    }
}

/// The process stays and the program is another: all that it had open is
/// closed, its lock too, as by a crash, which loses nothing.
#[cfg(unix)]
fn replaced_by(program: &mut Command) -> std::io::Error {
    std::os::unix::process::CommandExt::exec(program)
}

#[cfg(not(unix))]
fn replaced_by(program: &mut Command) -> std::io::Error {
    match program.spawn() {
        // It waits for the lock.
        Ok(_) => std::process::exit(0),
        Err(error) => error,
    }
}
