//! What the desk costs while nobody looks: its window put away, nothing due,
//! no agent connected; against a bare window put away in the same way.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use handoff_stage::{Child, Plan, Stage, child};
use handoff_transport::home::Home;

use crate::Setup;
use crate::memory;
use crate::row::{Goal, Head, Measured};
use crate::spread::{Better, Spread};

/// Processor time, in hundredths of one core.
pub const CPU: Head =
    Head { name: "CPU, window put away", unit: "%", goal: Goal::AboveFloorAtMost(0.1) };

/// Wake-ups: those of the deadline tick, every five seconds, are allowed.
pub const WAKES: Head =
    Head { name: "wake-ups, window put away", unit: "/s", goal: Goal::AboveFloorAtMost(2.0) };

const RUNS: usize = 3;
const SPAN: Duration = Duration::from_secs(15);
const LIMIT: Duration = Duration::from_secs(30);
/// The clock ticks in which the kernel counts processor time, per second.
const TICKS: f64 = 100.0;

/// Measures both.
pub fn measure(setup: &Setup) -> anyhow::Result<Vec<Measured>> {
    let home = setup.stored()?;
    let stage = Stage::open(Plan::default())?;
    let (mut desk, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        bare.push(put_away(&stage, &setup.bare, "Bare window", home)?);
        desk.push(put_away(&stage, &setup.desk, "Handoff Desk", home)?);
    }
    let sum = |spent: &[Spent], part: fn(&Spent) -> f64| {
        Spread::of(spent.iter().map(part).collect(), Better::Less).context("there are samples")
    };
    let measured = |part: fn(&Spent) -> f64, note: &str| {
        let (value, floor) = (sum(&desk, part)?, Some(sum(&bare, part)?));
        anyhow::Ok(Measured { value, floor, note: note.to_owned() })
    };
    Ok(vec![
        measured(|spent| spent.cpu, "the program with WebKit's processes, 15 s; minimised")?,
        measured(|spent| spent.wakes, "how often a thread of any of them went to sleep")?,
    ])
}

/// What was spent in a second.
struct Spent {
    cpu: f64,
    wakes: f64,
}

/// Opens a window, puts it away, and counts once the program has come to rest.
fn put_away(stage: &Stage, program: &Path, title: &str, home: &Home) -> anyhow::Result<Spent> {
    let log =
        fs::File::options().create(true).append(true).open(stage.folder().join("idle.log"))?;
    let mut command = stage.command(program);
    command
        .env("HANDOFF_DESK_HOME", home.root())
        .env("HOME", stage.folder())
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    let running = Child::start(title, &mut command)?;
    let seen =
        handoff_stage::ask_until(LIMIT, || Ok(stage.active_window()?.filter(|at| at == title)))?;
    if seen.is_none() {
        bail!("the window {title:?} did not appear within {LIMIT:?}");
    }
    memory::settled(running.pid())?;
    let names = ["search", "--name", title, "windowminimize"];
    stage.run("xdotool", &names.map(std::ffi::OsStr::new))?;
    memory::settled(running.pid())?;
    let (before, start) = (total(running.pid())?, Instant::now());
    std::thread::park_timeout(SPAN);
    let (after, span) = (total(running.pid())?, start.elapsed().as_secs_f64());
    Ok(Spent {
        cpu: (after.cpu - before.cpu) / TICKS / span * 100.0,
        wakes: (after.wakes - before.wakes) / span,
    })
}

/// Clock ticks and voluntary switches of a process and all it has started.
fn total(pid: u32) -> anyhow::Result<Spent> {
    let mut sum = Spent { cpu: 0.0, wakes: 0.0 };
    let mut next = vec![pid];
    while let Some(pid) = next.pop() {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))
            .with_context(|| format!("process {pid} has ended"))?;
        sum.cpu += ticks(&stat).context("the kernel counts a process's time")?;
        for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
            // A thread that has just ended does not wake.
            let status = fs::read_to_string(thread?.path().join("status")).unwrap_or_default();
            sum.wakes += switches(&status).unwrap_or_default();
        }
        next.extend(child::children(pid)?);
    }
    Ok(sum)
}

/// The time in user and in system mode; the name before may hold anything.
fn ticks(stat: &str) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<f64>().ok();
    Some(next()? + next()?)
}

fn switches(status: &str) -> Option<f64> {
    let count = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
    count.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{switches, ticks};

    #[test]
    fn time_is_read_behind_any_name() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 1 0 99 1 1";
        assert_eq!(ticks(stat), Some(300.0));
        assert_eq!(ticks("7 nothing"), None);
    }

    #[test]
    fn only_the_switches_to_sleep_are_counted() {
        let status = "Name: a\nvoluntary_ctxt_switches:\t12\nnonvoluntary_ctxt_switches:\t9\n";
        assert_eq!(switches(status), Some(12.0));
    }
}
