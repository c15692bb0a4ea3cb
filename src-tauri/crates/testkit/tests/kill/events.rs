//! The events of one handoff, followed from its first to its last: each must
//! be possible after the ones before.

use chrono::{DateTime, TimeDelta, Utc};
use handoff_domain::decision::Decision;
use handoff_domain::lifecycle::State;
use handoff_store::Entry;
use serde_json::Value;

/// A decision as the events tell it.
#[derive(Debug, Clone)]
pub struct Decided {
    pub revision: u32,
    pub decision: Decision,
    /// What became of it.
    pub end: End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Held,
    Undone,
    Released,
}

/// What the events say.
#[derive(Debug, Clone)]
pub struct History {
    pub state: State,
    pub revision: u32,
    pub decided: Vec<Decided>,
    /// The revision in which System took the default.
    pub defaults: Vec<u32>,
    pub escalated: usize,
    pub undone: usize,
    pub regranted: usize,
    /// When the proposal in force came, as if its deadline had never stood still.
    began: DateTime<Utc>,
    /// Since when its deadline stands still, where it is decided.
    still_since: DateTime<Utc>,
    /// The last warning of it.
    warned: Option<DateTime<Utc>>,
    was_late: bool,
    allowed: bool,
}

/// Follows the events; `payload` gives the proposal of a revision.
pub fn follow(
    entries: &[Entry],
    payload: impl Fn(u32) -> Option<Value>,
) -> Result<History, String> {
    let first = entries.first().ok_or("it has no events")?;
    let mut history = History {
        state: State::Queued,
        revision: 1,
        decided: Vec::new(),
        defaults: Vec::new(),
        escalated: 0,
        undone: 0,
        regranted: 0,
        began: first.at,
        still_since: first.at,
        warned: None,
        was_late: false,
        allowed: false,
    };
    if first.kind != "submitted" {
        return Err(format!("it begins with {:?}", first.kind));
    }
    for entry in &entries[1..] {
        let before = history.state;
        history.event(entry, &payload).map_err(|why| {
            format!("{:?} while it was {before:?}: {why}\n{}", entry.kind, told(entries))
        })?;
    }
    Ok(history)
}

/// When what happened, a line each.
fn told(entries: &[Entry]) -> String {
    let line = |entry: &Entry| format!("    {} {}", entry.at.format("%T%.3f"), entry.kind);
    entries.iter().map(line).collect::<Vec<_>>().join("\n")
}

impl History {
    fn event(
        &mut self,
        entry: &Entry,
        payload: &impl Fn(u32) -> Option<Value>,
    ) -> Result<(), String> {
        use State::{Collected, Decided as Held, Queued, Ready, Reconciled, Released};
        let after: &[State] = match entry.kind.as_str() {
            // They are recorded behind what happened.
            "notified" | "not_notified" => return Ok(()),
            "ready" => &[Queued],
            "weighed_again" => &[Queued, Ready],
            "permit_used" => &[Released, Collected, Reconciled],
            "opened" | "reminded" | "snoozed" | "woken" | "warned" | "missed" | "escalated"
            | "alerted" | "manual_review" | "default_taken" | "default_allowed" | "decided"
            | "withdrawn" | "superseded" => &[Ready],
            "undone" | "released" => &[Held],
            "collected" => &[Released],
            "granted_again" | "report_put_off" | "unreported" => &[Collected],
            "reconciled" => &[Released, Collected],
            "revised" => &[Ready, Released, Collected],
            other => return Err(format!("{other:?} is no known event")),
        };
        if !after.contains(&self.state) {
            return Err("that cannot be".to_owned());
        }
        let proposal = || payload(self.revision).ok_or("its proposal is not there".to_owned());
        match entry.kind.as_str() {
            // Its time counts from its receipt: here nothing waits behind a flood.
            "ready" => self.state = Ready,
            "warned" => self.warned = Some(entry.at),
            "missed" => self.warned = None,
            "default_allowed" => self.allowed = true,
            "escalated" => {
                self.time_is_up(entry.at, &proposal()?, "escalate")?;
                self.escalated += 1;
                self.was_late = true;
            }
            "manual_review" if !self.was_late => {
                let kind = proposal()?["deadline"]["on_timeout"]["kind"].clone();
                let kind = kind.as_str().unwrap_or_default();
                if kind == "escalate" {
                    return Err("it was given up before it escalated".to_owned());
                }
                self.time_is_up(entry.at, &proposal()?, kind)?;
            }
            "default_taken" => {
                let proposal = proposal()?;
                self.time_is_up(entry.at, &proposal, "safe_default")?;
                if proposal["deadline"]["on_timeout"]["option"] != "look" && !self.allowed {
                    return Err("nobody allowed this default".to_owned());
                }
                self.defaults.push(self.revision);
                self.state = Released;
            }
            "decided" => {
                let decision = serde_json::from_value(entry.data["decision"].clone())
                    .map_err(|error| format!("its decision cannot be read: {error}"))?;
                let revision = self.revision;
                self.decided.push(Decided { revision, decision, end: End::Held });
                (self.state, self.still_since) = (Held, entry.at);
            }
            "undone" => {
                self.goes_on(entry.at);
                self.end(End::Undone);
                self.undone += 1;
                self.state = Ready;
            }
            "released" => {
                self.end(End::Released);
                self.state = Released;
            }
            "collected" => self.state = Collected,
            "granted_again" => self.regranted += 1,
            "reconciled" => self.state = Reconciled,
            "withdrawn" => self.state = State::Withdrawn,
            "superseded" => self.state = State::Superseded,
            "revised" => {
                self.revision += 1;
                if entry.data["revision"] != self.revision {
                    return Err(format!("it is not revision {}", self.revision));
                }
                (self.state, self.began) = (Ready, entry.at);
                (self.warned, self.was_late, self.allowed) = (None, false, false);
            }
            _ => {}
        }
        Ok(())
    }

    /// The deadline stood still until now, and with it what counts from its
    /// warning.
    fn goes_on(&mut self, at: DateTime<Utc>) {
        let stood = at - self.still_since;
        self.began += stood;
        self.warned = self.warned.map(|warned| warned + stood);
    }

    fn end(&mut self, end: End) {
        if let Some(last) = self.decided.last_mut() {
            last.end = end;
        }
    }

    /// Nothing happens by time before its time, nor without a warning that
    /// left its lead, or the grace where it came after the deadline.
    fn time_is_up(&self, at: DateTime<Utc>, proposal: &Value, kind: &str) -> Result<(), String> {
        let deadline = &proposal["deadline"];
        if deadline["on_timeout"]["kind"] != kind {
            return Err(format!("it should have been {}", deadline["on_timeout"]["kind"]));
        }
        let seconds = |name: &str| deadline[name].as_i64().map(TimeDelta::seconds);
        let span = seconds("respond_within_s").unwrap_or_default();
        let lead = seconds("warn_before_s")
            .unwrap_or_else(|| (span / 5).max(TimeDelta::minutes(1)).min(span / 2));
        let grace = seconds("grace_s").unwrap_or_default();
        // Instants are kept in milliseconds.
        let slack = TimeDelta::milliseconds(2);
        let warned = self.warned.ok_or("there was no warning")?;
        if at + slack < self.began + span {
            return Err(format!("{} early", self.began + span - at));
        }
        let by = self.began + span;
        let needed = if warned + lead <= by {
            lead
        } else if warned > by + slack {
            grace
        } else {
            lead.min(grace)
        };
        if at + slack < warned + needed {
            return Err(format!("{} after the warning, not {needed}", at - warned));
        }
        Ok(())
    }
}

#[test]
fn a_deadline_stands_still_while_it_is_decided_and_the_lead_counts_all_the_same() {
    let began: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().unwrap();
    let proposal = serde_json::json!({ "deadline": {
        "respond_within_s": 1, "grace_s": 2, "on_timeout": { "kind": "escalate" },
    }});
    let decision = serde_json::json!({ "decision": {
        "kind": "take_over", "by": "reviewer", "at": began,
    }});
    let escalated_after = |ms: i64| {
        let entry = |(kind, ms): (&str, i64)| Entry {
            at: began + TimeDelta::milliseconds(ms),
            actor: String::new(),
            kind: kind.to_owned(),
            data: decision.clone(),
        };
        // Half a second of lead; 1.2 s of standing still.
        let happened = [("submitted", 0), ("ready", 0), ("decided", 300), ("undone", 1500)];
        let then = [("warned", 1700), ("escalated", ms)];
        let entries: Vec<Entry> = happened.into_iter().chain(then).map(entry).collect();
        follow(&entries, |_| Some(proposal.clone()))
    };
    assert_eq!(escalated_after(2200).map(|history| history.escalated), Ok(1));
    assert!(escalated_after(2100).is_err(), "the lead was cut short");
}
