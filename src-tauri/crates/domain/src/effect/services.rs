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

const VERBS: &[Verbs] = &[
    Verbs {
        name: &["npm", "pnpm", "yarn"],
        reads: &[
            "ls", "list", "ll", "view", "info", "outdated", "why", "explain", "ping", "whoami",
            "search", "root", "prefix", "bin", "help", "fund", "licenses",
        ],
        harm: &[
            ("publish", "publishes a package"),
            ("unpublish", "takes a package away from others"),
            ("deprecate", "marks a package for everybody"),
            ("dist-tag", "changes what others install"),
            ("owner", "changes who owns a package"),
            ("access", "changes who may use a package"),
        ],
        denied: &[
            "--prefix",
            "--userconfig",
            "--globalconfig",
            "--script-shell",
            "--node-options",
            "--registry",
            "--fix",
            "--viewer",
            "--browser",
        ],
    },
    Verbs {
        name: &["pip", "pip3"],
        reads: &["list", "show", "freeze", "check", "help", "debug"],
        harm: &[("uninstall", "deletes installed packages")],
        denied: &[
            "--log",
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
        denied: &["-o", "-c", "--option", "--config-file"],
    },
    Verbs {
        name: &["apt", "apt-get", "dnf", "yum", "apk", "pacman", "snap"],
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
        denied: &["-o", "-c", "--option", "--config-file"],
    },
    Verbs {
        name: &["brew"],
        reads: &["list", "info", "search", "deps", "outdated", "leaves"],
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
        denied: &[],
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
            "--server",
            "-s",
            "--output-directory",
            "--cache-dir",
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
        denied: &["-H", "--host", "-M", "--machine", "--root"],
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
        denied: &["-w", "-u", "-C", "-exec", "-toolexec", "-http", "-cmd"],
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
        reads: &["version", "providers", "help"],
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
    let elsewhere = |part: Part, denied: &[&str]| {
        let chosen = words.iter().any(|word| {
            denied.iter().any(|option| {
                word.strip_prefix(option).is_some_and(|rest| {
                    rest.is_empty() || rest.starts_with('=') || option.len() == 2
                })
            })
        });
        let browser = words.iter().any(|word| matches!(*word, "--web" | "-w"));
        if sure && words.first() == Some(&verb) && !chosen && !browser {
            part
        } else {
            Part::unknown(format!("has {name} do what is not read"))
        }
    };
    if pair(PAIRS) && words.get(1) == Some(&second) {
        return Some(elsewhere(Part::reads(), &["--kubeconfig", "--config", "--host", "-H"]));
    }
    let verbs = VERBS.iter().find(|verbs| verbs.name.contains(&name));
    let Some(verbs) = verbs else {
        return (name == "gh").then(|| Part::unknown("does something on the code host"));
    };
    if let Some((_, does)) = verbs.harm.iter().find(|(known, _)| *known == verb) {
        return Some(Part::irreversible(*does));
    }
    if verbs.reads.contains(&verb) && words.first() == Some(&verb) {
        return Some(elsewhere(Part::reads(), verbs.denied));
    }
    Some(Part::unknown(format!("has {name} do {verb}, which can run or change anything")))
}
