//! What the agent writes down: an index, checksums, and how it ended. All of it
//! goes to a folder of its own under the desk's home, never into the folder
//! that is tidied.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::PathBuf;

use handoff_transport::home::{self, Home};

use super::case::{counted, size};
use super::folder::Folder;
use super::kind::Kind;
use super::ledger::{Ended, Run};
use super::plan::{Files, TRASH};
use crate::visible;

/// The folder of one run's reports.
#[derive(Debug, Clone)]
pub struct Reports {
    folder: PathBuf,
}

impl Reports {
    /// The reports of this run.
    pub fn of(home: &Home, run: &Run) -> Self {
        Self { folder: home.root().join("demo").join("reports").join(&run.id) }
    }

    /// Writes one of them, whole or not at all.
    pub fn write(&self, name: &str, text: &str) -> io::Result<PathBuf> {
        home::make_private(&self.folder).map_err(io::Error::other)?;
        let path = self.folder.join(name);
        let draft = path.with_extension("new");
        fs::write(&draft, text)?;
        fs::rename(&draft, &path)?;
        Ok(path)
    }
}

/// A list of the files by kind.
pub fn index(files: &Files) -> String {
    let mut kinds: BTreeMap<&str, Vec<(&String, u64)>> = BTreeMap::new();
    for (path, found) in files {
        let name = path.rsplit('/').next().unwrap_or(path);
        let kind = Kind::of(name).map_or("Other", Kind::folder);
        kinds.entry(kind).or_default().push((path, found.size));
    }
    let mut out = format!("# Index of {}\n", counted(files.len(), "file", "files"));
    for (kind, files) in kinds {
        let _ = write!(out, "\n## {kind}\n\n");
        for (path, bytes) in files {
            let _ = writeln!(out, "- {} ({})", visible::line(path), size(bytes));
        }
    }
    out
}

/// The checksums of the files, as `sha256sum --check` reads them; `None` when
/// something more urgent came between.
pub fn checksums(folder: &Folder, files: &Files, go_on: &dyn Fn() -> bool) -> Option<String> {
    let mut out = String::new();
    for path in files.keys() {
        if !go_on() {
            return None;
        }
        match folder.look(path) {
            Ok(found) => {
                let _ = writeln!(out, "{}", checksum(&found.digest, path));
            }
            Err(why) => {
                let _ = writeln!(out, "# {}: {why}", visible::line(path));
            }
        }
    }
    Some(out)
}

/// One line of checksums. A name that would break the line is written with
/// backslashes, and a backslash before the line says so.
fn checksum(digest: &str, path: &str) -> String {
    let escaped = path.replace('\\', r"\\").replace('\n', r"\n").replace('\r', r"\r");
    let mark = if escaped == path { "" } else { r"\" };
    format!("{mark}{digest}  {escaped}")
}

/// How the run ended.
pub fn closing(run: &Run) -> String {
    let mut out = format!("# {}\n\n", visible::line(&run.folder.display().to_string()));
    let _ =
        writeln!(out, "{}, {}.\n", counted(run.files.len(), "file", "files"), size(run.bytes()));
    for (step, ended) in &run.steps {
        let word = match ended {
            Ended::Done(_) => "done",
            Ended::Skipped => "left out",
        };
        let _ = writeln!(out, "- {step}: {word}");
    }
    list(&mut out, "Not as decided", &run.diverged);
    let left: Vec<String> = run.left.iter().map(|(path, why)| format!("{path}: {why}")).collect();
    list(&mut out, "Not moved", &left);
    list(&mut out, "Left alone", &run.left_alone);
    list(&mut out, "Extra copies that stay", &remaining(run));
    out
}

/// What is left to do for the one who takes over.
pub fn remaining_list(run: &Run) -> String {
    let mut out = format!("# Left to do in {}\n", visible::line(&run.folder.display().to_string()));
    let moves: Vec<String> = run
        .moves
        .iter()
        .filter(|way| run.files.contains_key(&way.from))
        .map(|way| format!("{} → {}", way.from, way.to))
        .collect();
    list(&mut out, "Files not yet moved", &moves);
    list(&mut out, "Extra copies", &remaining(run));
    out
}

fn remaining(run: &Run) -> Vec<String> {
    let mut lines = Vec::new();
    for group in &run.groups {
        for path in &group.extra {
            if run.files.contains_key(path) && !path.starts_with(&format!("{TRASH}/")) {
                lines.push(format!("{path}, a copy of {}", group.keep));
            }
        }
    }
    lines
}

fn list(out: &mut String, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let _ = write!(out, "\n## {title}\n\n");
    for line in lines {
        let _ = writeln!(out, "- {}", visible::line(line));
    }
}

#[cfg(test)]
mod tests {
    use super::checksum;

    #[test]
    fn a_checksum_keeps_to_its_line() {
        assert_eq!(checksum("ab", "a b.txt"), "ab  a b.txt");
        assert_eq!(checksum("ab", "a\nb\\c"), r"\ab  a\nb\\c");
    }
}
