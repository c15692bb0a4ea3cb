//! What the agent means to do, worked out from what it saw: pure functions.
//!
//! Nothing here touches a file. That a plan still fits the folder when it is
//! carried out is checked there, by [`super::folder`].

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::kind::Kind;

/// Where removed duplicates wait to be emptied by hand.
pub const TRASH: &str = "Trash";

/// A file as it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Its length in bytes.
    pub size: u64,
    /// When its content was last changed, in nanoseconds since 1970.
    pub modified: i64,
    /// The SHA-256 of its content in hex; empty where no other file has its
    /// length, so that it needed no reading.
    pub digest: String,
    /// The device and number under which the system knows it: two names of one
    /// file are not two copies.
    pub inode: (u64, u64),
}

/// The files of a folder by their path in it, with `/` between its parts.
pub type Files = BTreeMap<String, Found>;

/// One file's way from here to there, both inside the folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Move {
    /// Where it is.
    pub from: String,
    /// Where it goes.
    pub to: String,
}

impl Move {
    /// The way back.
    pub fn back(&self) -> Self {
        Self { from: self.to.clone(), to: self.from.clone() }
    }
}

/// Files with the same content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The SHA-256 of the content in hex.
    pub digest: String,
    /// The length of each copy.
    pub size: u64,
    /// The copy that stays, whatever is decided.
    pub keep: String,
    /// The other copies.
    pub extra: Vec<String>,
}

/// The moves that sort the files of the top level into folders by kind. `taken`
/// holds the names that exist; `barred` the kinds whose folder's name belongs
/// to something else.
pub fn moves(
    files: &Files,
    taken: &BTreeSet<String>,
    barred: &[Kind],
    stays: impl Fn(&str) -> bool,
) -> Vec<Move> {
    let mut taken = taken.clone();
    let mut moves = Vec::new();
    for name in files.keys() {
        if name.contains('/') || stays(name) {
            continue;
        }
        let Some(kind) = Kind::of(name).filter(|kind| !barred.contains(kind)) else { continue };
        let to = free_name(&format!("{}/{name}", kind.folder()), &taken);
        taken.insert(to.clone());
        moves.push(Move { from: name.clone(), to });
    }
    moves
}

/// The most files that are named one by one among those that stay.
const NAMED: usize = 100;

/// The files of the top level that no move takes up, each with why.
pub fn unsorted(files: &Files, moves: &[Move]) -> Vec<String> {
    let taken_up: BTreeSet<&str> = moves.iter().map(|one| one.from.as_str()).collect();
    let staying: Vec<&String> = files
        .keys()
        .filter(|name| !name.contains('/') && !taken_up.contains(name.as_str()))
        .collect();
    let mut out: Vec<String> =
        staying.iter().take(NAMED).map(|name| format!("{name}: {}", why_unsorted(name))).collect();
    if staying.len() > NAMED {
        out.push(format!("{} more files that stay in place", staying.len() - NAMED));
    }
    out
}

fn why_unsorted(name: &str) -> String {
    match Kind::of(name) {
        None => "it stays in place, since its name does not say what kind of file it is".to_owned(),
        Some(kind) => format!("it stays in place, since {} cannot be used", kind.folder()),
    }
}

/// The groups of files with the same content, the largest gain first. Empty
/// files say nothing by being alike.
pub fn duplicates(files: &Files) -> Vec<Group> {
    let mut by_content: BTreeMap<(&str, u64), Vec<&String>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for (path, found) in files {
        if found.size > 0 && !found.digest.is_empty() && seen.insert(found.inode) {
            by_content.entry((&found.digest, found.size)).or_default().push(path);
        }
    }
    let mut groups: Vec<Group> = by_content
        .into_iter()
        .filter(|(_, paths)| paths.len() > 1)
        .filter_map(|((digest, size), mut paths)| {
            paths.sort_by_key(|path| {
                let modified = files.get(*path).map_or(i64::MAX, |found| found.modified);
                (looks_copied(path), modified, path.chars().count(), path.as_str())
            });
            let (keep, extra) = paths.split_first()?;
            let mut extra: Vec<String> = extra.iter().map(|path| (*path).clone()).collect();
            extra.sort();
            Some(Group { digest: digest.to_owned(), size, keep: (*keep).clone(), extra })
        })
        .collect();
    groups.sort_by_key(|group| (std::cmp::Reverse(group.gain()), group.keep.clone()));
    groups
}

impl Group {
    /// The bytes that removing the extra copies frees.
    pub fn gain(&self) -> u64 {
        self.size.saturating_mul(u64::try_from(self.extra.len()).unwrap_or(u64::MAX))
    }
}

/// The paths of all extra copies.
pub fn extras(groups: &[Group]) -> Vec<String> {
    groups.iter().flat_map(|group| group.extra.iter().cloned()).collect()
}

/// The way of each path into the trash folder.
pub fn into_trash(paths: &[String], taken: &BTreeSet<String>) -> Vec<Move> {
    let mut taken = taken.clone();
    paths
        .iter()
        .map(|from| {
            let name = from.rsplit('/').next().unwrap_or(from);
            let to = free_name(&format!("{TRASH}/{name}"), &taken);
            taken.insert(to.clone());
            Move { from: from.clone(), to }
        })
        .collect()
}

/// The groups without the copies that must be left alone.
pub fn without(groups: &[Group], stays: impl Fn(&str) -> bool) -> Vec<Group> {
    groups
        .iter()
        .map(|group| {
            let extra = group.extra.iter().filter(|path| !stays(path)).cloned().collect();
            Group { extra, ..group.clone() }
        })
        .filter(|group| !group.extra.is_empty())
        .collect()
}

/// The wanted path, or the first numbered one that is free.
fn free_name(wanted: &str, taken: &BTreeSet<String>) -> String {
    if !taken.contains(wanted) {
        return wanted.to_owned();
    }
    let after_folder = wanted.rfind('/').map_or(0, |slash| slash + 1);
    // A dot at the start makes a hidden file, not an ending.
    let dot = wanted[after_folder..].rfind('.').filter(|dot| *dot > 0);
    let (stem, ending) = wanted.split_at(dot.map_or(wanted.len(), |dot| after_folder + dot));
    // Among one candidate more than there are names, one is free.
    (2..=taken.len() + 2)
        .map(|number| format!("{stem} ({number}){ending}"))
        .find(|candidate| !taken.contains(candidate))
        .unwrap_or_else(|| wanted.to_owned())
}

/// Whether a name looks as if a program had made it for a copy.
fn looks_copied(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_lowercase();
    let stem = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem);
    let numbered =
        stem.strip_suffix(')').and_then(|rest| rest.rsplit_once('(')).is_some_and(|(_, number)| {
            !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
        });
    numbered || stem.ends_with(" copy") || stem.ends_with("-copy") || stem.starts_with("copy of ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(content: &str, modified: i64, inode: u64) -> Found {
        Found {
            size: u64::try_from(content.len()).expect("short"),
            modified,
            digest: format!("digest of {content}"),
            inode: (1, inode),
        }
    }

    #[test]
    fn the_original_stays_and_not_the_one_that_looks_copied() {
        let files = Files::from([
            ("a (1).pdf".to_owned(), file("x", 1, 1)),
            ("a.pdf".to_owned(), file("x", 9, 2)),
            ("b copy.png".to_owned(), file("yy", 1, 3)),
            ("b.png".to_owned(), file("yy", 1, 4)),
            ("other.png".to_owned(), file("zz", 1, 5)),
        ]);
        let groups = duplicates(&files);
        assert_eq!(groups.len(), 2);
        assert_eq!(groups[0].keep, "b.png", "the larger gain comes first");
        assert_eq!((groups[1].keep.as_str(), groups[1].extra.len()), ("a.pdf", 1));
    }

    #[test]
    fn every_file_is_moved_or_said_to_stay() {
        let names = ["-rf", "x", "a.txt", "b.csv", "no.such-kind", "new\nline.txt"];
        let files: Files = names.iter().map(|name| ((*name).to_owned(), file("x", 1, 1))).collect();
        let planned = moves(&files, &BTreeSet::new(), &[Kind::Tables], |_| false);
        let stay = unsorted(&files, &planned);
        assert_eq!((planned.len(), stay.len()), (2, 4), "{planned:?} {stay:?}");
        assert!(stay[0].starts_with("-rf: ") && stay[0].contains("kind of file"), "{stay:?}");
        assert!(stay[1].starts_with("b.csv: ") && stay[1].contains("Tables"), "{stay:?}");
        let many: Files = (0..150).map(|one| (format!("{one:03}"), file("x", 1, one))).collect();
        let stay = unsorted(&many, &[]);
        assert_eq!((stay.len(), stay[100].as_str()), (101, "50 more files that stay in place"));
    }

    #[test]
    fn a_second_name_of_one_file_is_no_copy() {
        let files = Files::from([
            ("a".to_owned(), file("x", 1, 7)),
            ("b".to_owned(), file("x", 1, 7)),
            ("empty 1".to_owned(), file("", 1, 8)),
            ("empty 2".to_owned(), file("", 1, 9)),
        ]);
        assert_eq!(duplicates(&files), Vec::new());
    }

    #[test]
    fn a_name_that_is_taken_is_numbered() {
        let taken = BTreeSet::from(["Pictures/a.png".to_owned(), "Pictures/a (2).png".to_owned()]);
        assert_eq!(free_name("Pictures/a.png", &taken), "Pictures/a (3).png");
        let taken = BTreeSet::from(["Trash/.x".to_owned(), "Trash/no ending".to_owned()]);
        assert_eq!(free_name("Trash/.x", &taken), "Trash/.x (2)");
        assert_eq!(free_name("Trash/no ending", &taken), "Trash/no ending (2)");
    }

    prop_compose! {
        fn any_files()(
            names in prop::collection::btree_set("[a-c .()~é]{1,6}(\\.(png|pdf|csv|xyz))?", 0..30),
            contents in prop::collection::vec(0_u8..5, 30),
            times in prop::collection::vec(0_i64..4, 30),
        ) -> Files {
            names.into_iter().zip(contents).zip(times).enumerate()
                .map(|(number, ((name, content), time))| {
                    let text = "c".repeat(usize::from(content));
                    (name, file(&text, time, u64::try_from(number).unwrap_or_default()))
                })
                .collect()
        }
    }

    proptest! {
        #[test]
        fn no_move_leaves_the_folder_or_lands_on_another_file(
            files in any_files(),
            folders in prop::collection::btree_set("(Pictures|Documents)/[a-c]{1,2}\\.(png|pdf)", 0..8),
        ) {
            let taken: BTreeSet<String> =
                files.keys().cloned().chain(folders.iter().cloned()).collect();
            let planned = moves(&files, &taken, &[Kind::Tables], |name| name.starts_with('a'));
            let mut targets = BTreeSet::new();
            for one in &planned {
                let parts: Vec<&str> = one.to.split('/').collect();
                prop_assert_eq!(parts.len(), 2);
                prop_assert!(parts.iter().all(|part| !part.is_empty() && *part != ".."));
                prop_assert!(files.contains_key(&one.from));
                prop_assert!(!one.from.starts_with('a'));
                prop_assert!(!taken.contains(&one.to));
                prop_assert!(targets.insert(one.to.clone()), "two files go to {}", one.to);
                prop_assert!(!one.to.starts_with("Tables/"));
            }
        }

        #[test]
        fn one_copy_of_every_content_stays(files in any_files(), kept in "[a-c]") {
            let groups = without(&duplicates(&files), |path| path.starts_with(&kept));
            let gone: BTreeSet<String> = extras(&groups).into_iter().collect();
            prop_assert!(gone.iter().all(|path| !path.starts_with(&kept)));
            for (path, found) in &files {
                let stays = files.iter().any(|(other, same)| {
                    same.digest == found.digest && !gone.contains(other)
                });
                prop_assert!(stays, "nothing is left of {path}");
            }
            for group in &groups {
                prop_assert!(!gone.contains(&group.keep));
            }
            let moved = into_trash(&extras(&groups), &BTreeSet::from(["Trash/a".to_owned()]));
            let targets: BTreeSet<&str> = moved.iter().map(|one| one.to.as_str()).collect();
            prop_assert_eq!(targets.len(), moved.len());
        }
    }
}
