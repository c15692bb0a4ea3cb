//! What the desk costs while nothing happens: its window put away, or left open
//! with a card on screen; nothing due, no agent connected. Against a bare window
//! put away or left open in the same way.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
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

/// Wake-ups: those of the deadline tick, every five seconds, are allowed. The
/// runtime's timer comes down to a moment five seconds away in three steps, and
/// wakes its thread at each; the rest is what the floor itself varies by.
pub const WAKES: Head = Head {
    name: "wake-ups, window put away",
    unit: "/min",
    goal: Goal::AboveFloorAtMost(12.0 * 3.0 + 4.0),
};

/// Processor time of a window in which only the countdowns move.
pub const CPU_OPEN: Head =
    Head { name: "CPU, window left open", unit: "%", goal: Goal::AboveFloorAtMost(1.0) };

/// Wake-ups of the same; a card shows a deadline, and that is told every second.
pub const WAKES_OPEN: Head =
    Head { name: "wake-ups, window left open", unit: "/min", goal: Goal::AboveFloorAtMost(1200.0) };

const RUNS: usize = 3;
const SPAN: Duration = Duration::from_secs(20);
const LIMIT: Duration = Duration::from_secs(30);

/// Measures a window that is put away.
pub fn put_away(setup: &Setup) -> anyhow::Result<Vec<Measured>> {
    measure(setup, true)
}

/// Measures a window that is left open.
pub fn left_open(setup: &Setup) -> anyhow::Result<Vec<Measured>> {
    measure(setup, false)
}

fn measure(setup: &Setup, away: bool) -> anyhow::Result<Vec<Measured>> {
    let home = setup.stored()?;
    let stage = Stage::open(Plan::default())?;
    let (mut desk, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        bare.push(idle(&stage, &setup.bare, "Bare window", home, away)?);
        desk.push(idle(&stage, &setup.desk, "Handoff Desk", home, away)?);
    }
    let note = by_process(&desk)?;
    let sum = |spent: &[Spent], part: fn(&Spent) -> f64| {
        Spread::of(spent.iter().map(part).collect(), Better::Less).context("there are samples")
    };
    let measured = |part: fn(&Spent) -> f64, note: &str| {
        let (value, floor) = (sum(&desk, part)?, Some(sum(&bare, part)?));
        anyhow::Ok(Measured { value, floor, note: note.to_owned() })
    };
    Ok(vec![
        measured(|spent| spent.cpu, "the program with WebKit's processes, 20 s")?,
        measured(|spent| spent.wakes, &note)?,
    ])
}

/// Whose wake-ups they are.
fn by_process(desk: &[Spent]) -> anyhow::Result<String> {
    let mut names: Vec<&String> = desk.iter().flat_map(|spent| spent.by_name.keys()).collect();
    names.sort();
    names.dedup();
    let mut words = Vec::new();
    for name in names {
        let of = |spent: &Spent| spent.by_name.get(name).copied().unwrap_or_default();
        let wakes = Spread::of(desk.iter().map(of).collect(), Better::Less);
        words.push(format!("{name} {:.0}", wakes.context("there are samples")?.median));
    }
    Ok(format!("how often a thread of any of them went to sleep; of these: {}", words.join(", ")))
}

/// Processor time, and how often a thread went to sleep, in a minute; the
/// latter also by process.
#[derive(Debug, Clone, Default)]
struct Spent {
    cpu: f64,
    wakes: f64,
    by_name: BTreeMap<String, f64>,
}

/// What one thread has spent since it began.
#[derive(Debug, Clone, Copy, Default)]
struct Thread {
    cpu: f64,
    wakes: f64,
}

/// Opens a window, puts it away or leaves it, and counts once the program has
/// come to rest.
fn idle(
    stage: &Stage,
    program: &Path,
    title: &str,
    home: &Home,
    away: bool,
) -> anyhow::Result<Spent> {
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
    if away {
        let names = ["search", "--name", title, "windowminimize"];
        stage.run("xdotool", &names.map(std::ffi::OsStr::new))?;
        memory::settled(running.pid())?;
    }
    let (before, start) = (threads(running.pid())?, Instant::now());
    std::thread::park_timeout(SPAN);
    let (after, span) = (threads(running.pid())?, start.elapsed().as_secs_f64());
    let mut sum = Spent::default();
    // What a thread spent that has ended meanwhile is not known; few do.
    for (thread, (process, spent)) in after {
        let earlier = before.get(&thread).map(|(_, earlier)| *earlier).unwrap_or_default();
        let wakes = (spent.wakes - earlier.wakes) / span * 60.0;
        sum.cpu += (spent.cpu - earlier.cpu) / span * 100.0;
        sum.wakes += wakes;
        *sum.by_name.entry(process).or_default() += wakes;
    }
    Ok(sum)
}

/// What each thread of a process, and of all it has started, has spent so far,
/// with the name of its process.
fn threads(pid: u32) -> anyhow::Result<HashMap<PathBuf, (String, Thread)>> {
    let mut found = HashMap::new();
    let mut next = vec![pid];
    while let Some(pid) = next.pop() {
        let threads = fs::read_dir(format!("/proc/{pid}/task"))
            .with_context(|| format!("process {pid} has ended"))?;
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        for thread in threads {
            let thread = thread?.path();
            // A thread that has just ended has no figures.
            let read = |name| fs::read_to_string(thread.join(name)).unwrap_or_default();
            if let Some(spent) = spent(&read("schedstat"), &read("status")) {
                found.insert(thread, (name.trim().to_owned(), spent));
            }
        }
        next.extend(child::children(pid)?);
    }
    Ok(found)
}

/// The seconds on a processor, and how often it went to sleep.
fn spent(schedstat: &str, status: &str) -> Option<Thread> {
    let nanoseconds: f64 = schedstat.split_ascii_whitespace().next()?.parse().ok()?;
    let wakes = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
    Some(Thread { cpu: nanoseconds / 1e9, wakes: wakes.trim().parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::spent;

    #[test]
    fn only_time_on_a_processor_and_switches_to_sleep_are_counted() {
        let status = "Name: a\nvoluntary_ctxt_switches:\t12\nnonvoluntary_ctxt_switches:\t9\n";
        let spent = spent("2500000000 7 99\n", status).expect("both are there");
        assert_eq!((spent.cpu, spent.wakes), (2.5, 12.0));
    }

    #[test]
    fn this_process_has_spent_some() {
        let threads = super::threads(std::process::id()).expect("it runs");
        assert!(threads.values().map(|(_, spent)| spent.cpu).sum::<f64>() > 0.0);
    }
}
