//! A list of stages that are all run, so that one failure does not hide
//! another, and summed up at the end.

use std::time::{Duration, Instant};

use anyhow::{Error, bail};

use crate::command::Failed;

/// Stages that were run so far.
#[derive(Debug)]
pub struct Stages {
    only: Option<String>,
    start: Instant,
    done: Vec<Stage>,
}

#[derive(Debug)]
struct Stage {
    name: String,
    took: Duration,
    outcome: Outcome,
    /// What it printed, if that was kept.
    said: String,
}

#[derive(Debug)]
enum Outcome {
    Passed,
    Failed(String),
    Skipped(String),
}

impl Stages {
    /// A list in which only the stages whose name contains `only` are run.
    pub fn new(only: Option<&str>) -> Self {
        Self { only: only.map(str::to_owned), start: Instant::now(), done: Vec::new() }
    }

    /// Runs a stage, goes on when it fails, and says whether it passed.
    pub fn run(&mut self, name: &str, stage: impl FnOnce() -> anyhow::Result<()>) -> bool {
        if self.is_left_out(name) {
            return true;
        }
        println!("\n=== {name}");
        let start = Instant::now();
        let result = stage();
        let took = start.elapsed();
        let passed = result.is_ok();
        let (said, outcome) = match result {
            Ok(()) => (String::new(), Outcome::Passed),
            Err(fault) => failed(&fault),
        };
        self.done.push(Stage { name: name.to_owned(), took, outcome, said });
        self.print_last();
        passed
    }

    /// The same for a stage that runs beside others: what it said is printed when
    /// its list is taken up by theirs.
    pub fn run_quietly(&mut self, name: &str, stage: impl FnOnce() -> anyhow::Result<String>) {
        if self.is_left_out(name) {
            return;
        }
        let start = Instant::now();
        let (said, outcome) = match stage() {
            Ok(said) => (said, Outcome::Passed),
            Err(fault) => failed(&fault),
        };
        self.done.push(Stage { name: name.to_owned(), took: start.elapsed(), outcome, said });
    }

    /// An empty list for what runs beside this one.
    pub fn beside(&self) -> Self {
        Self::new(self.only.as_deref())
    }

    /// Takes up what ran beside, and prints it.
    pub fn take(&mut self, beside: Self) {
        for stage in beside.done {
            println!("\n=== {}\n{}", stage.name, stage.said);
            self.done.push(stage);
            self.print_last();
        }
    }

    /// Notes that a stage cannot run, and why; it counts as failed.
    pub fn skip(&mut self, name: &str, why: &str) {
        let (took, outcome) = (Duration::ZERO, Outcome::Skipped(why.to_owned()));
        self.done.push(Stage { name: name.to_owned(), took, outcome, said: String::new() });
        self.print_last();
    }

    /// Prints how what failed ended, and the summary; an error names the stages that
    /// did not pass.
    pub fn finish(self) -> anyhow::Result<()> {
        for stage in &self.done {
            if let Outcome::Failed(_) = stage.outcome {
                println!("\n=== the end of {}\n{}", stage.name, end_of(&stage.said));
            }
        }
        println!("\n=== summary");
        for stage in &self.done {
            println!("{}", line(stage));
        }
        if self.done.is_empty() {
            bail!("no stage is named like {}", self.only.unwrap_or_default());
        }
        let failed: Vec<&str> = self
            .done
            .iter()
            .filter(|stage| !matches!(stage.outcome, Outcome::Passed))
            .map(|stage| stage.name.as_str())
            .collect();
        if failed.is_empty() {
            let total = self.start.elapsed().as_secs_f64();
            println!("all {} stages passed in {total:.0} s", self.done.len());
            return Ok(());
        }
        bail!("{} of {} stages did not pass: {}", failed.len(), self.done.len(), failed.join(", "));
    }

    fn is_left_out(&self, name: &str) -> bool {
        self.only.as_ref().is_some_and(|only| !name.contains(only.as_str()))
    }

    fn print_last(&self) {
        if let Some(last) = self.done.last() {
            println!("=== {}", line(last));
        }
    }
}

fn failed(fault: &Error) -> (String, Outcome) {
    let said = fault.downcast_ref::<Failed>().map(|failed| failed.said.clone());
    (said.unwrap_or_default(), Outcome::Failed(format!("{fault:#}")))
}

/// As many of the last lines as tell what went wrong.
fn end_of(said: &str) -> String {
    let mut lines: Vec<&str> = said.trim_end().lines().rev().take(40).collect();
    lines.reverse();
    lines.join("\n")
}

fn line(Stage { name, took, outcome, .. }: &Stage) -> String {
    let (word, why) = match outcome {
        Outcome::Passed => ("passed", String::new()),
        Outcome::Failed(why) => ("FAILED", format!("  {why}")),
        Outcome::Skipped(why) => ("NOT RUN", format!("  {why}")),
    };
    format!("{word:8}{:7.1} s  {name}{why}", took.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_named_and_hides_no_other() {
        let mut stages = Stages::new(None);
        let mut reached = false;
        assert!(!stages.run("first", || bail!("broken")), "a failed stage says so");
        assert!(stages.run("second", || {
            reached = true;
            Ok(())
        }));
        stages.skip("third", "first failed");
        assert!(reached, "the stages after a failed one run");

        let fault = stages.finish().expect_err("one stage failed").to_string();
        assert_eq!(fault, "2 of 3 stages did not pass: first, third");
    }

    #[test]
    fn what_ran_beside_counts_like_the_rest() {
        let mut stages = Stages::new(None);
        let mut beside = stages.beside();
        beside.run_quietly("first", || Ok("well".to_owned()));
        beside.run_quietly("second", || bail!("broken"));
        assert!(stages.run("third", || Ok(())));
        stages.take(beside);
        let fault = stages.finish().expect_err("one stage failed").to_string();
        assert_eq!(fault, "1 of 3 stages did not pass: second");
    }

    #[test]
    fn the_end_of_what_failed_is_kept() {
        let said = (1..=100).map(|line| line.to_string()).collect::<Vec<_>>().join("\n");
        let end = end_of(&said);
        assert!(end.starts_with("61\n") && end.ends_with("\n100"), "{end}");
        let mut stages = Stages::new(None);
        let mut command = std::process::Command::new("sh");
        command.args(["-c", "echo the cause; exit 3"]);
        stages.run("first", || crate::command::run(&mut command));
        assert_eq!(stages.done[0].said, "the cause\n");
    }

    #[test]
    fn a_filter_that_fits_nothing_is_no_success() {
        let mut stages = Stages::new(Some("nothing"));
        stages.run("first", || bail!("must not run"));
        assert!(stages.finish().is_err());
    }
}
