//! Patches as coding agents hand them to `apply_patch`: which files they name.

use super::part::Part;
use super::tools::file;

/// What a patch would do.
pub(super) fn judged(text: &str, folder: Option<&str>) -> Part {
    let mut lines = text.trim().lines();
    if lines.next().map(str::trim) != Some("*** Begin Patch") {
        return Part::unknown("is a patch that cannot be read");
    }
    let (mut whole, mut ended, mut named) = (Part::reads(), false, false);
    for line in lines {
        if ended {
            return Part::unknown("has something after the end of its patch");
        }
        // In front of a line of a file there is always a sign.
        let Some(head) = line.strip_prefix("*** ") else {
            if !named || !(line.is_empty() || line.starts_with(['+', '-', ' ', '@'])) {
                return Part::unknown("is a patch that cannot be read");
            }
            continue;
        };
        let part = match head.split_once(": ") {
            Some(("Add File", path)) => file(path.trim(), folder, "writes"),
            Some(("Update File", path)) => file(path.trim(), folder, "changes"),
            Some(("Move to", path)) if named => file(path.trim(), folder, "writes over"),
            Some(("Delete File", path)) => Part::irreversible(format!("deletes {}", path.trim())),
            None if head.trim() == "End Patch" => {
                ended = true;
                continue;
            }
            None if head.trim() == "End of File" && named => continue,
            _ => return Part::unknown("is a patch that cannot be read"),
        };
        named = true;
        whole = if whole == Part::reads() { part } else { whole.and(part) };
    }
    if ended && named { whole } else { Part::unknown("is a patch that cannot be read") }
}
