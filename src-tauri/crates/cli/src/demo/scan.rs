//! What is in the folder: its own files, looked at and not touched.
//!
//! Hidden files, links, folders and what has no readable name are left alone,
//! and said to be.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;

use super::case::counted;
use super::folder::Folder;
use super::kind::Kind;
use super::plan::{Files, TRASH};

/// More files than a reviewer could oversee are left for another time. The
/// desk, too, checks only so many edited arguments against their schema.
pub const MOST_FILES: usize = 500;

/// What was seen.
#[derive(Debug, Default)]
pub struct Scan {
    /// The files of the top level.
    pub files: Files,
    /// Every name that exists, in the top level and in the folders that files
    /// may be moved to.
    pub taken: BTreeSet<String>,
    /// The kinds whose folder's name belongs to something else.
    pub barred: Vec<Kind>,
    /// What was left alone, and why, in words.
    pub left_alone: Vec<String>,
}

/// Looks at a folder.
pub fn scan(folder: &Folder) -> io::Result<Scan> {
    let mut scan = Scan::default();
    let mut candidates = Vec::new();
    let (mut hidden, mut folders, mut links) = (0_usize, 0_usize, 0_usize);
    let mut linked_to = BTreeSet::new();
    for entry in fs::read_dir(folder.path())? {
        let entry = entry?;
        let kind = entry.file_type()?;
        let Ok(name) = entry.file_name().into_string() else {
            let shown = entry.file_name().to_string_lossy().into_owned();
            scan.left_alone.push(format!("{shown}: its name is not UTF-8"));
            continue;
        };
        scan.taken.insert(name.clone());
        if kind.is_symlink() {
            linked_to.extend(own_target(folder.path(), &name));
        }
        if name.starts_with('.') {
            hidden += 1;
        } else if kind.is_symlink() {
            links += 1;
        } else if kind.is_dir() {
            folders += 1;
        } else if kind.is_file() {
            candidates.push(name);
        } else {
            scan.left_alone.push(format!("{name}: it is not an ordinary file"));
        }
    }
    let kinds = [
        (hidden, "hidden file or folder", "hidden files and folders"),
        (folders, "folder", "folders"),
        (links, "link", "links"),
    ];
    for (count, one, many) in kinds {
        if count > 0 {
            scan.left_alone.push(counted(count, one, many));
        }
    }
    // Moved or deleted, it would leave the link leading nowhere.
    candidates.retain(|name| {
        let free = !linked_to.contains(name);
        if !free {
            scan.left_alone.push(format!("{name}: a link leads to it"));
        }
        free
    });
    candidates.sort();
    if candidates.len() > MOST_FILES {
        let more = candidates.len() - MOST_FILES;
        scan.left_alone.push(format!("{more} files beyond the first {MOST_FILES}"));
        candidates.truncate(MOST_FILES);
    }
    look_at(folder, candidates, &mut scan);
    names_in_folders(folder.path(), &mut scan);
    Ok(scan)
}

/// The file of this folder that a link in it leads to.
fn own_target(folder: &Path, link: &str) -> Option<String> {
    let target = fs::canonicalize(folder.join(link)).ok()?;
    let own = target.parent() == fs::canonicalize(folder).ok().as_deref();
    own.then(|| target.file_name()?.to_str().map(str::to_owned)).flatten()
}

/// Reads only the files that another one equals in length.
fn look_at(folder: &Folder, names: Vec<String>, scan: &mut Scan) {
    let mut lengths: BTreeMap<u64, usize> = BTreeMap::new();
    for name in names {
        match folder.glance(&name) {
            Ok(found) => {
                *lengths.entry(found.size).or_default() += 1;
                scan.files.insert(name, found);
            }
            Err(why) => scan.left_alone.push(format!("{name}: {why}")),
        }
    }
    let mut unreadable = Vec::new();
    for (name, found) in &mut scan.files {
        if found.size == 0 || lengths.get(&found.size).is_none_or(|count| *count < 2) {
            continue;
        }
        match folder.look(name) {
            Ok(read) => *found = read,
            Err(why) => unreadable.push((name.clone(), why)),
        }
    }
    for (name, why) in unreadable {
        scan.files.remove(&name);
        scan.left_alone.push(format!("{name}: {why}"));
    }
}

/// The names in the folders that files may be moved to.
fn names_in_folders(root: &Path, scan: &mut Scan) {
    let targets = Kind::ALL.map(|kind| (Some(kind), kind.folder()));
    for (kind, name) in targets.into_iter().chain([(None, TRASH)]) {
        let path = root.join(name);
        let Ok(seen) = fs::symlink_metadata(&path) else { continue };
        let inside = if seen.is_dir() { fs::read_dir(&path).ok() } else { None };
        match inside {
            Some(entries) => scan.taken.extend(
                entries
                    .flatten()
                    .filter_map(|entry| entry.file_name().into_string().ok())
                    .map(|inner| format!("{name}/{inner}")),
            ),
            None => scan.barred.extend(kind),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_plain_visible_files_are_seen() {
        let all = tempfile::tempdir().expect("a folder");
        let root = all.path();
        for name in ["a.txt", "b.txt", "unique.bin", ".hidden", "Tables"] {
            fs::write(root.join(name), name.replace('b', "a")).expect("written");
        }
        fs::create_dir_all(root.join("Pictures")).expect("made");
        fs::write(root.join("Pictures/old.png"), "p").expect("written");
        symlink("/etc/passwd", root.join("passwd.txt")).expect("linked");
        fs::write(root.join("target.txt"), "t").expect("written");
        symlink("target.txt", root.join(".latest")).expect("linked");
        fs::write(root.join(OsStr::from_bytes(b"bad\xff.txt")), "x").expect("written");
        let scan = scan(&Folder::open(root).expect("opened")).expect("scanned");
        let names: Vec<&str> = scan.files.keys().map(String::as_str).collect();
        assert_eq!(names, ["Tables", "a.txt", "b.txt", "unique.bin"]);
        assert!(scan.taken.contains("Pictures/old.png"));
        assert_eq!(scan.barred, [Kind::Tables], "a file has the name of that folder");
        let said = scan.left_alone.join("; ");
        for part in [
            "2 hidden files and folders",
            "1 folder;",
            "1 link;",
            "not UTF-8",
            "target.txt: a link leads to it",
        ] {
            assert!(said.contains(part), "{said}");
        }
        assert_eq!(scan.files["a.txt"].digest, scan.files["b.txt"].digest);
        assert!(scan.files["unique.bin"].digest.is_empty(), "no need to read it");
    }
}
