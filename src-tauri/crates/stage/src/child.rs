//! A process that ends with the value that stands for it, also after a panic.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// A running process; dropping it kills the process and waits for its end.
#[derive(Debug)]
pub struct Child {
    name: String,
    process: std::process::Child,
    lines: Option<Lines>,
}

/// The lines a process writes, as they come.
#[derive(Debug)]
pub struct Lines(mpsc::Receiver<String>);

impl Lines {
    /// Reads `output` to its end in the background, so that its writer never
    /// blocks.
    pub fn of(output: impl Read + Send + 'static) -> Self {
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // Nobody listens any more: the output is still read.
                drop(tell.send(line));
            }
        });
        Self(told)
    }

    /// The next line that `fits`, waiting at most `limit` for it.
    pub fn wait(&self, limit: Duration, fits: impl Fn(&str) -> bool) -> anyhow::Result<String> {
        let until = Instant::now() + limit;
        let mut seen = Vec::new();
        loop {
            match self.0.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) if fits(&line) => return Ok(line),
                Ok(line) => seen.push(line),
                Err(end) => bail!("no such line within {limit:?} ({end}); there were: {seen:#?}"),
            }
        }
    }
}

/// Builds the command for `program` so that the process also dies when this
/// one is killed and can no longer clean up.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

impl Child {
    /// Starts `command`; `name` is what errors call it.
    pub fn start(name: &str, command: &mut Command) -> anyhow::Result<Self> {
        let process =
            command.spawn().with_context(|| format!("{name} could not be started: {command:?}"))?;
        Ok(Self { name: name.to_owned(), process, lines: None })
    }

    /// Starts `command` and waits until it has written a line, which it also
    /// answers; the lines after it are kept for [`Child::lines`].
    pub fn start_until_line(
        name: &str,
        command: &mut Command,
        limit: Duration,
    ) -> anyhow::Result<(Self, String)> {
        let mut child = Self::start(name, command.stdout(Stdio::piped()))?;
        let output = child.process.stdout.take().context("its output is piped")?;
        child.lines = Some(Lines::of(output));
        let first = child
            .lines()?
            .wait(limit, |_| true)
            .with_context(|| format!("{name} did not say within {limit:?} that it is ready"))?;
        Ok((child, first))
    }

    /// What it has written since its first line.
    pub fn lines(&self) -> anyhow::Result<&Lines> {
        self.lines.as_ref().with_context(|| format!("the output of {} is not read", self.name))
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The process itself, for its pipes.
    pub fn process(&mut self) -> &mut std::process::Child {
        &mut self.process
    }

    /// Waits for its end for at most `limit`; `None` when it still runs.
    pub fn wait(&mut self, limit: Duration) -> anyhow::Result<Option<ExitStatus>> {
        if let Some(status) = self.process.try_wait()? {
            return Ok(Some(status));
        }
        wait_for_end(self.pid(), limit)?;
        Ok(self.process.try_wait()?)
    }

    /// Kills it as a power cut would: it gets no chance to clean up.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if let Err(fault) = self.kill() {
            eprint(&format!("{} could not be ended: {fault}", self.name));
        }
    }
}

#[expect(clippy::print_stderr, reason = "a drop has no one else to tell")]
fn eprint(text: &str) {
    eprintln!("{text}");
}

/// Waits until the process `pid`, which need not be ours, has ended, for at
/// most `limit`; says whether it has.
pub fn wait_for_end(pid: u32, limit: Duration) -> anyhow::Result<bool> {
    let Ok(handle) = pidfd_open(as_pid(pid)?, PidfdFlags::empty()) else {
        return Ok(true);
    };
    // What is too long to be told to the system is for ever.
    let limit = Timespec::try_from(limit).ok();
    let ended = poll(&mut [PollFd::new(&handle, PollFlags::IN)], limit.as_ref())?;
    Ok(ended > 0)
}

/// Kills the process `pid`, which need not be ours, and waits for its end.
pub fn kill(pid: u32) -> anyhow::Result<()> {
    let Ok(()) = rustix::process::kill_process(as_pid(pid)?, rustix::process::Signal::KILL) else {
        return Ok(());
    };
    if !wait_for_end(pid, Duration::from_secs(5))? {
        bail!("process {pid} did not end after it was killed");
    }
    Ok(())
}

fn as_pid(pid: u32) -> anyhow::Result<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw).with_context(|| format!("{pid} is no process"))
}

/// The processes that `pid` has started itself and that still run.
pub fn children(pid: u32) -> anyhow::Result<Vec<u32>> {
    let mut found = Vec::new();
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else {
        return Ok(found);
    };
    for thread in threads {
        let Ok(list) = std::fs::read_to_string(thread?.path().join("children")) else {
            continue;
        };
        found.extend(list.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_waited_for_however_long_it_takes() {
        let mut child = Child::start(
            "a shell",
            Command::new("sh").args(["-c", "read _; exit 3"]).stdin(Stdio::piped()),
        )
        .unwrap();
        assert!(child.wait(Duration::ZERO).unwrap().is_none());
        drop(child.process.stdin.take());
        let ended = child.wait(Duration::MAX).unwrap();
        assert_eq!(ended.and_then(|status| status.code()), Some(3));
    }
}
