//! A list of stages that are all run, so that one failure does not hide
//! another, and summed up at the end.

use std::time::{Duration, Instant};

use anyhow::bail;

/// Stages that were run so far.
#[derive(Debug, Default)]
pub struct Stages {
    only: Option<String>,
    done: Vec<(String, Duration, Outcome)>,
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
        Self { only: only.map(str::to_owned), done: Vec::new() }
    }

    /// Runs a stage, goes on when it fails, and says whether it passed.
    pub fn run(&mut self, name: &str, stage: impl FnOnce() -> anyhow::Result<()>) -> bool {
        if self.only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
            return true;
        }
        println!("\n=== {name}");
        let start = Instant::now();
        let result = stage();
        let took = start.elapsed();
        let passed = result.is_ok();
        let outcome = match result {
            Ok(()) => Outcome::Passed,
            Err(fault) => Outcome::Failed(format!("{fault:#}")),
        };
        self.done.push((name.to_owned(), took, outcome));
        self.print_last();
        passed
    }

    /// Notes that a stage cannot run, and why; it counts as failed.
    pub fn skip(&mut self, name: &str, why: &str) {
        self.done.push((name.to_owned(), Duration::ZERO, Outcome::Skipped(why.to_owned())));
        self.print_last();
    }

    /// Prints the summary; an error names the stages that did not pass.
    pub fn finish(self) -> anyhow::Result<()> {
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
            .filter(|(_, _, outcome)| !matches!(outcome, Outcome::Passed))
            .map(|(name, _, _)| name.as_str())
            .collect();
        let total: Duration = self.done.iter().map(|(_, took, _)| *took).sum();
        if failed.is_empty() {
            println!("all {} stages passed in {:.0} s", self.done.len(), total.as_secs_f64());
            return Ok(());
        }
        bail!("{} of {} stages did not pass: {}", failed.len(), self.done.len(), failed.join(", "));
    }

    fn print_last(&self) {
        if let Some(last) = self.done.last() {
            println!("=== {}", line(last));
        }
    }
}

fn line((name, took, outcome): &(String, Duration, Outcome)) -> String {
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
    fn a_filter_that_fits_nothing_is_no_success() {
        let mut stages = Stages::new(Some("nothing"));
        stages.run("first", || bail!("must not run"));
        assert!(stages.finish().is_err());
    }
}
