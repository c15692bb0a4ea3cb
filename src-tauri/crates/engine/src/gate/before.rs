//! A question that was asked before, under the same key.
//!
//! An answer that was lost may be asked for again. It is no standing leave: what
//! was recorded or reported since is over, and what was let run waits like any
//! other call where it would not be let run now.

use chrono::{DateTime, Utc};
use handoff_domain::gate::{Ground, Ran, Verdict, decide};
use handoff_domain::lifecycle::State;
use handoff_domain::rule::Rule;
use handoff_protocol::wire::{Checked, Gate};
use handoff_store::{CheckRow, StoreError};

use super::answer::{answer, no, over, taken_before};
use super::files::Copies;
use super::{Standing, Weighed};
use crate::{Desk, Failure, control};

/// What there is to say to a question that was asked before.
pub(super) enum Before {
    /// This, however things are now.
    Said(Box<Checked>),
    /// It was let run, and nobody has told that it was done.
    LetRun(LetRun),
    /// It is judged as if it were new.
    Open,
}

/// A call that was let run, and perhaps never heard of it.
pub(super) struct LetRun {
    answer: Checked,
    /// The rule by which it was let run, where it stands; it may be used up by it.
    pub rule: Option<Box<Rule>>,
    /// What was copied for it. The files may be changed by now.
    pub copies: Copies,
}

impl LetRun {
    /// The same answer, where it would still run, or why it waits; nothing where
    /// it has to be asked about now. `allowed` says that its rule covers it still.
    pub fn again(
        &self,
        allowed: bool,
        weighed: &Weighed,
        standing: &Standing,
        waits: &[String],
    ) -> Option<Checked> {
        let ground = standing.ground(weighed, waits);
        let verdict = decide(&Ground {
            // Its permit was used up by this very call.
            permit: ground.permit || self.answer.ran == Some(Ran::Permit),
            allowed: ground.allowed || allowed,
            ..ground
        });
        match verdict {
            Verdict::Run(_) => Some(standing.as_of_now(self.answer.clone())),
            Verdict::Held(held) if held.asks() => None,
            Verdict::Held(_) => Some(answer(verdict, weighed, standing, waits.to_vec())),
        }
    }
}

impl Desk {
    /// What was said to a question, and whether it is still so.
    pub(super) fn said_before(
        &self,
        before: &CheckRow,
        now: DateTime<Utc>,
    ) -> Result<Before, Failure> {
        let answer: Checked = serde_json::from_str(&before.answer).map_err(StoreError::from)?;
        let run = answer.verdict == Gate::Run;
        let said = |answer: Checked| Ok(Before::Said(Box::new(answer)));
        if answer.undoes.is_some() && run {
            return said(taken_before(answer));
        }
        if run && before.done {
            return said(over(answer, "it is recorded"));
        }
        if let Some(handoff) = &before.handoff {
            let Some((record, ..)) = self.load(handoff)? else { return Ok(Before::Open) };
            let denied = |why: String| Checked {
                verdict: Gate::Denied,
                why,
                ran: None,
                held: None,
                ..answer.clone()
            };
            match record.progress.state() {
                // Asked again, it is not what was let run before.
                State::Queued | State::Ready | State::Decided if run => return Ok(Before::Open),
                State::Queued | State::Ready | State::Decided => return said(answer),
                State::Withdrawn => return said(denied("The question was taken back.".to_owned())),
                State::Superseded => {
                    let why = "Another question took the place of this one.";
                    return said(denied(why.to_owned()));
                }
                state @ (State::Released | State::Collected | State::Reconciled) => {
                    if self.store.read(|read| control::done_by_hand(read, &record))? {
                        return said(denied("The reviewer did its step by hand.".to_owned()));
                    }
                    let decision = record.progress.phase.released_decision();
                    if let Some(why) = decision.and_then(|made| no(made, &before.hash)) {
                        return said(denied(why));
                    }
                    if run && state == State::Reconciled {
                        return said(over(answer, "it is reported on"));
                    }
                }
            }
        }
        // Else the permit decides, or another has used it.
        if !run {
            return Ok(Before::Open);
        }
        let (kept, rule) = self.store.read(|read| {
            let rule = before.rule.map(|id| read.rule(id)).transpose()?.flatten();
            Ok((read.kept_for(before.seq)?, rule))
        })?;
        let copies = if kept.is_empty() { Copies::NotAsked } else { Copies::Taken(kept) };
        let rule = rule.filter(|rule| rule.stands(now)).map(|row| Box::new(row.rule));
        Ok(Before::LetRun(LetRun { answer, rule, copies }))
    }
}
