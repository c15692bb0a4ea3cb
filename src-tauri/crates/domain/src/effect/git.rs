//! What a `git` subcommand does.

use super::part::Part;
use super::paths;
use super::tables::denied;
use super::word::Word;

/// Read, but for options that run or write something.
const READ: [&str; 27] = [
    "status",
    "log",
    "diff",
    "show",
    "blame",
    "annotate",
    "rev-parse",
    "ls-files",
    "ls-tree",
    "describe",
    "shortlog",
    "cat-file",
    "name-rev",
    "merge-base",
    "rev-list",
    "for-each-ref",
    "show-ref",
    "whatchanged",
    "count-objects",
    "check-ignore",
    "diff-tree",
    "diff-index",
    "cherry",
    "range-diff",
    "version",
    "check-attr",
    "show-branch",
];

/// Options of those that write a file, or run what somebody has set up.
const DENIED: [&str; 9] = [
    "output",
    "ext-diff",
    "textconv",
    "open-files-in-pager",
    "upload-pack",
    "exec",
    "receive-pack",
    "output-directory",
    "filters",
];

/// Changes that git's own records can bring back.
const WRITE: [(&str, &str); 15] = [
    ("add", "stages changes"),
    ("commit", "makes a commit"),
    ("init", "makes a repository"),
    ("merge", "merges into the branch"),
    ("cherry-pick", "adds commits to the branch"),
    ("revert", "adds commits to the branch"),
    ("mv", "moves files"),
    ("apply", "changes files"),
    ("am", "adds commits to the branch"),
    ("fetch", "brings the remote's branches up to date"),
    ("notes", "changes notes"),
    ("worktree", "changes the work trees"),
    ("rebase", "writes the branch's commits anew"),
    ("pull", "merges what others did into the branch"),
    ("switch", "changes to another branch"),
];

/// What cannot be taken back.
const HARM: [(&str, &str); 14] = [
    ("push", "sends commits to others"),
    ("clean", "deletes files that git does not keep"),
    ("rm", "deletes files"),
    ("gc", "deletes what is no longer referred to"),
    ("prune", "deletes what is no longer referred to"),
    ("filter-branch", "writes the whole history anew"),
    ("filter-repo", "writes the whole history anew"),
    ("update-ref", "moves or deletes a branch"),
    ("restore", "throws changes away"),
    ("checkout-index", "throws changes away"),
    ("read-tree", "throws staged changes away"),
    ("send-email", "sends mail"),
    ("replace", "replaces commits"),
    ("repack", "deletes what is no longer referred to"),
];

/// Reads the arguments of `git`.
pub(super) fn judged(args: &[Word], folder: Option<&str>) -> Part {
    let unread = || Part::unknown("gives git an option that can run something else");
    let mut rest = args;
    let mut moved = false;
    let (name, args) = loop {
        let Some((word, after)) = rest.split_first() else { return Part::reads() };
        match word.exact() {
            Some("--no-pager" | "-P" | "--no-optional-locks" | "--literal-pathspecs") => {
                rest = after;
            }
            // Another folder is another set of settings, yet still the user's own.
            Some("-C") => {
                let Some((path, after)) = after.split_first() else { return unread() };
                if path.may_be_option() {
                    return unread();
                }
                moved = true;
                rest = after;
            }
            Some(name) if !name.starts_with('-') => break (name, after),
            _ => return unread(),
        }
    };
    let folder = if moved { None } else { folder };
    if name == "grep" {
        return match denied(args, "O", &["open-files-in-pager"]) {
            None => Part::reads(),
            Some(_) => unread(),
        };
    }
    if READ.contains(&name) {
        return match denied(args, "", &DENIED) {
            None => Part::reads(),
            Some(_) => unread(),
        };
    }
    by_form(name, args, folder).unwrap_or_else(|| {
        if let Some((_, does)) = HARM.iter().find(|(known, _)| *known == name) {
            return Part::irreversible(*does);
        }
        match WRITE.iter().find(|(known, _)| *known == name) {
            Some((_, does)) => written(name, args, does),
            None => Part::unknown(format!("has git do {name}, which is not read")),
        }
    })
}

fn written(name: &str, args: &[Word], does: &str) -> Part {
    let letters = match name {
        "rebase" => "x",
        "switch" => "fCd",
        "fetch" => "fpPu",
        "pull" | "mv" | "notes" | "worktree" => "f",
        _ => "",
    };
    let names = [
        "exec",
        "upload-pack",
        "force",
        "discard-changes",
        "prune",
        "strategy",
        "template",
        "force-create",
        "gpg-sign",
        "directory",
        "unsafe-paths",
        "edit",
        "receive-pack",
        "mirror",
        "recurse-submodules",
        "separate-git-dir",
        "update-head-ok",
        "prune-tags",
    ];
    let far = matches!(name, "fetch" | "pull")
        && args
            .iter()
            .any(|word| word.open || word.text.contains("::") || word.text.contains(['+', ':']));
    if far || denied(&without_message(args), letters, &names).is_some() {
        return Part::unknown(format!("{does}, with an option that may do more"));
    }
    let deletes = matches!(name, "notes" | "worktree")
        && args.first().is_some_and(|word| !word.is("add") && !word.is("append"));
    if deletes {
        return Part::unknown(format!("{does} in a way that is not read"));
    }
    Part::writes(does, None)
}

/// The words without a commit's message, which may say anything.
fn without_message(args: &[Word]) -> Vec<Word> {
    let mut found = Vec::new();
    let mut rest = args.iter();
    while let Some(word) = rest.next() {
        found.push(word.clone());
        if matches!(word.exact(), Some("-m" | "-am" | "--message")) {
            // In quotes it is one word, whatever is in it.
            found.extend(rest.next().filter(|message| message.breaks).cloned());
        }
    }
    found
}

/// Subcommands that do one thing or another by their words.
fn by_form(name: &str, args: &[Word], folder: Option<&str>) -> Option<Part> {
    let plain = args.iter().all(|word| !word.may_be_option() || word.exact().is_some());
    Some(match name {
        "push" => pushed(args),
        "clean" => cleaned(args),
        "reset" if args.iter().any(|word| word.may_be("", &["hard", "merge", "keep"])) => {
            Part::irreversible("throws changes away")
        }
        "reset" if plain => Part::writes("moves the branch or unstages changes", None),
        "checkout" => checkout(args),
        "branch" => branch(args),
        "tag" => tag(args),
        "config" => config(args),
        "clone" => cloned(args),
        "ls-remote" => {
            let far = args.iter().any(|word| word.open || word.text.contains("::"));
            if far || denied(args, "", &DENIED).is_some() {
                Part::unknown("asks a remote in a way that can run something")
            } else {
                Part::reads()
            }
        }
        "archive" => archived(args, folder),
        _ => return by_verb(name, args),
    })
}

/// Subcommands with verbs of their own.
fn by_verb(name: &str, args: &[Word]) -> Option<Part> {
    let first = args.first().map(|word| word.exact().unwrap_or("?"));
    let reads = match name {
        "remote" => match first {
            None | Some("get-url") => true,
            Some("-v" | "--verbose") => args.len() == 1,
            Some("show") => args.get(1).is_some_and(|word| word.is("-n")),
            _ => false,
        },
        "stash" => matches!(first, Some("list" | "show")),
        "reflog" => matches!(first, None | Some("show" | "exists" | "list")),
        "worktree" => first == Some("list"),
        "submodule" => matches!(first, None | Some("status" | "summary")),
        "notes" => matches!(first, None | Some("list" | "show")),
        "bisect" => first == Some("log") || first == Some("view") && args.len() == 1,
        "bundle" => matches!(first, Some("verify" | "list-heads")),
        "apply" => {
            let asks = ["--stat", "--check", "--numstat", "--summary"];
            args.len() == 2
                && args[0].exact().is_some_and(|word| asks.contains(&word))
                && !args[1].may_be_option()
        }
        _ => return None,
    };
    if reads {
        return Some(match denied(args, "", &DENIED) {
            None => Part::reads(),
            Some(_) => Part::unknown("gives git an option that can run something else"),
        });
    }
    Some(match (name, first) {
        ("remote", Some("add")) => Part::writes("adds a remote", None),
        ("remote", Some("remove" | "rm" | "prune")) => {
            Part::irreversible("takes a remote and its branches away")
        }
        ("stash", None | Some("push" | "save" | "apply" | "pop" | "branch" | "create")) => {
            Part::writes("puts changes away or takes them out", None)
        }
        ("stash", Some("drop" | "clear")) => Part::irreversible("throws stashed changes away"),
        ("reflog", Some("expire" | "delete")) => {
            Part::irreversible("deletes the record that undoing rests on")
        }
        ("worktree", Some("remove")) => Part::irreversible("deletes a work tree"),
        ("worktree" | "notes" | "apply", _) => return None,
        _ => Part::unknown(format!("has git do {name} in a way that is not read")),
    })
}

fn pushed(args: &[Word]) -> Part {
    let names = ["force", "force-with-lease", "mirror", "delete", "prune"];
    let overwrites = |word: &Word| word.may_be("fd", &names) || word.text.starts_with(['+', ':']);
    if args.iter().any(overwrites) {
        return Part::irreversible("overwrites or deletes what others have");
    }
    Part::irreversible("sends commits to others")
}

fn cleaned(args: &[Word]) -> Part {
    let known = |text: &str| {
        text == "--dry-run"
            || text
                .strip_prefix('-')
                .is_some_and(|letters| letters.chars().all(|c| "ndxX".contains(c)))
    };
    let dry = |text: &str| text == "--dry-run" || text.contains('n');
    let words: Option<Vec<&str>> = args.iter().map(Word::exact).collect();
    match words {
        Some(words)
            if words.iter().all(|word| known(word)) && words.iter().any(|word| dry(word)) =>
        {
            Part::reads()
        }
        _ => Part::irreversible("deletes files that git does not keep"),
    }
}

fn cloned(args: &[Word]) -> Part {
    let options = ["-q", "--quiet", "--bare", "--depth=1", "--single-branch", "--no-checkout"];
    let plain = args.iter().all(|word| {
        word.exact().is_some_and(|text| {
            !text.contains("::") && (!text.starts_with('-') || options.contains(&text))
        })
    });
    if plain {
        Part::writes("makes a copy of a repository", None)
    } else {
        Part::unknown("clones in a way that can run something")
    }
}

fn archived(args: &[Word], folder: Option<&str>) -> Part {
    if denied(args, "o", &["output", "remote", "exec"]).is_none() {
        return Part::reads();
    }
    let output = args.iter().find_map(|word| word.exact()?.strip_prefix("--output="));
    let others: Vec<Word> =
        args.iter().filter(|word| !word.text.starts_with("--output=")).cloned().collect();
    match output {
        // The last of several counts.
        Some(path)
            if others.len() + 1 == args.len()
                && denied(&others, "o", &["output", "remote", "exec"]).is_none() =>
        {
            paths::written(&Word::plain(path), folder, "writes")
        }
        _ => Part::unknown("makes an archive in a way that is not read"),
    }
}

fn checkout(args: &[Word]) -> Part {
    let exact: Option<Vec<&str>> = args.iter().map(Word::exact).collect();
    match exact.as_deref() {
        Some(["-b", name] | ["-b", name, _]) if !name.starts_with('-') => {
            Part::writes("makes a branch and changes to it", None)
        }
        Some(words)
            if words.iter().any(|word| {
                matches!(*word, "--" | "." | "-f" | "--force" | "-p" | "--ours" | "--theirs")
            }) =>
        {
            Part::irreversible("throws changes away")
        }
        _ => Part::unknown("changes to a branch, or throws changes to a file away"),
    }
}

fn branch(args: &[Word]) -> Part {
    if args.iter().any(|word| word.may_be("dDMCf", &["delete", "force"])) {
        return Part::irreversible("deletes or moves a branch");
    }
    let listing = [
        "-a",
        "-r",
        "-v",
        "-vv",
        "-av",
        "-avv",
        "-rv",
        "--all",
        "--list",
        "--show-current",
        "--remotes",
        "--no-color",
        "--verbose",
    ];
    let valued = ["--merged", "--no-merged", "--contains", "--no-contains", "--points-at"];
    let starts = ["--sort=", "--format=", "--contains=", "--merged=", "--no-merged="];
    let lists = args.iter().any(|word| word.is("--list") || word.is("-l"));
    let mut rest = args.iter();
    while let Some(word) = rest.next() {
        let Some(text) = word.exact() else {
            return Part::unknown("names a branch that only the shell knows");
        };
        if valued.contains(&text) {
            rest.next();
        } else if text == "--set-upstream-to"
            || text == "-u"
            || text == "--edit-description"
            || text == "-m"
        {
            return Part::writes("changes a branch", None);
        } else if !(listing.contains(&text)
            || text == "-l"
            || starts.iter().any(|start| text.starts_with(start))
            || (lists && !text.starts_with('-')))
        {
            return if text.starts_with('-') {
                Part::unknown("has an option of git branch that is not read")
            } else {
                Part::writes("makes a branch", None)
            };
        }
    }
    Part::reads()
}

fn tag(args: &[Word]) -> Part {
    if args.iter().any(|word| word.may_be("df", &["delete", "force"])) {
        return Part::irreversible("deletes or moves a tag");
    }
    let listing = |text: &str| {
        matches!(text, "-l" | "--list" | "-n" | "--contains" | "--merged" | "--points-at")
            || text.starts_with("--sort=")
            || text.starts_with("--format=")
            || text.starts_with("-n")
    };
    let lists =
        args.iter().any(|word| word.exact().is_some_and(|text| matches!(text, "-l" | "--list")));
    let reads = args.iter().all(|word| match word.exact() {
        Some(text) => listing(text) || (lists && !text.starts_with('-')),
        None => lists && !word.may_be_option(),
    });
    if reads { Part::reads() } else { Part::writes("makes a tag", None) }
}

/// Settings of git name programs that it runs.
fn config(args: &[Word]) -> Part {
    let asks = |text: &str| {
        matches!(text, "--get" | "--get-all" | "--get-regexp" | "--list" | "-l" | "get" | "list")
    };
    let plain = |text: &str| {
        asks(text)
            || matches!(
                text,
                "--global"
                    | "--local"
                    | "--system"
                    | "--show-origin"
                    | "--show-scope"
                    | "--name-only"
                    | "-z"
                    | "--null"
                    | "--bool"
                    | "--int"
            )
            || !text.starts_with('-')
    };
    let words: Option<Vec<&str>> = args.iter().map(Word::exact).collect();
    let Some(words) = words else { return Part::unknown("sets what only the shell knows") };
    let positional = words.iter().filter(|text| !text.starts_with('-') && !asks(text)).count();
    let asked =
        words.iter().take_while(|text| text.starts_with('-') || asks(text)).any(|text| asks(text));
    if words.iter().all(|text| plain(text))
        && ((asked && positional <= 2) || (positional == 1 && words.len() == 1))
    {
        return Part::reads();
    }
    Part::unknown("changes settings of git, which can name programs to run")
}
