//! The tasks of the repository: `cargo xtask TASK`.

#![expect(clippy::print_stdout, reason = "a task speaks to the person who started it")]

mod app;
mod apt;
mod bench;
mod browser;
mod bundle;
mod clients;
mod command;
mod headless;
mod lint;
mod node;
mod open;
mod packages;
mod stages;
mod test;
mod ui;

use clap::{Parser, Subcommand};

use crate::command::Root;

/// The tasks of the repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build everything and open the desk with the demo agent
    ///
    /// Names and installs missing system packages first. Without a screen the
    /// desk opens on a virtual one, and a screenshot of it is left in target/.
    Run {
        /// Without a screen: end after the screenshot
        #[arg(long)]
        once: bool,
    },
    /// Everything that must pass: checks, unit, browser and system tests
    Test {
        /// Run only the stages whose name contains this
        #[arg(long, value_name = "NAME")]
        only: Option<String>,
    },
    /// Every check against third-party clients, also those that `test` leaves out
    Clients,
    /// Write what is generated and committed
    Gen {
        /// Only compare, and fail where a file differs
        #[arg(long)]
        check: bool,
    },
    /// Formatting, clippy, the window's linter and the import table
    Lint,
    /// Measure the desk against floors of the same run
    ///
    /// Builds what is measured first. Nothing is asserted: the table says which
    /// goals are met, and the same is written to target/bench/NAME.json.
    Bench {
        /// The name of the report
        #[arg(long, default_value = "bench")]
        name: String,
        /// Measure only the parts with a row whose name contains this
        #[arg(long, value_name = "TEXT")]
        only: Option<String>,
    },
    /// Print how often each trigger is right on the labelled traces
    Triggers,
    /// Build the Debian package
    Bundle {
        /// With another build profile, such as dev: only to try the package
        #[arg(long, default_value = "release")]
        profile: String,
    },
    /// Name and install missing system packages
    System,
}

fn main() -> anyhow::Result<()> {
    let task = Cli::parse().task;
    let root = Root::find()?;
    match task {
        Task::Run { once } => open::run(&root, once),
        Task::Test { only } => test::run(&root, only.as_deref()),
        Task::Clients => clients::run_all(&root),
        Task::Gen { check } => generate(&root, check),
        Task::Lint => lint::run(&root),
        Task::Bench { name, only } => bench::run(&root, &name, only.as_deref()),
        Task::Triggers => {
            let example =
                ["run", "--quiet", "--package", "handoff-domain", "--example", "triggers"];
            command::run(&mut root.cargo(example))
        }
        Task::Bundle { profile } => bundle::run(&root, &profile),
        Task::System => packages::ensure(packages::Purpose::Test),
    }
}

fn generate(root: &Root, check: bool) -> anyhow::Result<()> {
    let mut args = vec!["run", "--package", "handoff-generate", "--"];
    args.extend(check.then_some("--check"));
    command::run(&mut root.cargo(args))
}
