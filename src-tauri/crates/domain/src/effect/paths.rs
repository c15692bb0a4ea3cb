//! Paths that a call names: where they lead, and which of them are no mere
//! files.

use super::part::Part;
use super::word::Word;

/// Folders whose files are devices, or the running system itself.
const SYSTEM: [&str; 4] = ["/dev", "/proc", "/sys", "/boot"];

/// What other programs run or obey as soon as it is there, by the path's end.
const OBEYED: [&str; 32] = [
    "/.bashrc",
    "/.bash_profile",
    "/.bash_login",
    "/.bash_logout",
    "/.bash_aliases",
    "/.profile",
    "/.zshrc",
    "/.zshenv",
    "/.zprofile",
    "/.zlogin",
    "/.inputrc",
    "/.gitconfig",
    "/.gitattributes",
    "/.gitmodules",
    "/.git/config",
    "/.git/info/attributes",
    "/.npmrc",
    "/.yarnrc",
    "/.yarnrc.yml",
    "/.netrc",
    "/.curlrc",
    "/.wgetrc",
    "/.vimrc",
    "/.envrc",
    "/.psqlrc",
    "/.sqliterc",
    "/.pypirc",
    "/.mcp.json",
    "/.claude.json",
    "/.codex/config.toml",
    "/.cargo/config.toml",
    "/.cargo/config",
];

/// The same, by a folder anywhere in the path.
const OBEYED_FOLDERS: [&str; 17] = [
    "/.ssh/",
    "/.git/hooks/",
    "/.husky/",
    "/.claude/",
    "/.codex/",
    "/.gemini/",
    "/.cursor/",
    "/.vscode/",
    "/.idea/",
    "/.github/workflows/",
    "/.config/git/",
    "/.config/fish/",
    "/.config/autostart/",
    "/.config/systemd/",
    "/.local/bin/",
    "/.gnupg/",
    "/launchagents/",
];

/// Where only the system's own files are.
const SYSTEM_FILES: [&str; 9] =
    ["/etc", "/usr", "/bin", "/sbin", "/lib", "/lib64", "/opt", "/var/spool", "/library"];

/// The path from the root, where both are known. `..` stays as it stands: only
/// the disk knows where it leads.
pub(super) fn absolute(path: &str, folder: Option<&str>) -> Option<String> {
    let mut path = path;
    while let Some(rest) = path.strip_prefix("./") {
        path = rest.trim_start_matches('/');
    }
    if path.is_empty() || path.contains('\0') {
        return None;
    }
    if path.starts_with('/') {
        return Some(path.to_owned());
    }
    let folder = folder.filter(|folder| folder.starts_with('/'))?;
    match path {
        "." => Some(folder.to_owned()),
        _ => Some(format!("{}/{path}", folder.trim_end_matches('/'))),
    }
}

/// The word as a path from the root, where all of it is known.
pub(super) fn named(word: &Word, folder: Option<&str>) -> Option<String> {
    absolute(word.exact()?, folder)
}

/// What writing to this path is, whatever is written.
pub(super) fn written(word: &Word, folder: Option<&str>, doing: &str) -> Part {
    let text = &word.text;
    if word.open {
        return Part::unknown(format!("{doing} a file that only the shell can name"));
    }
    if let "/dev/null" | "/dev/stdout" | "/dev/stderr" | "/dev/fd/1" | "/dev/fd/2" = text.as_str() {
        return Part::reads();
    }
    if let Some(why) = special(text, folder) {
        return Part::irreversible(format!("{doing} {text}, {why}"));
    }
    Part::writes(format!("{doing} {text}"), named(word, folder).map(|path| vec![path]))
}

/// Why this is no mere file, if so.
fn special(path: &str, folder: Option<&str>) -> Option<&'static str> {
    // Of a path in an unknown folder, what is named of it counts.
    let whole = absolute(path, folder).unwrap_or_else(|| format!("/{path}"));
    let lower = plainly(&whole).to_lowercase();
    let lies_in = |folder: &str| {
        lower.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if SYSTEM.iter().any(|folder| lies_in(folder)) {
        return Some("which is a device or the running system");
    }
    let ending = format!("{lower}/");
    if OBEYED.iter().any(|end| lower.ends_with(end))
        || OBEYED_FOLDERS.iter().any(|folder| ending.contains(folder))
    {
        return Some("which other programs obey as soon as it is there");
    }
    if SYSTEM_FILES.iter().any(|folder| lies_in(folder)) {
        return Some("which belongs to the system");
    }
    None
}

/// The path without `.`, `..` and doubled strokes, as if there were no links.
fn plainly(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}
