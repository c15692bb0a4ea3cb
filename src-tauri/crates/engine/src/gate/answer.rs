//! What the gate answers, in the words of the wire.

use handoff_domain::decision::{Decision, DecisionKind};
use handoff_domain::gate::{Held, Ran, Stop, Verdict};
use handoff_domain::trigger::{Evidence, Exhibit, TriggerKind};
use handoff_protocol::wire::{Checked, Gate};

use super::redo::Redo;
use super::{Standing, Weighed};

pub fn answer(
    verdict: Verdict,
    weighed: &Weighed,
    standing: &Standing,
    waits: Vec<String>,
) -> Checked {
    let judged = &weighed.judged;
    let (gate, ran, held) = match verdict {
        Verdict::Run(ran) => (Gate::Run, Some(ran), None),
        Verdict::Held(held) => (Gate::Held, None, Some(held)),
    };
    let stopped = if let Verdict::Held(Held::Stopped(stop)) = verdict {
        vec![blocker(stop).to_owned()]
    } else {
        waits
    };
    let runnable = match &held {
        Some(Held::Stopped(_)) => Vec::new(),
        Some(_) | None => standing.runnable(),
    };
    Checked {
        verdict: gate,
        effect: judged.effect,
        unknown: judged.unknown,
        why: why(verdict, weighed, standing),
        ran,
        held,
        handoff_id: None,
        undoes: None,
        blocked_by: if gate == Gate::Held { stopped } else { Vec::new() },
        runnable,
        pending_for_you: standing.untold,
        action_hash: weighed.hash.clone(),
    }
}

/// What stands in the place of a handoff's id where something is stopped.
fn blocker(stop: Stop) -> &'static str {
    match stop {
        Stop::Everything => "pause:everything",
        Stop::Agent => "pause:agent",
        Stop::Task => "pause:task",
        Stop::TakenOver => "taken_over",
    }
}

fn why(verdict: Verdict, weighed: &Weighed, standing: &Standing) -> String {
    let (judged, evidence) = (&weighed.judged, &weighed.evidence);
    match verdict {
        Verdict::Run(Ran::Permit) => "The reviewer decided on exactly this call.".to_owned(),
        Verdict::Run(Ran::Allowed) => "A rule of the reviewer allows exactly this.".to_owned(),
        Verdict::Run(Ran::Drafted) => {
            format!("{} It becomes part of the draft that the reviewer looks through.", judged.why)
        }
        Verdict::Run(Ran::Read | Ran::Executed) | Verdict::Held(Held::Irreversible) => {
            judged.why.clone()
        }
        Verdict::Held(Held::Stopped(Stop::TakenOver)) => {
            "The reviewer does this task now.".to_owned()
        }
        Verdict::Held(Held::Stopped(_)) => {
            "The reviewer has paused this. Reading may go on; ask again later.".to_owned()
        }
        Verdict::Held(Held::Waits) if matches!(standing.redo, Redo::Undoing(_)) => {
            "What was done before is being taken back first; ask again once it is.".to_owned()
        }
        Verdict::Held(Held::Waits) => "It depends on a question that is pending.".to_owned(),
        Verdict::Held(Held::Trigger) => {
            evidence.iter().map(|evidence| evidence.headline.as_str()).collect::<Vec<_>>().join(" ")
        }
        Verdict::Held(Held::Level) => {
            format!("{} At its level the agent asks before every change.", judged.why)
        }
    }
}

/// The answer to somebody who asks again for an undo that was taken up: it may
/// have run, and must not run twice.
pub fn taken_before(answer: Checked) -> Checked {
    Checked {
        verdict: Gate::Denied,
        why: "This undo was taken up before, with this key, and may have run. Record what came \
              of it, or leave it: the reviewer is asked."
            .to_owned(),
        ran: None,
        ..answer
    }
}

/// The answer to somebody who asks again for a call that is over: it must not
/// run twice.
pub fn over(answer: Checked, since: &str) -> Checked {
    Checked {
        verdict: Gate::Denied,
        why: format!(
            "This call was let run under this key, and {since} since. To make it once more, ask \
             under another key."
        ),
        ran: None,
        ..answer
    }
}

/// Why a released decision does not let the call run as it was asked; none if
/// it does.
pub fn no(decision: &Decision, hash: &str) -> Option<String> {
    let said = |what: &str, text: Option<&str>| match text {
        Some(text) => format!("{what}: {text}"),
        None => format!("{what}."),
    };
    match decision.kind {
        DecisionKind::Approve | DecisionKind::Modify => {
            let same = decision.action_hash().as_deref() == Some(hash);
            (!same).then(|| {
                "The reviewer approved other arguments: take them with handoff.wait.".to_owned()
            })
        }
        DecisionKind::Inform => {
            Some(said("The reviewer has something to tell first", decision.text.as_deref()))
        }
        DecisionKind::Reject => Some(said("The reviewer said no", decision.reason.as_deref())),
        DecisionKind::TakeOver => Some("The reviewer does this themselves.".to_owned()),
    }
}

pub fn limit(why: &str) -> Evidence {
    Evidence {
        trigger: TriggerKind::Limit,
        headline: why.to_owned(),
        exhibits: vec![Exhibit {
            action: None,
            label: "Your rule".to_owned(),
            text: why.chars().take(500).collect(),
        }],
    }
}
