//! Folders with real files, for agents that work on them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A heap of files, two of which are the same.
pub const HEAP: [(&str, &str); 5] = [
    ("minutes.txt", "What was said on Monday"),
    ("minutes copy.txt", "What was said on Monday"),
    ("roof.jpg", "not really a picture"),
    ("invoice.pdf", "not really an invoice"),
    ("song.mp3", "not really a song"),
];

/// Writes the heap into a folder.
pub fn heap(folder: &Path) {
    for (name, content) in HEAP {
        fs::write(folder.join(name), content).unwrap();
    }
}

/// The files below a folder with what is in them.
pub fn contents(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            let below = contents(&path).into_iter();
            found.extend(below.map(|(below, content)| (format!("{name}/{below}"), content)));
        } else {
            found.insert(name, String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned());
        }
    }
    found
}

/// Where in the folder a file of this name is by now.
pub fn whereabouts(folder: &Path, name: &str) -> Option<String> {
    contents(folder).into_keys().find(|path| path.rsplit('/').next() == Some(name))
}
