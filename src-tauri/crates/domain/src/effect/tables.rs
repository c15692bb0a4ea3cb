//! Programs that need no code of their own: those that read whatever they are
//! given, those that do but for some options, and those that always do what
//! cannot be taken back.

use super::part::Part;
use super::word::Word;

/// Read, whatever their arguments are.
const READ: &[&str] = &[
    ":",
    "b2sum",
    "basename",
    "break",
    "bzcat",
    "cat",
    "cksum",
    "cmp",
    "column",
    "comm",
    "continue",
    "cut",
    "df",
    "diff",
    "dirname",
    "du",
    "echo",
    "egrep",
    "exit",
    "expand",
    "expr",
    "factor",
    "false",
    "fgrep",
    "findmnt",
    "fmt",
    "fold",
    "free",
    "getconf",
    "getent",
    "grep",
    "groups",
    "head",
    "hexdump",
    "id",
    "iostat",
    "join",
    "locale",
    "logname",
    "ls",
    "lsattr",
    "lsblk",
    "lscpu",
    "lsmod",
    "lsusb",
    "md5sum",
    "mpstat",
    "namei",
    "nl",
    "nproc",
    "numfmt",
    "od",
    "paste",
    "pathchk",
    "pgrep",
    "pidof",
    "pr",
    "printenv",
    "ps",
    "pstree",
    "pwd",
    "readlink",
    "realpath",
    "return",
    "rev",
    "seq",
    "sha1sum",
    "sha224sum",
    "sha256sum",
    "sha384sum",
    "sha512sum",
    "shift",
    "sleep",
    "stat",
    "sum",
    "tac",
    "tail",
    "times",
    "tr",
    "true",
    "tsort",
    "tty",
    "type",
    "umask",
    "uname",
    "unexpand",
    "uptime",
    "vmstat",
    "w",
    "wc",
    "whereis",
    "which",
    "who",
    "whoami",
    "xzcat",
    "zcat",
    "last",
    "cal",
    "ncal",
    "dpkg-query",
    "look",
    "zgrep",
];

/// Read but for these options: letters, then long names, which may be shortened.
const READ_BUT: &[(&str, &str, &[&str])] = &[
    ("ag", "", &["pager"]),
    ("apropos", "C", &["config-file"]),
    ("base32", "o", &["output"]),
    ("base64", "o", &["output"]),
    ("diff3", "", &["diff-program"]),
    ("dmesg", "cCDEn", &["clear", "read-clear", "console-off", "console-on", "console-level"]),
    ("fd", "xX", &["exec", "exec-batch"]),
    ("file", "CmzZ", &["compile", "magic-file", "uncompress"]),
    ("jq", "", &[]),
    (
        "journalctl",
        "",
        &[
            "vacuum-size",
            "vacuum-time",
            "vacuum-files",
            "rotate",
            "flush",
            "sync",
            "setup-keys",
            "update-catalog",
            "cursor-file",
            "relinquish-var",
            "smart-relinquish-var",
            "root",
            "image",
        ],
    ),
    ("lastlog", "CSR", &["clear", "set", "root"]),
    ("lsof", "D", &[]),
    ("lspci", "OqQ", &[]),
    ("nm", "", &["plugin"]),
    ("objdump", "", &["plugin"]),
    ("readelf", "", &["plugin"]),
    ("rg", "", &["pre", "hostname-bin", "search-zip"]),
    ("size", "", &["plugin"]),
    ("sdiff", "o", &["output", "diff-program"]),
    ("sort", "oT", &["output", "compress-program", "temporary-directory", "files0-from"]),
    ("ss", "KD", &["kill", "diag"]),
    ("strings", "", &["plugin"]),
    ("tree", "oR", &["output"]),
    ("whatis", "C", &["config-file"]),
];

/// Take their options from a file as well, named after an `@`.
const FROM_FILES: [&str; 5] = ["nm", "objdump", "readelf", "size", "strings"];

/// Never taken back.
const HARM: &[(&str, &str)] = &[
    ("rm", "deletes files"),
    ("unlink", "deletes a file"),
    ("shred", "destroys files"),
    ("srm", "destroys files"),
    ("rmdir", "deletes folders"),
    ("mkfs", "formats a disk"),
    ("mke2fs", "formats a disk"),
    ("mkswap", "formats a disk"),
    ("fdisk", "changes a disk's partitions"),
    ("sfdisk", "changes a disk's partitions"),
    ("parted", "changes a disk's partitions"),
    ("wipefs", "wipes a disk"),
    ("blkdiscard", "wipes a disk"),
    ("fstrim", "trims a disk"),
    ("pkill", "ends programs"),
    ("killall", "ends programs"),
    ("reboot", "restarts the machine"),
    ("shutdown", "stops the machine"),
    ("poweroff", "stops the machine"),
    ("halt", "stops the machine"),
    ("at", "has commands run later"),
    ("batch", "has commands run later"),
    ("useradd", "changes the accounts of this machine"),
    ("userdel", "changes the accounts of this machine"),
    ("usermod", "changes the accounts of this machine"),
    ("groupadd", "changes the accounts of this machine"),
    ("groupdel", "changes the accounts of this machine"),
    ("passwd", "changes a password"),
    ("chpasswd", "changes passwords"),
    ("iptables", "changes the firewall"),
    ("nft", "changes the firewall"),
    ("ufw", "changes the firewall"),
    ("mail", "sends mail"),
    ("mailx", "sends mail"),
    ("mutt", "sends mail"),
    ("sendmail", "sends mail"),
    ("nc", "connects to another machine"),
    ("ncat", "connects to another machine"),
    ("netcat", "connects to another machine"),
    ("socat", "connects to another machine"),
    ("telnet", "connects to another machine"),
    ("ftp", "connects to another machine"),
    ("sftp", "connects to another machine"),
    ("scp", "copies files to or from another machine"),
    ("rsync", "copies over files, or to another machine"),
    ("insmod", "changes the running system"),
    ("rmmod", "changes the running system"),
    ("modprobe", "changes the running system"),
    ("sysctl", "may change the running system"),
    ("umount", "takes a disk away"),
    ("swapoff", "changes the running system"),
    ("twine", "publishes a package"),
];

/// Well-known tools whose `--version` does nothing else. Those that load what a
/// project has before they answer are none of them.
const VERSIONED: &[&str] = &[
    "bash",
    "bun",
    "cargo",
    "clang",
    "cmake",
    "deno",
    "docker",
    "dotnet",
    "g++",
    "gcc",
    "gem",
    "gh",
    "git",
    "go",
    "gradle",
    "helm",
    "java",
    "javac",
    "jq",
    "kubectl",
    "make",
    "mvn",
    "mypy",
    "node",
    "npm",
    "npx",
    "perl",
    "php",
    "pip",
    "pip3",
    "pnpm",
    "psql",
    "python",
    "python3",
    "rg",
    "ruby",
    "ruff",
    "rustc",
    "rustup",
    "sqlite3",
    "terraform",
    "tsc",
    "uv",
    "yarn",
    "zsh",
    "sed",
    "awk",
    "tar",
    "curl",
    "wget",
    "openssl",
    "ssh",
];

/// Whether all it does, given this one word, is to tell its version or its use.
/// To some, `-V` and `-version` are other options, and then they read a script.
pub(super) fn tells_version(name: &str, word: &str) -> bool {
    const SHORT: &str = " cargo curl pip pip3 psql python python3 rustc ssh wget ";
    VERSIONED.contains(&name)
        && match word {
            "--version" | "--help" => true,
            "-V" => SHORT.contains(&format!(" {name} ")),
            "-version" => matches!(name, "java" | "javac" | "sqlite3" | "terraform"),
            _ => false,
        }
}

pub(super) fn is_reader(name: &str) -> bool {
    READ.contains(&name) || READ_BUT.iter().any(|(known, ..)| *known == name)
}

/// What a program that always does harm does.
pub(super) fn harm(name: &str) -> Option<String> {
    let does = HARM.iter().find(|(known, _)| *known == name).map(|(_, does)| *does);
    let does = does.or_else(|| name.starts_with("mkfs.").then_some("formats a disk"));
    does.map(str::to_owned)
}

/// What a program of these tables does.
pub(super) fn reader(name: &str, args: &[Word]) -> Option<Part> {
    if READ.contains(&name) {
        return Some(Part::reads());
    }
    let (_, letters, names) = READ_BUT.iter().find(|(known, ..)| *known == name)?;
    let from_file = |word: &Word| {
        word.breaks || word.text.starts_with('@') || (word.open && word.text.is_empty())
    };
    if FROM_FILES.contains(&name) && args.iter().any(from_file) {
        return Some(Part::unknown("may take options from a file"));
    }
    Some(match denied(args, letters, names) {
        None => Part::reads(),
        Some(word) => Part::unknown(format!(
            "may write or run something, by its option `{}`",
            super::word::line(std::slice::from_ref(word))
        )),
    })
}

/// The first word that could be one of these options. What stands after an
/// option may be its value, and two dashes then end nothing.
pub(super) fn denied<'a>(args: &'a [Word], letters: &str, names: &[&str]) -> Option<&'a Word> {
    let ends = |at: &usize| {
        args[*at].is("--") && at.checked_sub(1).is_none_or(|last| !args[last].may_be_option())
    };
    let end = (0..args.len()).find(ends).unwrap_or(args.len());
    args[..end].iter().find(|word| word.may_be(letters, names))
}
