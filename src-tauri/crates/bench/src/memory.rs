//! The memory of a process and all it has started, by proportional share:
//! pages that several of them have count once.

use std::fs;
use std::time::Duration;

use anyhow::Context;
use handoff_stage::child;

/// How far two readings may be apart for the program to have come to rest.
const REST: f64 = 0.005;
/// The time between two readings.
const PAUSE: Duration = Duration::from_millis(250);
/// How often it is read at most.
const READINGS: usize = 60;

/// The memory in MiB once it has come to rest, or after a quarter of a minute.
pub fn settled(pid: u32) -> anyhow::Result<f64> {
    let mut last = tree(pid)?;
    let mut steady = 0;
    for _ in 0..READINGS {
        std::thread::park_timeout(PAUSE);
        let now = tree(pid)?;
        steady = if (now - last).abs() <= last * REST { steady + 1 } else { 0 };
        last = now;
        if steady == 4 {
            break;
        }
    }
    Ok(last)
}

fn tree(pid: u32) -> anyhow::Result<f64> {
    let mut sum = own(pid).with_context(|| format!("process {pid} has ended"))?;
    let mut next = child::children(pid)?;
    while let Some(pid) = next.pop() {
        // A helper that has just ended holds nothing.
        sum += own(pid).unwrap_or_default();
        next.extend(child::children(pid)?);
    }
    Ok(sum)
}

fn own(pid: u32) -> Option<f64> {
    parse(&fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?)
}

fn parse(rollup: &str) -> Option<f64> {
    let share = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kib: u32 = share.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(f64::from(kib) / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_read_and_not_one_of_its_parts() {
        let rollup = "5000-6000 ---p 0 00:00 0 [rollup]\nRss:  4096 kB\nPss:        2048 kB\n\
                      Pss_Dirty:   100 kB\n";
        assert_eq!(parse(rollup), Some(2.0));
        assert_eq!(parse("Rss: 1 kB\n"), None);
    }

    #[test]
    fn this_process_holds_some() {
        let own = tree(std::process::id()).expect("it runs");
        assert!(own > 0.1, "{own} MiB");
    }
}
