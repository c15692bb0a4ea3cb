//! What the doctor says to people.

use std::fmt::Write as _;
use std::path::Path;

use handoff_store::{Kind, Restored};

use super::{Findings, Found};
use crate::visible;

/// How many ids are named.
const NAMED: usize = 20;

/// The report.
pub fn findings(found: &Findings) -> String {
    let mut out = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(out, "{name:<10} {}", visible::line(&value));
    };
    line("version", format!("{}, in {}", found.version, found.home.display()));
    line(
        "desk",
        match &found.running {
            Some(running) => match running.pid {
                Some(pid) => format!("running (process {pid})"),
                None => "running".to_owned(),
            },
            None => "not running".to_owned(),
        },
    );
    line(
        "database",
        match &found.database {
            Some(report) => format!(
                "format {} of {}, {} (log {}), journal {}, pages of {}, SQLite {}",
                report.format,
                report.known_format,
                size(report.bytes),
                size(report.log_bytes),
                report.journal_mode,
                report.page_size,
                report.sqlite
            ),
            None if found.faults.is_empty() => "none".to_owned(),
            None => "none that can be read".to_owned(),
        },
    );
    if let Some(audit) = &found.audit {
        line(
            "audit log",
            match &audit.broken {
                Some(_) => format!("broken after {} whole events", audit.events),
                None => format!("whole: {} events of {} handoffs", audit.events, audit.handoffs),
            },
        );
        for epoch in &audit.epochs {
            line(
                "",
                format!(
                    "epoch {} ({}): {} events lost",
                    epoch.epoch,
                    epoch.reason.as_str(),
                    epoch.first - epoch.lost_from
                ),
            );
        }
    }
    line(
        "backups",
        match found.backups.len() {
            0 => "none".to_owned(),
            count => count.to_string(),
        },
    );
    for backup in &found.backups {
        line("", in_words(backup));
    }
    line(
        "spool",
        match found.spooled {
            0 => "empty".to_owned(),
            1 => "1 file, which the desk takes in when it runs".to_owned(),
            count => format!("{count} files, which the desk takes in when it runs"),
        },
    );
    if let Some(free) = found.free_bytes {
        line("free", size(free));
    }
    if found.faults.is_empty() {
        let never = found.database.is_none();
        out.push_str(if never { "\nNo desk has run here yet.\n" } else { "\nNothing is wrong.\n" });
    } else {
        out.push('\n');
        for fault in &found.faults {
            let _ = writeln!(out, "✕ {}", visible::line(fault));
        }
    }
    out
}

/// Asks before the database is replaced.
pub fn question(backups: &[Found], from: &Path) -> String {
    let mut out = String::from("The backups, the newest first:\n");
    for backup in backups {
        let _ = writeln!(out, "  {}", visible::line(&in_words(backup)));
    }
    let _ = write!(
        out,
        "\nThe desk goes back to {}. Whatever was handed over or decided since then is undone on \
         the desk, but not in the world. The present database is kept in the folder `damaged`, \
         and its later events in the audit log.\nType yes to go on: ",
        visible::line(&from.display().to_string())
    );
    out
}

/// What was done.
pub fn restored(from: &Path, restored: &Restored) -> String {
    let mut out = format!("The desk is back at {}.\n", visible::line(&from.display().to_string()));
    if let Some(folder) = &restored.set_aside {
        let folder = visible::line(&folder.display().to_string());
        let _ = writeln!(out, "The database used so far is in {folder}.");
    }
    if !restored.affected.is_empty() {
        let named: Vec<&str> = restored.affected.iter().take(NAMED).map(String::as_str).collect();
        let more = restored.affected.len().saturating_sub(NAMED);
        let _ = writeln!(
            out,
            "{} later events are kept in the audit log. They were about: {}{}.",
            restored.later_events,
            visible::line(&named.join(", ")),
            if more > 0 { format!(" and {more} more") } else { String::new() }
        );
    }
    out
}

fn in_words(found: &Found) -> String {
    let kind = match found.backup.kind {
        Kind::Daily => "daily",
        Kind::Migration => "before a new format",
    };
    let hours = found.age_s / 3600;
    let age = if hours < 48 { format!("{hours} h") } else { format!("{} days", hours / 24) };
    format!("{}  {kind}, {age} old, {}", found.backup.path.display(), size(found.bytes))
}

fn size(bytes: u64) -> String {
    match bytes {
        0..10_240 => format!("{bytes} bytes"),
        10_240..10_485_760 => format!("{} KiB", bytes / 1024),
        10_485_760.. => format!("{} MiB", bytes / 1024 / 1024),
    }
}
