//! Whether what an agent reported and did is what it was told (invariant 9).
//!
//! It compares the directive that was released with the agent's report and
//! with the actions recorded since. It closes nothing and blames nobody: it
//! says where the two differ, and why that counts.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::action::Undo;
use crate::decision::{Decision, action_hash};
use crate::directive::{Line, Verdict};
use crate::lifecycle::{Outcome, Report};
use crate::payload::ProposedAction;
use crate::record::Recorded;
use crate::validate::Fault;
use crate::validate::names::{choose, clip};

/// What an agent was told.
#[derive(Debug, Clone, Copy)]
pub struct Told<'t> {
    /// The handoff's id.
    pub handoff: &'t str,
    /// What becomes of each step, as it was told last.
    pub directive: &'t [Line],
    /// The steps that any plan of the task knows; none where it has none.
    pub known: &'t BTreeSet<&'t str>,
    /// The hashes of the calls that the gate has let run by themselves, or by
    /// another decision.
    pub let_run: &'t BTreeSet<String>,
    /// The decision.
    pub decision: &'t Decision,
    /// The step that was asked about.
    pub step: Option<&'t str>,
    /// What the agent had proposed, where it was decided otherwise.
    pub proposed: Option<&'t ProposedAction>,
    /// When it was released.
    pub released_at: DateTime<Utc>,
    /// When the directive was told: later, where a rollback or a give-back has told
    /// another one since.
    pub directed_at: DateTime<Utc>,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
pub struct Agreement {
    /// In one word; absent while neither a report nor a recorded action says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub outcome: Option<Outcome>,
    /// Where the agent did something else.
    pub divergences: Vec<Divergence>,
    /// What cannot be used of its report.
    pub faults: Vec<Fault>,
}

/// One way in which an agent did something else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct Divergence {
    /// Of which kind.
    pub kind: DivergenceKind,
    /// The step it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub step: Option<String>,
    /// The recorded action that shows it; absent where the agent said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub action: Option<String>,
    /// What it did, in one sentence.
    pub why: String,
}

/// The ways to do something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
pub enum DivergenceKind {
    /// The agent says so.
    Said,
    /// It used the arguments it had proposed, not those decided on.
    OldArgs,
    /// It called the tool with something that nobody decided on.
    OtherArgs,
    /// It ran a step that is left out.
    SkippedRun,
    /// It repeated a step that stays, and not only to read.
    KeptRepeated,
    /// It ran a step that waits.
    BlockedRun,
    /// It did a step again without undoing it first.
    NotUndone,
}

/// Compares what an agent was told with its report, if there is one, and with
/// the actions of the task; those before the release are known, not judged.
pub fn compare(told: &Told<'_>, report: Option<&Report>, actions: &[Recorded<'_>]) -> Agreement {
    let mut agreement = Agreement::default();
    let lines: BTreeMap<&str, &Line> =
        told.directive.iter().map(|line| (line.step.as_str(), line)).collect();
    if let Some(report) = report {
        agreement.hear(report, &lines, told.known);
    }
    let decided = told.decision.action_hash();
    let proposed = told.proposed.map(|proposed| action_hash(&proposed.tool, &proposed.args));
    let undos = undos(actions);
    let standing: BTreeSet<&str> = actions
        .iter()
        .filter(|recorded| recorded.stands())
        .map(|recorded| recorded.action.id.as_str())
        .collect();
    let mut carried_out = false;
    for recorded in actions.iter().filter(|recorded| is_since(recorded, told.released_at)) {
        let action = recorded.action;
        let hash = action.hash();
        let named = action.handoff.as_deref() == Some(told.handoff);
        let same_place = told.step.is_some()
            && action.step.as_deref() == told.step
            && told.decision.tool.as_ref() == Some(&action.tool);
        if decided.as_ref() == Some(&hash) {
            // A failed attempt did as told, though it did not succeed.
            carried_out |= named || same_place || action.step.is_none() || told.step.is_none();
            if named || same_place {
                continue;
            }
        }
        let old = proposed.as_ref() == Some(&hash);
        // At one step there may be more calls than the one that was decided on.
        let of_its_own = !recorded.changes() || !old && told.let_run.contains(&hash);
        let other = decided.as_ref().is_some_and(|decided| *decided != hash);
        if other && (named || same_place && !of_its_own) {
            agreement.diverged(
                if old { DivergenceKind::OldArgs } else { DivergenceKind::OtherArgs },
                recorded,
                if old {
                    format!(
                        "It called {} with the arguments it had proposed, not with those decided on.",
                        clip(&action.tool)
                    )
                } else {
                    format!("It called {} with something else than was decided.", clip(&action.tool))
                },
            );
            continue;
        }
        if undos.contains(&hash) || !is_since(recorded, told.directed_at) {
            continue;
        }
        let line = action.step.as_deref().and_then(|step| lines.get(step));
        if let Some(line) = line {
            agreement.hold_against(line, recorded, &standing);
        }
    }
    agreement.outcome = if !agreement.divergences.is_empty() {
        Some(Outcome::Diverged)
    } else if report.is_some() || carried_out {
        Some(Outcome::Applied)
    } else {
        None
    };
    agreement
}

impl Agreement {
    /// Why the agent diverged, in one text.
    pub fn why(&self) -> Option<String> {
        let why: Vec<&str> =
            self.divergences.iter().map(|divergence| divergence.why.as_str()).collect();
        (!why.is_empty()).then(|| why.join(" "))
    }

    fn diverged(&mut self, kind: DivergenceKind, recorded: &Recorded<'_>, why: String) {
        self.divergences.push(Divergence {
            kind,
            step: recorded.action.step.clone(),
            action: Some(recorded.action.id.clone()),
            why,
        });
    }

    fn hear(&mut self, report: &Report, lines: &BTreeMap<&str, &Line>, known: &BTreeSet<&str>) {
        let said = |step: Option<&str>, why: Option<&str>| Divergence {
            kind: DivergenceKind::Said,
            step: step.map(str::to_owned),
            action: None,
            why: match (why.filter(|why| !why.trim().is_empty()), step) {
                (Some(why), Some(step)) => format!("{}: {why}", clip(step)),
                (Some(why), None) => why.to_owned(),
                (None, Some(step)) => format!("{}: the agent did something else.", clip(step)),
                (None, None) => "The agent did something else and does not say why.".to_owned(),
            },
        };
        let known: BTreeSet<&str> = lines.keys().chain(known).copied().collect();
        let names: Vec<&str> = known.iter().copied().collect();
        for (number, step) in report.steps.iter().enumerate() {
            // Without a plan there is nothing to know.
            if !known.is_empty() && !known.contains(step.id.as_str()) {
                self.faults.push(Fault {
                    pointer: format!("/steps/{number}/id"),
                    message: format!("The plan has no step `{}`.", clip(&step.id)),
                    hint: choose(&step.id, &names),
                });
            }
            if step.outcome == Outcome::Diverged {
                self.divergences.push(said(Some(&step.id), step.why.as_deref()));
            }
        }
        let of_a_step = !self.divergences.is_empty() && report.why.is_none();
        if report.outcome == Outcome::Diverged && !of_a_step {
            self.divergences.insert(0, said(None, report.why.as_deref()));
        }
    }

    /// Holds a recorded action against what its step was to become.
    fn hold_against(&mut self, line: &Line, recorded: &Recorded<'_>, standing: &BTreeSet<&str>) {
        let tool = clip(&recorded.action.tool);
        let step = clip(&line.step);
        match line.verdict {
            Verdict::Skip => self.diverged(
                DivergenceKind::SkippedRun,
                recorded,
                format!("It called {tool} for the step {step}, which is left out."),
            ),
            Verdict::Keep if recorded.changes() => self.diverged(
                DivergenceKind::KeptRepeated,
                recorded,
                format!("It called {tool} for the step {step}, which is done and stays."),
            ),
            Verdict::Blocked if recorded.changes() => self.diverged(
                DivergenceKind::BlockedRun,
                recorded,
                format!("It called {tool} for the step {step}, which waits."),
            ),
            Verdict::UndoThenRerun if recorded.changes() => {
                if let Some(left) = line.undo.iter().find(|id| standing.contains(id.as_str())) {
                    self.diverged(
                        DivergenceKind::NotUndone,
                        recorded,
                        format!(
                            "It called {tool} for the step {step} before the action {} was undone.",
                            clip(left)
                        ),
                    );
                }
            }
            Verdict::Run
            | Verdict::Rerun
            | Verdict::Keep
            | Verdict::Blocked
            | Verdict::UndoThenRerun => {}
        }
    }
}

/// Whether an action is one that followed the release: it was reported after
/// it, and had not begun before.
fn is_since(recorded: &Recorded<'_>, released_at: DateTime<Utc>) -> bool {
    match (recorded.at, recorded.action.started_at.or(recorded.action.ended_at)) {
        (Some(reported), _) if reported < released_at => false,
        (_, Some(begun)) => begun >= released_at,
        (Some(_), None) => true,
        (None, None) => false,
    }
}

/// The calls by which recorded actions are undone: they repeat nothing.
fn undos(actions: &[Recorded<'_>]) -> BTreeSet<String> {
    let hash = |recorded: &Recorded<'_>| match &recorded.action.undo {
        Some(Undo::Tool { tool, args, .. }) => Some(action_hash(tool, args)),
        Some(Undo::Command { .. } | Undo::Files { .. }) | None => None,
    };
    actions.iter().filter_map(hash).collect()
}
