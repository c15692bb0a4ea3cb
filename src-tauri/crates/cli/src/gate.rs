//! Before an action and after it: checks, records, tasks and tools.
//!
//! Where no desk answers, nothing is permitted: the exit code says so, and
//! nothing is kept for later, since a permission that comes late is none.

use std::path::Path;
use std::time::Duration;

use handoff_domain::schema::JsonSchema;
use handoff_protocol::wire::{
    Ack, ByTask, Check, Checked, Gate, Next, NextItems, OpenTask, PlanTask, RecordAction, Recorded,
    TaskStanding, Tools, ToolsKnown, UndoOutcome, UndoReport, method,
};
use handoff_transport::client::ClientError;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::args::TaskVerb;
use crate::desk::{Desk, LATE, ONE_WAIT};
use crate::edge::Edge;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::input::Input;
use crate::text::gate as text;

/// `handoff check`.
pub fn check(edge: &mut Edge<'_>, agent: &str, file: &Path) -> Result<Exit, Failure> {
    let asked: Check = parsed(edge, file, "check")?;
    let mut client = Desk::new(edge, agent)?.reach(edge)?;
    let checked: Checked = client.call(method::CHECK, &asked)?;
    edge.answer(&checked, &text::checked(&checked))?;
    Ok(match checked.verdict {
        Gate::Run => Exit::Done,
        Gate::Held => Exit::Pending,
        Gate::Denied => Exit::Refused,
    })
}

/// `handoff record`.
pub fn record(edge: &mut Edge<'_>, agent: &str, file: &Path) -> Result<Exit, Failure> {
    let done: RecordAction = parsed(edge, file, "record")?;
    let mut client = Desk::new(edge, agent)?.reach(edge)?;
    let recorded: Recorded = client.call(method::RECORD, &done)?;
    edge.answer(&recorded, &text::recorded(&recorded))?;
    Ok(Exit::Done)
}

/// `handoff tools`.
pub fn tools(edge: &mut Edge<'_>, agent: &str, file: &Path) -> Result<Exit, Failure> {
    let tools: Tools = parsed(edge, file, "list of tools")?;
    let mut client = Desk::new(edge, agent)?.reach(edge)?;
    let known: ToolsKnown = client.call(method::TOOLS, &tools)?;
    edge.answer(&known, &text::tools(&known))?;
    Ok(Exit::Done)
}

/// `handoff task`.
pub fn task(edge: &mut Edge<'_>, agent: &str, verb: TaskVerb) -> Result<Exit, Failure> {
    let standing: TaskStanding = match verb {
        TaskVerb::Open { file } => {
            let open: OpenTask = parsed(edge, &file, "task")?;
            Desk::new(edge, agent)?.reach(edge)?.call(method::TASK_OPEN, &open)?
        }
        TaskVerb::Plan { file } => {
            let plan: PlanTask = parsed(edge, &file, "plan")?;
            Desk::new(edge, agent)?.reach(edge)?.call(method::TASK_PLAN, &plan)?
        }
        TaskVerb::Runnable { id } => {
            let by = ByTask { task: id };
            let mut client = Desk::new(edge, agent)?.reach(edge)?;
            client.call(method::TASK_RUNNABLE, &by).map_err(of_a_known_task)?
        }
        TaskVerb::Close { id } => {
            let by = ByTask { task: id };
            let mut client = Desk::new(edge, agent)?.reach(edge)?;
            client.call(method::TASK_CLOSE, &by).map_err(of_a_known_task)?
        }
    };
    edge.answer(&standing, &text::task(&standing))?;
    Ok(Exit::Done)
}

/// `handoff next`: what is printed is acknowledged, and not printed again, but
/// for what is to be undone: that stands until it is said what came of it.
pub fn next(
    edge: &mut Edge<'_>,
    agent: &str,
    wait_s: u32,
    task: Option<String>,
) -> Result<Exit, Failure> {
    let mut client = Desk::new(edge, agent)?.reach(edge)?;
    let mut left = wait_s;
    let told: NextItems = loop {
        let turn = Duration::from_secs(u64::from(left)).min(ONE_WAIT);
        let seconds = u32::try_from(turn.as_secs()).unwrap_or(left);
        let asked = Next { task: task.clone(), wait_s: Some(seconds) };
        let told: NextItems = client.call_by(method::NEXT, &asked, turn + LATE)?;
        left -= seconds;
        if left == 0 || !told.items.is_empty() {
            break told;
        }
    };
    edge.answer(&told, &text::next(&told))?;
    let known = told.items.iter().filter(|item| item.instruction.undoes().is_none());
    for item in known {
        let known = Ack { id: item.id.clone(), result: None };
        client.call::<_, Value>(method::ACK, &known)?;
    }
    Ok(Exit::Done)
}

/// `handoff next --undid` and `--not-undone`: what came of an undo.
pub fn undid(
    edge: &mut Edge<'_>,
    agent: &str,
    id: String,
    not: Option<String>,
) -> Result<Exit, Failure> {
    let report = UndoReport {
        outcome: if not.is_some() { UndoOutcome::Failed } else { UndoOutcome::Undone },
        why: not.filter(|why| !why.is_empty()),
    };
    let ack = Ack { id, result: Some(json!(report)) };
    Desk::new(edge, agent)?.reach(edge)?.call::<_, Value>(method::ACK, &ack)?;
    Ok(Exit::Done)
}

/// Reads a file; a fault of its shape is said as for a handoff.
fn parsed<T: DeserializeOwned + JsonSchema>(
    edge: &mut Edge<'_>,
    file: &Path,
    what: &str,
) -> Result<T, Failure> {
    Input::read(file, edge)?
        .read_as(what, "Correct what is listed; `--help` of this command shows an example.")
}

/// What is to be done about a task that the desk does not know by its id.
fn of_a_known_task(error: ClientError) -> Failure {
    let mut failure = Failure::from(error);
    if failure.exit == Exit::NotFound {
        "A task is known by its id and the agent that opened it: see --agent. `handoff task open \
         FILE` opens one."
            .clone_into(&mut failure.data.hint);
    }
    failure
}
