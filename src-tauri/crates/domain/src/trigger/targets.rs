//! What a call reaches for (files, hosts, mail addresses, accounts), and what a
//! task said it would.
//!
//! Paths are compared as written, without looking at a disk: `.` and `..` are
//! resolved, links are not. `~` is a folder of its own. A pattern may have `*`
//! and `?` within a name and `**` over several.

use serde_json::{Map, Value};

use super::places::{Host, Path, host, matches};
use super::values::{Node, head, nodes};
use crate::trace::Proposed;

/// The most bytes of a text in which targets are looked for.
const MAX_TEXT: usize = 4096;

/// Names of arguments that hold what is written or asked, not where.
const PROSE: [&str; 26] = [
    "content",
    "contents",
    "text",
    "body",
    "message",
    "description",
    "comment",
    "note",
    "notes",
    "reason",
    "summary",
    "prompt",
    "query",
    "q",
    "question",
    "pattern",
    "old_string",
    "new_string",
    "old_str",
    "new_str",
    "patch",
    "diff",
    "subject",
    "title",
    "glob",
    "regex",
];
/// Names of arguments that are files even when their look does not say so.
const FILES: [&str; 18] = [
    "path",
    "paths",
    "file",
    "files",
    "file_path",
    "filepath",
    "filename",
    "dir",
    "directory",
    "folder",
    "cwd",
    "workdir",
    "notebook_path",
    "dest",
    "destination",
    "root",
    "output_file",
    "attachments",
];
/// Names of arguments that are hosts.
const HOSTS: [&str; 6] = ["host", "hostname", "domain", "server", "base_url", "endpoint"];
/// Names of arguments that are accounts.
const ACCOUNTS: [&str; 16] = [
    "account",
    "account_id",
    "customer",
    "customer_id",
    "user",
    "user_id",
    "username",
    "tenant",
    "tenant_id",
    "project",
    "project_id",
    "repo",
    "repository",
    "channel",
    "bucket",
    "database",
];
/// Names of arguments that are commands.
const COMMANDS: [&str; 4] = ["command", "cmd", "script", "argv"];
/// Folders of programs and streams that a command names in passing.
const PASSING: [&str; 7] =
    ["/bin", "/usr/bin", "/usr/local/bin", "/dev/null", "/dev/stdout", "/dev/stderr", "/dev/stdin"];

/// Something a call reaches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// A file or folder.
    Path(Path),
    /// A host, its port, and the path on it.
    Host(Host),
    /// A mail address.
    Mail(String),
    /// A name that only the tool understands.
    Account(String),
}

/// A target and the argument it stands in.
pub(super) struct Reach {
    pub argument: String,
    pub shown: String,
    pub target: Target,
}

/// What a task said it would reach for.
pub(super) struct Declared {
    targets: Vec<Target>,
    /// The folder from which relative paths are seen, where they are held against
    /// paths from a root.
    folder: Option<Path>,
}

impl Declared {
    pub(super) fn new(targets: &[String], cwd: Option<&str>) -> Self {
        let read = |text: &String| {
            let text = text.trim();
            if text.contains("://") {
                url(text)
            } else if is_path(text) || text.ends_with("/**") || is_file_name(text) {
                Some(Target::Path(Path::new(text)))
            } else if text.contains('@') && !text.contains(char::is_whitespace) {
                Some(Target::Mail(text.to_lowercase()))
            } else if is_host(text) {
                host(text, "").map(Target::Host)
            } else if text.contains('/') {
                Some(Target::Path(Path::new(text)))
            } else {
                (!text.is_empty()).then(|| Target::Account(text.to_lowercase()))
            }
        };
        let targets: Vec<Target> = targets.iter().filter_map(read).collect();
        let from_root = |folder: &Path| {
            let rooted =
                |target: &Target| matches!(target, Target::Path(path) if path.root == folder.root);
            !folder.root.is_empty() && targets.iter().any(rooted)
        };
        Self { folder: cwd.map(Path::new).filter(from_root), targets }
    }

    /// The folder that a command runs in, which is all that most of them say of
    /// where they work; one that goes elsewhere first says so itself.
    pub(super) fn place(&self, proposed: &Proposed<'_>) -> Option<Reach> {
        let args = proposed.args;
        let command = COMMANDS.iter().find_map(|name| args.get(*name))?;
        let goes = command.as_str().is_some_and(|text| text.trim_start().starts_with("cd /"));
        let named = ["cwd", "workdir"].iter().any(|name| args.contains_key(*name));
        let folder = self.folder.clone().filter(|_| !goes && !named)?;
        // What is declared by its name alone, and a file that lies there, are worked on there.
        let works_there = |declared: &Target| {
            matches!(declared, Target::Path(path) if path.root.is_empty()
                || path.root == folder.root && path.parts.split_last().is_some_and(
                    |(last, parents)| parents == folder.parts
                        && (last.contains('*') || is_file_name(last))))
        };
        if self.targets.iter().any(works_there) {
            return None;
        }
        let target = Target::Path(folder);
        Some(Reach { argument: "folder".to_owned(), shown: proposed.cwd?.to_owned(), target })
    }

    /// Whether a target lies in what was declared. What cannot be told is let
    /// be: a relative path that leads nowhere out, where only absolute ones are
    /// declared and the folder is not known; a name, where no name is.
    pub(super) fn covers(&self, target: &Target) -> bool {
        match target {
            Target::Path(path) => self.covers_path(path),
            Target::Host(host) => self.targets.iter().any(|declared| match declared {
                Target::Host(declared) => declared.covers(host),
                // A bare word may be a file to us and a site to the agent.
                Target::Account(name) => *name == host.name,
                Target::Path(_) | Target::Mail(_) => false,
            }),
            Target::Mail(mail) => self.targets.iter().any(|declared| match declared {
                Target::Mail(declared) => {
                    declared == mail
                        || (declared.starts_with('@') && mail.ends_with(declared.as_str()))
                        || matches(declared, mail)
                }
                Target::Account(name) => name == mail,
                Target::Path(_) | Target::Host(_) => false,
            }),
            Target::Account(name) => {
                let mut names = self.targets.iter().filter_map(|declared| match declared {
                    Target::Account(declared) => Some(declared),
                    Target::Path(_) | Target::Host(_) | Target::Mail(_) => None,
                });
                let first = names.next();
                let repo = || {
                    self.targets.iter().any(|declared| match declared {
                        Target::Path(path) => {
                            path.root.is_empty() && path.parts.join("/").eq_ignore_ascii_case(name)
                        }
                        Target::Mail(mail) => mail == name,
                        Target::Host(host) => host.name == *name,
                        Target::Account(_) => false,
                    })
                };
                let fits = |declared: &String| {
                    declared == name
                        || declared.split_once(':').is_some_and(|(_, id)| id == name)
                        || matches(declared, name)
                };
                first.is_none_or(|first| fits(first) || names.any(fits)) || repo()
            }
        }
    }

    fn covers_path(&self, path: &Path) -> bool {
        if let Some(folder) = self.folder.as_ref().filter(|_| path.root.is_empty()) {
            let seen = path.below(folder);
            return self.targets.iter().any(|declared| match declared {
                Target::Path(declared) => declared.covers(&seen) || declared.covers(path),
                Target::Host(_) | Target::Mail(_) | Target::Account(_) => false,
            });
        }
        let mut declared = self.targets.iter().filter_map(|declared| match declared {
            Target::Path(declared) => Some(declared),
            Target::Host(_) | Target::Mail(_) | Target::Account(_) => None,
        });
        let leads_out = path.parts.first().is_some_and(|part| part == "..");
        if !path.root.is_empty() || leads_out {
            return declared.any(|declared| declared.covers(path));
        }
        let mut relative = declared.filter(|declared| declared.root.is_empty()).peekable();
        relative.peek().is_none() || relative.any(|declared| declared.covers(path))
    }
}

/// What a call reaches for, in the order of its arguments.
pub(super) fn reaches(args: &Map<String, Value>) -> Vec<Reach> {
    let folder =
        ["cwd", "workdir"].iter().find_map(|name| args.get(*name)?.as_str()).map(Path::new);
    // A path next to these is one on a server.
    let on_server =
        ["url", "base_url", "host", "method"].iter().any(|name| args.contains_key(*name));
    let mut found = Vec::new();
    for node in nodes(args) {
        let text = match node.value {
            Value::String(text) => head(text, MAX_TEXT).to_owned(),
            Value::Number(number) if is_one_of(&ACCOUNTS, node.key) => number.to_string(),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_) => continue,
        };
        for (shown, target) in read(&node, &text, on_server) {
            let target = match (target, &folder) {
                (Target::Path(path), Some(folder)) if path.root.is_empty() && node.key != "cwd" => {
                    Target::Path(path.below(folder))
                }
                (target, _) => target,
            };
            found.push(Reach { argument: node.path.clone(), shown, target });
        }
    }
    found
}

fn read(node: &Node<'_>, text: &str, on_server: bool) -> Vec<(String, Target)> {
    let text = text.trim();
    let key = node.key;
    if is_one_of(&COMMANDS, key) {
        return in_command(text);
    }
    if is_one_of(&PROSE, key) || text.is_empty() {
        return Vec::new();
    }
    let one = |target: Option<Target>| {
        target.map(|target| (text.to_owned(), target)).into_iter().collect::<Vec<_>>()
    };
    let lines = text.contains(['\n', '\r']);
    if !lines && text.contains("://") && !text.contains(' ') {
        return one(url(text));
    }
    let file = is_one_of(&FILES, key) && !on_server;
    if !lines && !file && text.contains('@') {
        let mails: Vec<(String, Target)> = text
            .split([',', ';'])
            .filter_map(mail)
            .map(|mail| (mail.clone(), Target::Mail(mail)))
            .collect();
        if !mails.is_empty() {
            return mails;
        }
    }
    if is_one_of(&HOSTS, key) && !text.contains(' ') && !text.starts_with('/') {
        let (name, path) = text.split_once('/').unwrap_or((text, ""));
        return one(host(name, path).map(Target::Host));
    }
    if !lines
        && text.len() < MAX_TEXT
        && (file || (is_path(text) && !(on_server && text.starts_with('/'))))
    {
        return one(Some(Target::Path(Path::new(text))));
    }
    if is_one_of(&ACCOUNTS, key) && !lines {
        return one(Some(Target::Account(text.to_lowercase())));
    }
    Vec::new()
}

/// Paths and addresses that stand as words of a command. What the command does
/// with them is read elsewhere.
fn in_command(text: &str) -> Vec<(String, Target)> {
    let ends = |sign: char| sign.is_whitespace() || "\"'`;|&<>()=,".contains(sign);
    let text = text.replace("${HOME}", "~").replace("$HOME", "~");
    text.split(ends)
        .filter_map(|word| {
            let target = if word.contains("://") {
                url(word)?
            } else if word.starts_with('/')
                || word.starts_with("~/")
                || word == "~"
                || word.split('/').any(|part| part == "..")
            {
                let path = Path::new(word);
                if path.parts.is_empty() && word.starts_with("//") {
                    return None;
                }
                let is_passing = |passing: &&str| Path::new(passing).covers(&path);
                if PASSING.iter().any(is_passing) {
                    return None;
                }
                Target::Path(path)
            } else {
                return None;
            };
            Some((word.to_owned(), target))
        })
        .collect()
}

fn is_one_of(names: &[&str], name: &str) -> bool {
    names.iter().any(|other| other.eq_ignore_ascii_case(name))
}

fn is_path(text: &str) -> bool {
    let bytes = text.as_bytes();
    let drive = bytes.len() > 2
        && bytes[0].is_ascii_alphabetic()
        && bytes[1] == b':'
        && matches!(bytes[2], b'/' | b'\\');
    ["/", "./", "../", "~/", "file://"].iter().any(|start| text.starts_with(start))
        || [".", "..", "~"].contains(&text)
        || drive
        || text.split('/').any(|part| part == "..")
}

fn is_host(text: &str) -> bool {
    let name = text.split(':').next().unwrap_or(text);
    name == "localhost"
        || (name.contains('.')
            && !name.contains('/')
            && name.trim_start_matches("*.").split('.').all(|label| {
                !label.is_empty() && label.chars().all(|sign| sign.is_alphanumeric() || sign == '-')
            })
            && !is_file_name(name))
}

/// `report.csv` is a file, `example.com` a host.
fn is_file_name(name: &str) -> bool {
    const ENDS: [&str; 24] = [
        "csv", "json", "md", "rs", "py", "ts", "js", "tsx", "toml", "yaml", "yml", "txt", "html",
        "css", "pdf", "xlsx", "docx", "sql", "xml", "lock", "log", "png", "jpg", "parquet",
    ];
    name.rsplit_once('.').is_some_and(|(_, end)| is_one_of(&ENDS, end))
}

fn url(text: &str) -> Option<Target> {
    let (scheme, rest) = text.split_once("://")?;
    if scheme.eq_ignore_ascii_case("file") {
        return Some(Target::Path(Path::new(rest)));
    }
    let rest = rest.replace('\\', "/");
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    // Who asks stands before the last `@`, and is not where it leads.
    let name = authority.rsplit('@').next().unwrap_or(authority);
    let path = path.split(['?', '#']).next().unwrap_or_default();
    host(name, path).map(Target::Host)
}

/// The address of `Anna Berg <anna@example.com>`.
fn mail(text: &str) -> Option<String> {
    let text = text.trim();
    let inner = text.rsplit_once('<').map_or(text, |(_, rest)| rest.trim_end_matches('>'));
    let inner = inner.trim().trim_start_matches("mailto:");
    let (name, host) = inner.split_once('@')?;
    // `icon@2x.png` is a file, but Moldova, Serbia and Paraguay have mail.
    let is_file =
        is_file_name(host) && ![".md", ".rs", ".py"].iter().any(|end| host.ends_with(end));
    let sound = !name.is_empty()
        && !is_file
        && host.contains('.')
        && !inner.contains(|sign: char| sign.is_whitespace() || sign == '/')
        && !host.contains('@');
    sound.then(|| inner.to_lowercase())
}

/// Whether a tool is one of those declared.
pub(super) fn is_declared(tools: &[String], tool: &str) -> bool {
    tools
        .iter()
        .any(|declared| declared == tool || (declared.contains('*') && matches(declared, tool)))
}
