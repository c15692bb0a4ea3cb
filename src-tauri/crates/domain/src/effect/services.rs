//! Programs with verbs: package managers, containers, services.

use super::part::Part;

/// Which verbs of a program read, and which cannot be taken back; the rest is
/// unknown. An option before the verb makes it unknown too: many choose
/// another machine or another program.
struct Verbs {
    name: &'static [&'static str],
    reads: &'static [&'static str],
    harm: &'static [(&'static str, &'static str)],
    /// Options that make even a verb that reads unknown.
    denied: &'static [&'static str],
}

/// What cannot be taken back, to the managers of Node's packages.
const PUBLISHING: &[(&str, &str)] = &[
    ("publish", "publishes a package"),
    ("unpublish", "takes a package away from others"),
    ("deprecate", "marks a package for everybody"),
    ("dist-tag", "changes what others install"),
    ("owner", "changes who owns a package"),
    ("access", "changes who may use a package"),
];

const VERBS: &[Verbs] = &[
    Verbs {
        name: &["npm"],
        reads: &[
            "ls", "list", "ll", "view", "info", "outdated", "why", "explain", "ping", "whoami",
            "search", "root", "prefix",
        ],
        harm: PUBLISHING,
        denied: &[
            "--prefix",
            "--userconfig",
            "--globalconfig",
            "--script-shell",
            "--node-options",
            "--registry",
            "--git",
            "--shell",
            "--editor",
            "--viewer",
            "--browser",
            "--cache",
            "--logs-dir",
        ],
    },
    // These two run a script of the project by any name that is not their own, and
    // what is their own differs from version to version.
    Verbs {
        name: &["pnpm"],
        reads: &["ls", "list", "ll", "why", "outdated", "licenses", "root", "bin"],
        harm: PUBLISHING,
        denied: &["--config", "--pnpmfile", "--global-pnpmfile", "--script-shell", "--registry"],
    },
    Verbs {
        name: &["yarn"],
        reads: &["why", "info", "bin"],
        harm: PUBLISHING,
        denied: &["--cwd", "--use-yarnrc", "--mutex", "--registry"],
    },
    Verbs {
        name: &["pip", "pip3"],
        reads: &["list", "show", "freeze", "check", "help", "debug"],
        harm: &[("uninstall", "deletes installed packages")],
        denied: &[
            "--log",
            "--log-file",
            "--local-log",
            "--python",
            "--report",
            "--index-url",
            "--extra-index-url",
            "--editable",
        ],
    },
    Verbs {
        name: &["cargo"],
        reads: &["search", "info", "locate-project", "pkgid", "help", "version", "read-manifest"],
        harm: &[
            ("publish", "publishes a crate"),
            ("yank", "takes a crate away from others"),
            ("owner", "changes who owns a crate"),
            ("clean", "deletes what was built"),
            ("uninstall", "deletes installed programs"),
        ],
        denied: &["--config", "-Z"],
    },
    Verbs {
        name: &["apt-cache"],
        reads: &[
            "search", "show", "policy", "depends", "rdepends", "pkgnames", "madison", "showpkg",
        ],
        harm: &[],
        denied: &[
            "-o",
            "-c",
            "-p",
            "-s",
            "--option",
            "--config-file",
            "--pkg-cache",
            "--src-cache",
        ],
    },
    // Not pacman: to it any such word names a package, and an option what is done.
    Verbs {
        name: &["apt", "apt-get", "dnf", "yum", "apk", "snap"],
        reads: &["list", "show", "search", "policy"],
        harm: &[
            ("install", "installs software on this machine"),
            ("remove", "removes software from this machine"),
            ("purge", "removes software from this machine"),
            ("autoremove", "removes software from this machine"),
            ("upgrade", "changes the software of this machine"),
            ("full-upgrade", "changes the software of this machine"),
            ("dist-upgrade", "changes the software of this machine"),
        ],
        // Another root has settings and plugins of its own.
        denied: &[
            "-o",
            "-c",
            "--option",
            "--config-file",
            "--setopt",
            "--repofrompath",
            "--installroot",
            "--root",
        ],
    },
    Verbs {
        name: &["brew"],
        // `info` and `deps` run the file of a formula, `outdated` updates brew first.
        reads: &["list", "search", "leaves"],
        harm: &[
            ("uninstall", "removes software from this machine"),
            ("cleanup", "deletes old software"),
        ],
        denied: &["--web", "--github"],
    },
    Verbs {
        name: &["dpkg"],
        reads: &[
            "-l",
            "-L",
            "-s",
            "-S",
            "--list",
            "--listfiles",
            "--status",
            "--search",
            "--get-selections",
        ],
        harm: &[
            ("-i", "installs software on this machine"),
            ("-r", "removes software from this machine"),
            ("-P", "removes software from this machine"),
            ("--purge", "removes software from this machine"),
        ],
        denied: &["--pre-invoke", "--post-invoke", "--root", "--admindir", "--instdir"],
    },
    Verbs {
        name: &["docker", "podman"],
        reads: &[
            "ps", "images", "inspect", "logs", "version", "info", "top", "stats", "port", "diff",
            "history", "events", "search",
        ],
        harm: &[
            ("rm", "deletes containers"),
            ("rmi", "deletes images"),
            ("kill", "ends containers"),
            ("stop", "ends containers"),
            ("restart", "restarts containers"),
            ("push", "sends an image to others"),
        ],
        // Podman runs what it is told is its runtime, to say which version that is.
        denied: &[
            "--cpu-profile",
            "--memory-profile",
            "--runtime",
            "--conmon",
            "--network-cmd-path",
            "--hooks-dir",
            "--storage-opt",
            "--module",
            "--root",
            "--url",
            "--connection",
            "--identity",
        ],
    },
    Verbs {
        name: &["kubectl"],
        reads: &[
            "get",
            "describe",
            "logs",
            "top",
            "explain",
            "version",
            "api-resources",
            "api-versions",
            "cluster-info",
        ],
        harm: &[
            ("delete", "deletes what runs in the cluster"),
            ("apply", "changes what runs in the cluster"),
            ("create", "changes what runs in the cluster"),
            ("replace", "changes what runs in the cluster"),
            ("patch", "changes what runs in the cluster"),
            ("edit", "changes what runs in the cluster"),
            ("scale", "changes what runs in the cluster"),
            ("drain", "takes a machine out of the cluster"),
            ("rollout", "changes what runs in the cluster"),
        ],
        denied: &[
            "--kubeconfig",
            "--kuberc",
            "--server",
            "-s",
            "--kustomize",
            "-k",
            "--output-directory",
            "--cache-dir",
            "--profile",
            "--profile-output",
            "--log-file",
            "--log-dir",
            "--as",
            "--token",
            "--raw",
        ],
    },
    Verbs {
        name: &["systemctl"],
        reads: &[
            "status",
            "list-units",
            "list-unit-files",
            "list-timers",
            "list-sockets",
            "list-dependencies",
            "is-active",
            "is-enabled",
            "is-failed",
            "show",
            "cat",
            "get-default",
        ],
        harm: &[
            ("stop", "stops a service"),
            ("start", "starts a service"),
            ("restart", "restarts a service"),
            ("reload", "reloads a service"),
            ("enable", "has a service start by itself"),
            ("disable", "keeps a service from starting"),
            ("mask", "keeps a service from starting"),
            ("kill", "ends a service"),
            ("reboot", "restarts the machine"),
            ("poweroff", "stops the machine"),
            ("halt", "stops the machine"),
            ("isolate", "stops services"),
        ],
        denied: &["-H", "--host", "-M", "--machine", "--root", "--image"],
    },
    Verbs { name: &["service"], reads: &["--status-all"], harm: &[], denied: &[] },
    Verbs {
        name: &["rustup"],
        reads: &["show", "help"],
        harm: &[("self", "changes the toolchains")],
        denied: &[],
    },
    Verbs {
        name: &["go"],
        reads: &["version", "doc", "help"],
        harm: &[("clean", "deletes what was built")],
        denied: &["-w", "-u", "-C", "-exec", "-toolexec", "-http", "--http", "-cmd"],
    },
    Verbs {
        name: &["helm"],
        reads: &["list", "ls", "status", "history", "version", "search"],
        harm: &[
            ("uninstall", "deletes what runs in the cluster"),
            ("install", "changes what runs in the cluster"),
            ("upgrade", "changes what runs in the cluster"),
            ("rollback", "changes what runs in the cluster"),
        ],
        denied: &["--kubeconfig", "--post-renderer", "--kube-apiserver"],
    },
    Verbs {
        name: &["terraform", "tofu"],
        reads: &["version", "help"],
        harm: &[
            ("apply", "changes what the plan names"),
            ("destroy", "deletes what the plan names"),
        ],
        denied: &["-chdir"],
    },
];

/// Two-word forms that read.
const PAIRS: &[(&str, &str, &[&str])] = &[
    ("docker", "image", &["ls", "inspect", "history"]),
    ("docker", "container", &["ls", "inspect", "logs", "top"]),
    ("docker", "volume", &["ls", "inspect"]),
    ("docker", "network", &["ls", "inspect"]),
    ("docker", "system", &["df", "info"]),
    ("docker", "compose", &["ps", "logs", "ls"]),
    ("gh", "pr", &["list", "view", "diff", "status", "checks"]),
    ("gh", "issue", &["list", "view", "status"]),
    ("gh", "run", &["list", "view"]),
    ("gh", "repo", &["view", "list"]),
    ("gh", "release", &["list", "view"]),
    ("gh", "workflow", &["list", "view"]),
    ("gh", "auth", &["status"]),
    ("kubectl", "config", &["view", "get-contexts", "current-context"]),
    ("terraform", "state", &["list", "show"]),
    ("npm", "config", &["get", "list", "ls"]),
    ("npm", "pkg", &["get"]),
    ("rustup", "toolchain", &["list"]),
    ("rustup", "target", &["list"]),
    ("rustup", "component", &["list"]),
];

/// Two-word forms that cannot be taken back.
const HARMFUL_PAIRS: &[(&str, &str, &[&str])] = &[
    ("docker", "system", &["prune"]),
    ("docker", "volume", &["rm", "prune"]),
    ("docker", "image", &["rm", "prune"]),
    ("docker", "container", &["rm", "prune", "stop", "kill"]),
    ("docker", "network", &["rm", "prune"]),
    ("docker", "compose", &["down", "rm", "kill", "stop"]),
    ("gh", "pr", &["create", "merge", "close", "comment", "edit", "review", "ready", "reopen"]),
    ("gh", "issue", &["create", "close", "comment", "delete", "edit", "reopen", "transfer"]),
    ("gh", "repo", &["create", "delete", "archive", "edit", "rename", "fork"]),
    ("gh", "release", &["create", "delete", "upload", "edit"]),
    ("gh", "workflow", &["run", "disable", "enable"]),
    ("gh", "run", &["cancel", "delete", "rerun"]),
    ("gh", "secret", &["set", "delete"]),
];

/// What such a program does; nothing where it is another kind of program.
pub(super) fn judged(name: &str, words: &[&str], sure: bool, verb: &str) -> Option<Part> {
    let second = words.iter().filter(|word| !word.starts_with('-')).nth(1).copied().unwrap_or("");
    let family = if name == "podman" { "docker" } else { name };
    let pair = |table: &[(&str, &str, &[&str])]| {
        table.iter().any(|(program, first, seconds)| {
            *program == family && *first == verb && seconds.contains(&second)
        })
    };
    if name == "ssh" {
        return Some(Part::unknown("runs on another machine"));
    }
    if pair(HARMFUL_PAIRS) {
        return Some(Part::irreversible(format!(
            "does `{verb} {second}`, which is not taken back"
        )));
    }
    let verb = if matches!(name, "dpkg" | "service") {
        words.first().copied().unwrap_or("")
    } else {
        verb
    };
    let verbs = VERBS.iter().find(|verbs| verbs.name.contains(&name));
    let denied = verbs.map_or(&[][..], |verbs| verbs.denied);
    let elsewhere = |part: Part, more: &[&str]| {
        let mut denied = denied.iter().chain(more);
        let chosen = denied.any(|option| words.iter().any(|word| may_be(name, word, option)));
        let browser = words.iter().any(|word| matches!(*word, "--web" | "-w"));
        if sure && words.first() == Some(&verb) && !chosen && !browser {
            part
        } else {
            Part::unknown(format!("has {name} do what is not read"))
        }
    };
    if pair(PAIRS) && words.get(1) == Some(&second) {
        return Some(elsewhere(Part::reads(), &["--config", "--host", "-H"]));
    }
    if matches!(name, "terraform" | "tofu") && words == ["providers"] {
        // With a word more it may write a mirror, or the lock.
        return Some(Part::reads());
    }
    let Some(verbs) = verbs else {
        return (name == "gh").then(|| Part::unknown("does something on the code host"));
    };
    if let Some((_, does)) = verbs.harm.iter().find(|(known, _)| *known == verb) {
        return Some(Part::irreversible(*does));
    }
    if verbs.reads.contains(&verb) && words.first() == Some(&verb) {
        return Some(elsewhere(Part::reads(), &[]));
    }
    Some(Part::unknown(format!("has {name} do {verb}, which can run or change anything")))
}

/// Whether a word may be this option: with a value, shortened, as some programs
/// take it, or as one letter among others.
fn may_be(program: &str, word: &str, option: &str) -> bool {
    if let Some(letter) = option.chars().nth(1).filter(|_| option.len() == 2) {
        // What comes after these is their value.
        let valued = if program == "kubectl" { "onlLc=" } else { "=" };
        let letters = word.strip_prefix('-').filter(|letters| !letters.starts_with('-'));
        let mut flags = letters.unwrap_or("").split_inclusive(|c| valued.contains(c));
        return flags.next().is_some_and(|flags| flags.contains(letter));
    }
    let name = word.split(['=', '.']).next().unwrap_or(word);
    name == option || (name.starts_with("--") && name.len() > 2 && option.starts_with(name))
}
