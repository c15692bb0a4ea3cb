//! The desk's folder as the system sees it: room, rights, and who holds what.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use handoff_transport::home::is_ours;

/// How much room is left for the user, in bytes.
pub fn free_bytes(folder: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(folder).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

/// How many files a folder holds.
pub fn count(folder: &Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries.flatten().filter(|entry| entry.path().is_file()).count()
}

/// What in the folder is somebody else's, or open to others.
pub fn open_to_others(root: &Path) -> Vec<String> {
    let mut faults = Vec::new();
    let inside = fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.path());
    for path in std::iter::once(root.to_owned()).chain(inside) {
        let Ok(found) = fs::symlink_metadata(&path) else { continue };
        if !is_ours(&found) {
            faults.push(format!("{} belongs to another user.", path.display()));
        }
        // In a folder that is closed to others, what is in it is closed too.
        if path == root && found.permissions().mode() & 0o077 != 0 {
            faults
                .push(format!("Others can enter {}; starting the desk closes it.", path.display()));
        }
    }
    faults
}

/// The process that has locked a file, where the system says so.
pub fn holder(lock: &Path) -> Option<u32> {
    let inode = fs::metadata(lock).ok()?.ino().to_string();
    let locks = fs::read_to_string("/proc/locks").ok()?;
    locks.lines().find_map(|line| {
        // 1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, "FLOCK", _, _, pid, place, ..] = words[..] else { return None };
        (place.rsplit(':').next() == Some(&inode)).then(|| pid.parse().ok()).flatten()
    })
}
