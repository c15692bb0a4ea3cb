//! Names of variables: which may be set without changing what programs do.

use super::part::Part;

/// Of the environment, what changes how things look and no more.
const HARMLESS: [&str; 22] = [
    "LANG",
    "LANGUAGE",
    "LC_ALL",
    "LC_COLLATE",
    "LC_CTYPE",
    "LC_MESSAGES",
    "LC_NUMERIC",
    "LC_TIME",
    "TZ",
    "NO_COLOR",
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "FORCE_COLOR",
    "COLUMNS",
    "LINES",
    "TERM",
    "CI",
    "RUST_BACKTRACE",
    "RUST_LOG",
    "POSIXLY_CORRECT",
    "GIT_OPTIONAL_LOCKS",
    "DEBIAN_FRONTEND",
];

/// What scripts call their own variables in capitals, and no program reads.
const OWN: [&str; 18] = [
    "FILE", "FILES", "DIR", "DIRS", "SRC", "DST", "DEST", "OUT", "NAME", "NAMES", "COUNT", "LINE",
    "LIST", "ROOT", "BASE", "COMMIT", "BRANCH", "PATTERN",
];

/// Small letters, yet a shell or a program obeys them.
const OBEYED: [&str; 27] = [
    "path",
    "fpath",
    "cdpath",
    "manpath",
    "mailpath",
    "module_path",
    "infopath",
    "fignore",
    "psvar",
    "prompt",
    "watch",
    "aliases",
    "galiases",
    "saliases",
    "functions",
    "builtins",
    "commands",
    "options",
    "modules",
    "nameddirs",
    "userdirs",
    "histchars",
    "precmd",
    "preexec",
    "chpwd",
    "signals",
    "status",
];

/// A variable of the shell is set.
pub(super) fn assigned(name: &str) -> Part {
    if OWN.contains(&name) { Part::reads() } else { by_case(name) }
}

/// A variable is set that programs are started with.
pub(super) fn environment(name: &str) -> Part {
    by_case(name)
}

fn by_case(name: &str) -> Part {
    let small = name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    let own = small
        && !OBEYED.contains(&name)
        && !name.contains("proxy")
        && !["npm_", "pnpm_", "yarn_"].iter().any(|begins| name.starts_with(begins))
        && !name.starts_with("zsh_");
    if own || HARMLESS.contains(&name) {
        return Part::reads();
    }
    Part::unknown(format!("sets {name}, which can make programs do other things than they say"))
}
