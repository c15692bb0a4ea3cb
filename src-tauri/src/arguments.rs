//! What may stand behind `handoff-desk`: next to nothing. Whatever else it
//! should do, it is told in its window.

use std::ffi::OsString;

/// What `--help` says.
pub const HELP: &str = "\
Handoff Desk: the window in which you answer your agents' handoffs.

Usage: handoff-desk [OPTIONS]

Opens the window. Where a desk runs already, brings its window forward.

Options:
      --background  Start without showing the window; it waits in the tray, or
                    minimised where there is none
      --restore BACKUP
                    Go back to this backup of the desk's own first; the window
                    starts itself with it when you choose one
  -h, --help        Print this help
  -V, --version     Print the version

Agents and scripts use the command `handoff`; see `handoff --help`.
HANDOFF_DESK_HOME names another folder for everything the desk keeps.
";

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked {
    /// To run; in the background, or with its window in front.
    Run {
        /// Whether the window stays away.
        background: bool,
        /// The backup that it is to go back to first.
        restore: Option<String>,
    },
    /// What it is and how it is called.
    Help,
    /// Which one it is.
    Version,
    /// Something there is not.
    Nonsense(String),
}

/// Reads the words behind the program's name.
pub fn read(words: impl IntoIterator<Item = OsString>) -> Asked {
    let (mut background, mut restore) = (false, None);
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        match word.to_str() {
            Some("--restore") => match words.next().map(OsString::into_string) {
                Some(Ok(backup)) => restore = Some(backup),
                Some(Err(_)) | None => return Asked::Nonsense("--restore without a name".into()),
            },
            Some("--background") => background = true,
            Some("--help" | "-h") => return Asked::Help,
            Some("--version" | "-V") => return Asked::Version,
            _ => return Asked::Nonsense(word.to_string_lossy().into_owned()),
        }
    }
    Asked::Run { background, restore }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(words: &[&str]) -> Asked {
        read(words.iter().map(OsString::from))
    }

    #[test]
    fn only_what_the_help_names_is_taken() {
        let run = |background, restore: Option<&str>| Asked::Run {
            background,
            restore: restore.map(str::to_owned),
        };
        assert_eq!(of(&[]), run(false, None));
        assert_eq!(of(&["--background"]), run(true, None));
        assert_eq!(of(&["--restore", "desk-1.db"]), run(false, Some("desk-1.db")));
        assert!(matches!(of(&["--restore"]), Asked::Nonsense(_)));
        assert_eq!(of(&["--background", "--help"]), Asked::Help);
        assert_eq!(of(&["-V"]), Asked::Version);
        assert_eq!(of(&["case.json"]), Asked::Nonsense("case.json".to_owned()));
        assert_eq!(of(&["--background=1"]), Asked::Nonsense("--background=1".to_owned()));
        for flag in ["--background", "--restore", "--help", "--version"] {
            assert!(HELP.contains(flag));
        }
    }
}
