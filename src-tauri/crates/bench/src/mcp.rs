//! What the gate for MCP servers adds to a call that runs: a small server asked
//! directly, and the same one behind the gate.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};
use handoff_mcp::{Gate, Way};
use handoff_protocol::wire::{ErrorCode, ErrorData};
use handoff_transport::home::Home;

use crate::Setup;
use crate::desk::Desk;
use crate::row::{Goal, Head, Measured};
use crate::spread::{Better, Spread};
use crate::time::{millis, wall};

/// With the desk's database on the disk.
pub const HEAD: Head =
    Head { name: "MCP gate, added to a read that runs", unit: "ms", goal: Goal::TailAtMost(1.0) };
/// With it in memory.
pub const IN_MEMORY_HEAD: Head = Head {
    name: "MCP gate, no disk: added to a read that runs",
    unit: "ms",
    goal: Goal::TailAtMost(1.0),
};

/// Where files are kept in memory, on the systems that say so.
const IN_MEMORY: &str = "/dev/shm";

/// A server that answers every call at once.
const SERVER: [&str; 3] = ["sed", "-u", r#"s/"method":"tools\/call","params"/"result"/"#];

const SAMPLES: usize = 500;
/// Calls that are not counted: the first ones open files and connections.
const WARM: usize = 50;

/// Measures both.
pub fn measure(setup: &Setup) -> anyhow::Result<Vec<Measured>> {
    let memory = tempfile::tempdir_in(IN_MEMORY).context("no folder in memory")?;
    Ok(vec![added(&setup.scratch)?, added(memory.path())?])
}

fn added(scratch: &Path) -> anyhow::Result<Measured> {
    let direct = Spread::of(directly()?, Better::Less).context("there are samples")?;
    let desk = Desk::open(scratch)?;
    // A read may be made again and again here.
    let mut settings = desk.engine().settings();
    settings.triggers.chain_bound = 10_000;
    desk.run(desk.engine().save_settings(settings)).map_err(crate::release::said)?;
    let through = through(desk.home())?;
    let value = through.into_iter().map(|took| took - direct.median).collect();
    Ok(Measured {
        value: Spread::of(value, Better::Less).context("there are samples")?,
        floor: Some(direct),
        note: "above the median of the floor, the same server without gate and desk; the check \
               is stored before the call goes on"
            .to_owned(),
    })
}

fn directly() -> anyhow::Result<Vec<f64>> {
    let [program, args @ ..] = SERVER;
    let mut server =
        Command::new(program).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let to = server.stdin.take().context("it reads")?;
    let from = server.stdout.take().context("it writes")?;
    let samples = calls(to, from);
    server.wait()?;
    samples
}

fn through(home: &Home) -> anyhow::Result<Vec<f64>> {
    let (to, input) = UnixStream::pair()?;
    let (output, from) = UnixStream::pair()?;
    let gate = Gate {
        way: Way {
            home: home.clone(),
            launch: Box::new(|_| {
                Err(ErrorData {
                    code: ErrorCode::Unavailable,
                    message: "The desk of this measurement is gone.".to_owned(),
                    hint: String::new(),
                    retryable: false,
                    faults: Vec::new(),
                    winner: None,
                })
            }),
            now: wall,
            client: None,
            session: None,
        },
        agent: Some("bench".to_owned()),
        command: SERVER.map(Into::into).to_vec(),
        wait: Duration::from_secs(1),
    };
    let gate = std::thread::spawn(move || gate.run(Box::new(input), Box::new(output)));
    let samples = calls(to, from);
    gate.join().map_err(|_| anyhow!("the gate panicked"))??;
    samples
}

/// Calls one after the other, each when the last was answered; ends the server.
fn calls(mut to: impl Write, from: impl Read) -> anyhow::Result<Vec<f64>> {
    let mut from = BufReader::new(from);
    let mut samples = Vec::new();
    for id in 0..WARM + SAMPLES {
        // No two are the same: asked again and again, the same would be held.
        let call = format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"tools/call\",\"params\":\
             {{\"name\":\"read_text_file\",\"arguments\":{{\"path\":\"/work/{id}.txt\"}}}}}}\n"
        );
        let start = Instant::now();
        to.write_all(call.as_bytes())?;
        to.flush()?;
        let mut answer = String::new();
        from.read_line(&mut answer)?;
        let took = millis(start.elapsed());
        ensure!(answer.contains("\"result\":{\"name\""), "the call did not run: {answer}");
        if id >= WARM {
            samples.push(took);
        }
    }
    Ok(samples)
}
