//! Paths that a call names: where they lead, and which of them are no mere
//! files.

use super::part::Part;
use super::word::Word;

/// Folders whose files are devices, or the running system itself.
const SYSTEM: [&str; 4] = ["/dev", "/proc", "/sys", "/boot"];

/// What other programs run or obey as soon as it is there, by the file's name.
/// Where `HEAD` is, git takes the settings beside it for those of a repository.
const OBEYED: &[&str] = &[
    ".bashrc",
    ".bash_profile",
    ".bash_login",
    ".bash_logout",
    ".bash_aliases",
    ".profile",
    ".login",
    ".zshrc",
    ".zshenv",
    ".zprofile",
    ".zlogin",
    ".zlogout",
    ".kshrc",
    ".cshrc",
    ".tcshrc",
    ".inputrc",
    ".pam_environment",
    ".xinitrc",
    ".xprofile",
    ".xsession",
    ".xsessionrc",
    ".screenrc",
    ".tmux.conf",
    ".vimrc",
    ".gvimrc",
    ".exrc",
    ".emacs",
    ".dir-locals.el",
    ".gdbinit",
    ".lldbinit",
    ".less",
    ".lesskey",
    ".lessfilter",
    ".ripgreprc",
    ".manpath",
    ".gitconfig",
    ".gitattributes",
    ".gitmodules",
    ".hgrc",
    ".npmrc",
    ".yarnrc",
    ".yarnrc.yml",
    ".pnpmfile.cjs",
    ".pnpmfile.mjs",
    "pnpm-workspace.yaml",
    ".netrc",
    ".curlrc",
    ".wgetrc",
    ".envrc",
    ".psqlrc",
    ".sqliterc",
    ".my.cnf",
    ".mylogin.cnf",
    ".pypirc",
    "pip.conf",
    ".gemrc",
    ".irbrc",
    ".pryrc",
    ".rprofile",
    ".pdbrc",
    "sitecustomize.py",
    "usercustomize.py",
    ".bazelrc",
    ".bazelversion",
    ".buckconfig",
    ".mavenrc",
    ".sbtopts",
    ".jvmopts",
    ".terraformrc",
    ".tool-versions",
    "mise.toml",
    ".mise.toml",
    "rust-toolchain",
    "rust-toolchain.toml",
    "global.json",
    ".mcp.json",
    ".claude.json",
    "opencode.json",
    ".devcontainer.json",
    ".pre-commit-config.yaml",
    "lefthook.yml",
    ".lefthook.yml",
    ".gitlab-ci.yml",
    "jenkinsfile",
    "head",
];

/// The same, by a folder anywhere in the path.
const OBEYED_FOLDERS: &[&str] = &[
    "/.ssh/",
    ".git/",
    "/.githooks/",
    "/.hg/",
    "/.husky/",
    "/.claude/",
    "/.codex/",
    "/.gemini/",
    "/.cursor/",
    "/.windsurf/",
    "/.continue/",
    "/.opencode/",
    "/.vscode/",
    "/.zed/",
    "/.idea/",
    "/.devcontainer/",
    "/.github/workflows/",
    "/.github/actions/",
    "/.circleci/",
    "/.config/",
    "/.local/",
    "/.gnupg/",
    "/.vim/",
    "/.emacs.d/",
    "/.cargo/",
    "/.rustup/",
    "/.nvm/",
    "/.asdf/",
    "/.yarn/",
    "/.homebrew/",
    "/.pip/",
    "/.bundle/",
    "/.mvn/",
    "/.m2/",
    "/.gradle/",
    "/.terraform/",
    "/.terraform.d/",
    "/.docker/",
    "/.kube/",
    "/.aws/",
    "/.azure/",
    "/.venv/",
    "/venv/bin/",
    "/node_modules/.bin/",
    "/site-packages/",
    "/dist-packages/",
    "/~/bin/",
    "/launchagents/",
    "/library/application support/",
    "/library/preferences/",
    "/library/services/",
];

/// Where only the system's own files are.
const SYSTEM_FILES: [&str; 9] =
    ["/etc", "/usr", "/bin", "/sbin", "/lib", "/lib64", "/opt", "/var/spool", "/library"];

/// What is done to a folder that is made; no file is written.
pub(super) const MAKES: &str = "makes";

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
    if doing != MAKES && may_be_settings(text) {
        return Part::unknown(format!(
            "{doing} {text}, which may be settings of git that name programs to run"
        ));
    }
    // A shell that goes up forgets the links it came by; the disk does not.
    let climbs = folder.is_some_and(|folder| folder.split('/').any(|part| part == ".."));
    let known = named(word, folder).filter(|_| !climbs || text.starts_with('/'));
    Part::writes(format!("{doing} {text}"), known.map(|path| vec![path]))
}

/// Why a path from the root, with its links followed, is no mere file; nothing
/// if it is one.
pub(super) fn no_mere_file(path: &str) -> Option<&'static str> {
    let settings = "which may be settings of git that name programs to run";
    special(path, None).or_else(|| may_be_settings(path).then_some(settings))
}

/// Beside the folders of a repository, a file of this name is obeyed by git;
/// whether they are there cannot be told from here.
fn may_be_settings(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.eq_ignore_ascii_case("config") || name.eq_ignore_ascii_case("config.worktree")
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
    let name = lower.rsplit('/').next().unwrap_or_default();
    // Programs of one's own, by their names alone.
    let own = ["/home/", "/users/"].iter().any(|homes| {
        let inside = lower.strip_prefix(homes).and_then(|rest| rest.split_once('/'));
        inside.is_some_and(|(_, rest)| rest.starts_with("bin/"))
    });
    if own || OBEYED.contains(&name) || OBEYED_FOLDERS.iter().any(|folder| ending.contains(folder))
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
