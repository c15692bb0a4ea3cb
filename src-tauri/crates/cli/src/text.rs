//! Answers in words for a person at a terminal: short and aligned. Everything
//! an agent or a reviewer wrote passes through [`crate::visible`].

pub mod gate;

use std::fmt::Write as _;

use handoff_domain::decision::{Decider, Decision, DecisionKind, Then};
use handoff_domain::directive::{Line, Verdict};
use handoff_domain::lifecycle::{Flag, State};
use handoff_domain::payload::{Precondition, Priority};
use handoff_protocol::wire::{Answered, Listed, Shown, Standing};
use serde_json::Value;

use crate::visible;

/// One aligned line of a name and a value.
fn pair(out: &mut String, name: &str, value: &str) {
    let _ = writeln!(out, "  {name:<11} {value}");
}

/// The same for text of any length and origin: further lines are indented.
fn part(out: &mut String, name: &str, text: &str) {
    let shown = visible::block(text.trim_end());
    let mut lines = shown.lines();
    pair(out, name, lines.next().unwrap_or_default());
    for line in lines {
        let _ = writeln!(out, "  {:<11} {line}", "");
    }
}

/// Where a handoff stands after a call.
pub fn standing(standing: &Standing) -> String {
    let id = visible::line(&standing.id);
    let mut out = format!("{id}  {}, revision {}", standing.state.as_str(), standing.revision);
    if standing.replayed == Some(true) {
        out.push_str(", known already");
    }
    out.push('\n');
    out
}

/// Where the answer is given, and how to get it.
pub fn what_now(standing: &Standing) -> String {
    let id = visible::line(&standing.id);
    match standing.state {
        State::Queued | State::Ready => format!(
            "It waits for the reviewer in Handoff Desk (`handoff-desk` brings its window \
             forward).\nWait for the answer with: handoff wait {id}\n"
        ),
        State::Decided | State::Released | State::Collected | State::Reconciled => {
            format!("Get the answer with: handoff wait {id}\n")
        }
        State::Withdrawn | State::Superseded => {
            "It is over. Ask again with a new key.\n".to_owned()
        }
    }
}

/// A decision in one line.
pub fn decision_in_words(decision: &Decision) -> String {
    let option = decision.option.as_deref().map(visible::line);
    let of = option.map(|option| format!(" “{option}”")).unwrap_or_default();
    match (decision.by, decision.kind) {
        (Decider::System, _) => format!("time ran out; the desk took the declared default{of}"),
        (Decider::Reviewer, DecisionKind::Approve) => format!("approved{of}"),
        (Decider::Reviewer, DecisionKind::Modify) => format!("approved{of} with other arguments"),
        (Decider::Reviewer, DecisionKind::Inform) => "the reviewer gave information".to_owned(),
        (Decider::Reviewer, DecisionKind::Reject) => match decision.then {
            Some(Then::Skip) => "rejected; leave the step out".to_owned(),
            Some(Then::Revise) => "rejected; make another proposal".to_owned(),
            Some(Then::Stop) | None => "rejected; stop here".to_owned(),
        },
        (Decider::Reviewer, DecisionKind::TakeOver) => "the reviewer does it by hand".to_owned(),
    }
}

/// What a wait was answered.
pub fn answered(answered: &Answered) -> String {
    let mut out = format!(
        "{}  {}{}\n",
        visible::line(&answered.id),
        answered.state.as_str(),
        flags(&answered.flags)
    );
    if let Some(given) = &answered.decision {
        decision(&mut out, given);
        if !runs_something(given) {
            // “act yes” beside a no would be read as a yes.
            let whose = if answered.act { "yours to carry out and report" } else { "told before" };
            pair(&mut out, "this answer", whose);
        } else if answered.lease.is_some() || answered.act {
            let until = answered
                .lease
                .as_ref()
                .map(|lease| format!(", until {}", lease.expires_at.format("%H:%M:%S UTC")))
                .unwrap_or_default();
            pair(&mut out, "act", &format!("yes, this caller{until}"));
        } else {
            pair(&mut out, "act", nobody_acts(answered.state));
            if answered.state != State::Reconciled {
                let id = visible::line(&answered.id);
                pair(&mut out, "next", &format!("see what it did with it: handoff show {id}"));
                part(
                    &mut out,
                    "",
                    "Where nothing comes of it by then, a call that can be undone is handed out \
                     again to whoever\nwaits; one that cannot, once the reviewer hands it out \
                     again on the card.",
                );
            }
        }
    } else {
        pair(&mut out, "decision", no_decision(answered));
        if !answered.state.is_over() {
            pair(&mut out, "next", &format!("handoff wait {}", visible::line(&answered.id)));
        }
    }
    checks(&mut out, &answered.preconditions);
    directive(&mut out, &answered.directive);
    out
}

/// Whether a decision lets an option be carried out.
fn runs_something(decision: &Decision) -> bool {
    decision.by == Decider::System
        || matches!(decision.kind, DecisionKind::Approve | DecisionKind::Modify)
}

/// Why this caller is not to act on a decision.
fn nobody_acts(state: State) -> &'static str {
    if state == State::Reconciled {
        "no, what was done with it has been reported already"
    } else {
        "no, another caller was given it to act on and has it for ten minutes, longer while connected"
    }
}

fn no_decision(answered: &Answered) -> &'static str {
    match answered.state {
        State::Withdrawn => "none: it was withdrawn",
        State::Superseded => "none: another handoff took its place",
        State::Ready if answered.flags.contains(&Flag::ManualReview) => {
            "none: the deadline has passed; it can still be decided"
        }
        State::Decided => "made, and held for some seconds in which it can be undone",
        State::Queued | State::Ready | State::Released | State::Collected | State::Reconciled => {
            "none yet"
        }
    }
}

fn decision(out: &mut String, decision: &Decision) {
    pair(out, "decision", &decision_in_words(decision));
    if let Some(tool) = &decision.tool {
        part(out, "tool", tool);
    }
    if let Some(args) = &decision.args {
        part(out, "args", &pretty(&Value::Object(args.clone())));
    }
    if !decision.facts.is_empty() {
        part(out, "facts", &pretty(&Value::Object(decision.facts.clone())));
    }
    for constraint in &decision.constraints {
        part(out, "constraint", &constraint.text);
    }
    let texts = [
        ("text", decision.text.as_deref()),
        ("reason", decision.reason.as_deref()),
        ("note", decision.note.as_deref()),
        ("override", decision.overriding.as_ref().map(|given| given.why.as_str())),
        ("tell user", decision.message.as_ref().map(|message| message.text.as_str())),
    ];
    for (name, text) in texts {
        if let Some(text) = text.filter(|text| !text.trim().is_empty()) {
            part(out, name, text);
        }
    }
}

/// What is to be checked once more before acting.
fn checks(out: &mut String, preconditions: &[Precondition]) {
    for (index, check) in preconditions.iter().enumerate() {
        let args = Value::Object(check.args.clone());
        let line = format!("{} {args} still gives {}", check.tool, check.expect);
        part(out, if index == 0 { "check first" } else { "" }, &line);
    }
}

/// What becomes of each step.
pub fn directive(out: &mut String, lines: &[Line]) {
    let width = lines.iter().map(|line| line.step.len()).max().unwrap_or(0);
    for (index, line) in lines.iter().enumerate() {
        let verdict = match line.verdict {
            Verdict::Run => "run",
            Verdict::Keep => "keep",
            Verdict::Rerun => "rerun",
            Verdict::UndoThenRerun => "undo, rerun",
            Verdict::Blocked => "blocked",
            Verdict::Skip => "skip",
        };
        let name = if index == 0 { "plan" } else { "" };
        pair(
            out,
            name,
            &format!(
                "{verdict:<11} {:<width$}  {}",
                visible::line(&line.step),
                visible::line(&line.why)
            ),
        );
    }
}

/// A whole handoff.
pub fn shown(shown: &Shown) -> String {
    let payload = &shown.handoff;
    let text = |pointer: &str| payload.pointer(pointer).and_then(Value::as_str).unwrap_or("–");
    let mut out = String::new();
    let _ = writeln!(out, "{}", visible::block(text("/pending_question/text")));
    out.push('\n');
    part(&mut out, "id", &shown.answered.id);
    part(&mut out, "key", &shown.key);
    let state = format!(
        "{}{}, revision {}",
        shown.answered.state.as_str(),
        flags(&shown.answered.flags),
        shown.answered.revision
    );
    pair(&mut out, "state", &state);
    part(&mut out, "priority", text("/priority"));
    part(&mut out, "task", text("/task/title"));
    pair(&mut out, "received", &shown.received_at.format("%Y-%m-%d %H:%M:%S UTC").to_string());
    pair(&mut out, "answer by", &shown.respond_by.format("%Y-%m-%d %H:%M:%S UTC").to_string());
    part(&mut out, "summary", text("/summary"));
    let options = payload.get("options").and_then(Value::as_array);
    for (index, option) in options.into_iter().flatten().enumerate() {
        let get = |pointer: &str| option.pointer(pointer).and_then(Value::as_str).unwrap_or("–");
        let line = format!("{}: {} ({} risk)", get("/id"), get("/label"), get("/risk/level"));
        part(&mut out, if index == 0 { "options" } else { "" }, &line);
    }
    match &shown.answered.decision {
        Some(given) => decision(&mut out, given),
        None => pair(&mut out, "decision", no_decision(&shown.answered)),
    }
    checks(&mut out, &shown.answered.preconditions);
    directive(&mut out, &shown.answered.directive);
    if let Some(report) = &shown.report {
        let value = serde_json::to_value(report).unwrap_or_default();
        let outcome = value.get("outcome").and_then(Value::as_str).unwrap_or_default();
        let why = report.why.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
        part(&mut out, "reported", &format!("{outcome}{why}"));
    }
    out
}

/// A list of handoffs: two lines for each in a terminal, cut at its width, and
/// one whole line elsewhere.
pub fn listed(listed: &Listed, columns: Option<usize>) -> String {
    if listed.handoffs.is_empty() {
        return "No handoffs.\n".to_owned();
    }
    let mut out = String::new();
    let ids: Vec<String> = listed.handoffs.iter().map(|entry| visible::line(&entry.id)).collect();
    let width = ids.iter().map(String::len).max().unwrap_or(0);
    for (entry, id) in listed.handoffs.iter().zip(&ids) {
        let priority = match entry.priority {
            Priority::Low => "low",
            Priority::Normal => "normal",
            Priority::High => "high",
            Priority::Urgent => "urgent",
        };
        let place = format!(
            "{id:<width$}  {:<10}  {priority:<6}  {}",
            entry.state.as_str(),
            entry.received_at.format("%Y-%m-%d %H:%M"),
        );
        let key = visible::line(&entry.key);
        let title = visible::line(&entry.title);
        let question = visible::line(&entry.question);
        let flags = flags(&entry.flags);
        let _ = match columns {
            Some(columns) => writeln!(
                out,
                "{}\n{}",
                cut(&format!("{place}  {key}{flags}"), columns),
                cut(&format!("  {title}: {question}"), columns),
            ),
            None => writeln!(out, "{place}  {key}  {title}: {question}{flags}"),
        };
    }
    let count = listed.handoffs.len();
    if u32::try_from(count).is_ok_and(|count| count < listed.total) {
        let _ = writeln!(out, "{count} of {}; see --limit and --search.", listed.total);
    }
    out
}

/// The text where it fits; else as much as does, with an ellipsis.
fn cut(text: &str, columns: usize) -> String {
    let mut used = 0;
    let mut fits = 0;
    for (at, letter) in text.char_indices() {
        used += width_of(letter);
        if used > columns {
            return format!("{}…", text.get(..fits).unwrap_or_default());
        }
        // What is kept leaves room for the ellipsis.
        if used < columns {
            fits = at + letter.len_utf8();
        }
    }
    text.to_owned()
}

/// How many columns of a terminal a letter takes: East Asian ones and
/// pictures take two.
fn width_of(letter: char) -> usize {
    match u32::from(letter) {
        0x1100..=0x115f
        | 0x2e80..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1faff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

fn flags(flags: &[Flag]) -> String {
    let words: Vec<&str> = flags
        .iter()
        .map(|flag| match flag {
            Flag::Escalated => "deadline passed, alerted again",
            Flag::ManualReview => "deadline passed",
            Flag::Snoozed => "reminders put off",
            Flag::Acknowledged => "opened",
            Flag::Cold => "incomplete briefing",
            Flag::Diverged => "not done as decided",
            Flag::Unreported => "no report in time",
        })
        .collect();
    if words.is_empty() { String::new() } else { format!(" ({})", words.join(", ")) }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use handoff_domain::lifecycle::Flag;
    use handoff_protocol::wire::Listed;
    use serde_json::json;

    use super::{answered, cut, flags, listed};

    #[test]
    fn a_list_keeps_to_the_width_of_the_terminal() {
        let line = |key: &str, title: &str, question: &str| {
            json!({
                "id": "h-0123456789abcdef0123", "key": key, "revision": 1, "state": "ready",
                "flags": ["acknowledged"], "priority": "high", "task": "t", "title": title,
                "question": question, "received_at": "2026-11-20T09:14:00Z",
                "respond_by": "2026-11-20T10:14:00Z"
            })
        };
        let some: Listed = serde_json::from_value(json!({
            "total": 2,
            "handoffs": [
                line("refund-9", "Refund", "Refund the duplicate?\nOr both?"),
                line(&"k".repeat(200), &"t".repeat(200), &"q".repeat(10_000)),
            ]
        }))
        .expect("a list");
        let out = listed(&some, Some(80));
        let lines: Vec<&str> = out.lines().collect();
        assert_eq!(
            lines[..2],
            [
                "h-0123456789abcdef0123  ready       high    2026-11-20 09:14  refund-9 (opened)",
                "  Refund: Refund the duplicate?⏎Or both?"
            ]
        );
        assert_eq!(lines.len(), 4);
        assert!(lines.iter().all(|line| line.chars().count() <= 80), "{out}");
        assert!(lines[2..].iter().all(|line| line.ends_with('…')), "{out}");
        let whole = listed(&some, None);
        assert!(whole.contains(&"q".repeat(10_000)), "elsewhere it is whole");
    }

    #[test]
    fn who_is_not_to_act_is_told_for_how_long_another_has_it_and_what_to_do() {
        let told = |state: &str| {
            let answer = json!({
                "id": "h-1", "revision": 1, "state": state, "flags": [], "action_hash": null,
                "decision": {
                    "kind": "approve", "by": "reviewer", "at": "2026-11-20T09:14:00Z",
                    "option": "go"
                },
                "act": false, "directive": []
            });
            answered(&serde_json::from_value(answer).expect("an answer"))
        };
        let held = told("collected");
        assert!(held.contains("has it for ten minutes, longer while connected"), "{held}");
        assert!(held.contains("handoff show h-1"), "{held}");
        assert!(!told("reconciled").contains("ten minutes"), "nobody has it any more");
    }

    #[test]
    fn marks_are_told_in_words_that_need_no_explaining() {
        let all = [
            Flag::Escalated,
            Flag::ManualReview,
            Flag::Snoozed,
            Flag::Acknowledged,
            Flag::Cold,
            Flag::Diverged,
        ];
        let said = flags(&all);
        for word in ["escalated", "manual", "snoozed", "acknowledged", "cold", "diverged"] {
            assert!(!said.contains(word), "{word} in {said}");
        }
        assert!(said.contains("deadline passed") && said.contains("incomplete briefing"));
    }

    #[test]
    fn what_does_not_fit_is_cut_at_the_width() {
        assert_eq!(cut("Deploy?", 7), "Deploy?");
        assert_eq!(cut("Deploy now?", 7), "Deploy…");
        assert_eq!(cut("配置配置", 8), "配置配置");
        assert_eq!(cut("配置配置", 7), "配置配…");
        assert_eq!(cut("配置配置", 6), "配置…", "a wide letter is not cut in half");
        assert_eq!(cut("Deploy?", 1), "…");
        assert_eq!(cut("", 0), "");
    }
}
