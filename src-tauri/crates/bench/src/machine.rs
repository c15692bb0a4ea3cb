//! What must be known of the machine to compare two reports; nothing that
//! tells whose it is.

use std::fs;

use serde_json::{Value, json};

/// The facts, with the load before the run.
pub fn facts(load_before: Option<f64>) -> Value {
    json!({
        "cores": std::thread::available_parallelism().map_or(1, usize::from),
        "memory_mib": memory_mib(),
        "system": std::env::consts::OS,
        "processor": std::env::consts::ARCH,
        "kernel": line("/proc/sys/kernel/osrelease"),
        "optimised": !cfg!(debug_assertions),
        "load_before": load_before,
        "load_after": load(),
    })
}

/// How many processes wanted to run in the last minute: figures taken beside
/// other work are worse than the desk.
pub fn load() -> Option<f64> {
    line("/proc/loadavg")?.split(' ').next()?.parse().ok()
}

fn memory_mib() -> Option<u64> {
    let table = fs::read_to_string("/proc/meminfo").ok()?;
    let total = table.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    Some(total.trim().strip_suffix(" kB")?.parse::<u64>().ok()? / 1024)
}

fn line(path: &str) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}
