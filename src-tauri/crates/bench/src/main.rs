//! Measures the rows of DESIGN §9 and prints how far each is from its goal.
//!
//! A measurement and no test: nothing is asserted, a row that fails says so in
//! its place and the others go on. Where there is a floor (a bare commit, a
//! bare window), it is taken in the same run on the same disk and screen.

#![expect(clippy::print_stdout, reason = "a measurement speaks to the person who started it")]

mod case;
mod desk;
mod driven;
mod floor;
mod gate;
mod hook;
mod host;
mod idle;
mod keys;
mod learn;
mod machine;
mod mcp;
mod memory;
mod mute;
mod preview;
mod reconcile;
mod recover;
mod release;
mod report;
mod row;
mod search;
mod server;
mod spread;
mod start;
mod stored;
mod submit;
mod sweep;
mod time;
mod verify;
mod window;

use std::cell::OnceCell;
use std::path::PathBuf;

use clap::Parser;
use handoff_transport::home::Home;

use crate::row::{Head, Measured, Row};

/// Measures the desk.
#[derive(Parser)]
struct Cli {
    /// The app, built with the feature `automation`
    #[arg(long, value_name = "PROGRAM")]
    desk: PathBuf,
    /// The bare window to hold it against
    #[arg(long, value_name = "PROGRAM")]
    bare: PathBuf,
    /// The folder of the reports; databases are made there too, on its disk
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The name of the report
    #[arg(long, default_value = "bench")]
    name: String,
    /// Only the parts with a row whose name contains this
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Print the rates of many agents at once and nothing else; for the same
    /// program under a tracer that slows its syncs
    #[arg(long, hide = true)]
    rates: bool,
    /// Store handoffs in this home and wait to be killed; for the same program
    /// that kills it
    #[arg(long, hide = true, value_name = "DIR", requires = "count")]
    kill_me_on: Option<PathBuf>,
    /// How many
    #[arg(long, hide = true)]
    count: Option<usize>,
}

/// What a measurement needs to know.
struct Setup {
    /// The app.
    desk: PathBuf,
    /// The bare window.
    bare: PathBuf,
    /// Where databases are made.
    scratch: PathBuf,
    /// What [`Self::stored`] has made.
    home: OnceCell<Home>,
}

impl Setup {
    /// A home with 100,000 handoffs, made for the first part that needs it.
    fn stored(&self) -> anyhow::Result<&Home> {
        if let Some(home) = self.home.get() {
            return Ok(home);
        }
        println!("storing: {} handoffs", stored::STORED);
        let home = stored::home(&self.scratch)?;
        Ok(self.home.get_or_init(|| home))
    }
}

/// Rows that are measured together.
struct Part {
    heads: &'static [Head],
    measure: fn(&Setup) -> anyhow::Result<Vec<Measured>>,
}

const PARTS: [Part; 21] = [
    Part { heads: &[submit::ONE], measure: submit::one },
    Part { heads: &[submit::MANY], measure: submit::many },
    Part { heads: &[submit::MANY_SLOW], measure: submit::many_with_slow_syncs },
    Part { heads: &[window::SHOWN, window::NOTIFIED], measure: window::measure },
    Part { heads: &[mute::HANGS, mute::MISSING], measure: mute::measure },
    Part { heads: &[release::HEAD], measure: release::measure },
    Part { heads: &[learn::HEAD], measure: learn::measure },
    Part { heads: &[preview::HEAD], measure: preview::measure },
    Part { heads: &[start::START, start::MEMORY], measure: start::measure },
    Part { heads: &[keys::HEAD], measure: keys::measure },
    Part { heads: &[search::HEAD], measure: search::measure },
    Part {
        heads: &[
            gate::READ,
            gate::CHANGE,
            gate::READ_IN_MEMORY,
            gate::CHANGE_IN_MEMORY,
            gate::REPLAY,
        ],
        measure: gate::measure,
    },
    Part { heads: &[server::CARDS, server::ANSWER], measure: server::measure },
    Part { heads: &[mcp::HEAD, mcp::IN_MEMORY_HEAD], measure: mcp::measure },
    Part {
        heads: &[reconcile::INFORM, reconcile::MODIFY, reconcile::ROLLBACK],
        measure: reconcile::measure,
    },
    Part {
        heads: &[hook::HOOK, hook::HOOK_IN_MEMORY, hook::PYTHON, hook::NODE],
        measure: hook::measure,
    },
    Part { heads: &[idle::CPU, idle::WAKES], measure: idle::put_away },
    Part { heads: &[idle::CPU_OPEN, idle::WAKES_OPEN], measure: idle::left_open },
    // It stores more, and others count what is stored.
    Part { heads: &[recover::HEAD], measure: recover::measure },
    Part { heads: &[sweep::HEAD], measure: sweep::measure },
    Part { heads: &[verify::HEAD], measure: verify::measure },
];

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    if let (Some(root), Some(count)) = (&cli.kill_me_on, cli.count) {
        return host::to_be_killed(root, count);
    }
    std::fs::create_dir_all(&cli.out)?;
    let scratch = tempfile::Builder::new().prefix("b").tempdir_in(&cli.out)?;
    let setup = Setup {
        desk: std::path::absolute(&cli.desk)?,
        bare: std::path::absolute(&cli.bare)?,
        scratch: std::path::absolute(scratch.path())?,
        home: OnceCell::new(),
    };
    if cli.rates {
        println!("{}", serde_json::to_string(&submit::slow_rates(&setup)?)?);
        return Ok(());
    }
    let before = machine::load();
    let mut rows = Vec::new();
    for part in &PARTS {
        let wanted = |head: &Head| cli.only.as_deref().is_none_or(|only| head.name.contains(only));
        if !part.heads.iter().any(wanted) {
            continue;
        }
        for head in part.heads {
            println!("measuring: {}", head.name);
        }
        rows.extend(Row::of(part.heads, (part.measure)(&setup)));
    }
    println!("\n{}", report::table(&rows));
    let file = cli.out.join(format!("{}.json", cli.name));
    let report = report::json(&rows, &machine::facts(before));
    std::fs::write(&file, serde_json::to_string_pretty(&report)? + "\n")?;
    println!("Written to {}", file.display());
    Ok(())
}
