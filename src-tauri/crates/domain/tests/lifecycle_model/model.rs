//! The model: the table of CONTRACT §4, and whole seconds for time.

use handoff_domain::lifecycle::State;
use handoff_domain::payload::TimeoutKind;

const LEASE_S: i64 = 600;

/// What the walk can do next; the names are those of the contract.
#[derive(Debug, Clone, Copy)]
pub enum Move {
    Present,
    Open,
    /// Of the irreversible option, or of the other one; for this revision or an old one.
    Approve {
        irreversible: bool,
        current: bool,
    },
    Reject {
        revise: bool,
    },
    Undo,
    Release,
    Offer {
        lease: u8,
        holder: u8,
    },
    /// By the connection that was offered it, or another.
    Acknowledge {
        lease: u8,
        holder: u8,
    },
    Holder {
        holder: u8,
        present: bool,
    },
    Regrant,
    Report {
        applied: bool,
    },
    Withdraw,
    Supersede,
    Revise,
    Warn,
    TimeUp,
    Plan {
        remind: Option<i64>,
    },
    Remind,
    Snooze {
        by: i64,
    },
    Wake,
    Allow {
        allowed: bool,
        current: bool,
    },
    Alert {
        gives_up: bool,
    },
    GiveUp,
    /// Nobody looked for so long.
    Gap {
        of: i64,
    },
    /// The wall clock was set.
    Step {
        by: i64,
    },
}

/// The pauses of the reviewer's settings, in seconds.
pub const PAUSE_S: i64 = 50;
pub const EVERY_S: i64 = 300;
pub const ALERT_S: i64 = 150;

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Held {
    pub lease: u8,
    pub holder: u8,
    pub until: i64,
}

/// The model: what the contract says, in the plainest form.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "the plainest form")]
pub struct Model {
    pub state: State,
    pub revision: u32,
    pub kind: TimeoutKind,
    pub default_runs: bool,
    pub respond_by: i64,
    pub lead: i64,
    pub grace: i64,
    pub warned: Option<i64>,
    pub still_since: i64,
    pub irreversible: bool,
    pub wants_revision: bool,
    pub by_system: bool,
    pub offer: Option<Held>,
    pub held: Option<Held>,
    pub regranted: bool,
    pub applied: Option<bool>,
    pub escalated: bool,
    pub manual_review: bool,
    pub acknowledged: bool,
    pub snoozed: bool,
    pub allowed: bool,
    pub remind: Option<i64>,
    /// How many alerts there were, when the next is due, and whether there is none left.
    pub alerts: Option<(u32, i64, bool)>,
    /// The next alert is the last one once more.
    pub again: bool,
}

impl Model {
    /// Makes the move if the contract has it; else says that it has not.
    #[expect(clippy::too_many_lines, reason = "one arm a move")]
    pub fn make(&mut self, step: Move, now: i64) -> bool {
        let open = matches!(self.state, State::Queued | State::Ready);
        match step {
            Move::Present => {
                let may = self.state == State::Queued;
                if may {
                    self.respond_by += now - self.still_since;
                }
                self.go(may, State::Ready)
            }
            Move::Open => {
                let may = self.state == State::Ready;
                self.acknowledged |= may;
                if may && !self.snoozed {
                    self.remind = self.remind.map(|at| at.max(now + PAUSE_S));
                }
                may
            }
            Move::Approve { irreversible, current } => {
                let may = self.state == State::Ready && current;
                if may {
                    (self.irreversible, self.wants_revision, self.still_since) =
                        (irreversible, false, now);
                    self.by_system = false;
                }
                self.go(may, State::Decided)
            }
            Move::Reject { revise } => {
                let may = self.state == State::Ready;
                if may {
                    (self.irreversible, self.wants_revision, self.still_since) =
                        (false, revise, now);
                    self.by_system = false;
                }
                self.go(may, State::Decided)
            }
            Move::Undo => {
                let may = self.state == State::Decided;
                if may {
                    // The deadline stood still.
                    let still = now - self.still_since;
                    self.respond_by += still;
                    self.warned = self.warned.map(|warned| warned + still);
                    self.remind = self.remind.map(|at| at + still);
                    self.alerts = self.alerts.map(|(done, at, last)| (done, at + still, last));
                    let past = self.due().is_some_and(|due| due <= now);
                    if past && self.alerts.is_none() && !self.manual_review {
                        self.warned = None;
                    }
                    if let Some((_, at, last @ true)) = &mut self.alerts
                        && *at <= now
                        && !self.manual_review
                    {
                        (*at, *last, self.again) = (now, false, true);
                    }
                }
                self.go(may, State::Ready)
            }
            Move::Release => {
                (self.offer, self.held) = if self.state == State::Decided {
                    (None, None)
                } else {
                    (self.offer, self.held)
                };
                self.go(self.state == State::Decided, State::Released)
            }
            Move::Offer { lease, holder } => {
                self.offered(Held { lease, holder, until: now + LEASE_S }, now)
            }
            Move::Acknowledge { lease, holder } => self.acknowledged(lease, holder, now),
            Move::Holder { holder, present } => {
                let place = match self.state {
                    State::Released => &mut self.offer,
                    State::Collected if present && !self.regranted => &mut self.held,
                    _ => return true,
                };
                if let Some(held) = place.filter(|held| held.holder == holder) {
                    *place = present.then_some(Held { until: now + LEASE_S, ..held });
                }
                true
            }
            Move::Regrant => {
                let may = self.state == State::Collected
                    && self.held.is_some_and(|held| held.until <= now);
                self.regranted |= may;
                may
            }
            Move::Report { applied } => {
                if self.state == State::Reconciled {
                    return self.applied == Some(applied);
                }
                let may = matches!(self.state, State::Released | State::Collected);
                if may {
                    self.applied = Some(applied);
                }
                self.go(may, State::Reconciled)
            }
            Move::Withdraw => self.go(open, State::Withdrawn),
            Move::Supersede => self.go(open, State::Superseded),
            Move::Revise => self.revised(now),
            Move::Warn
            | Move::TimeUp
            | Move::Alert { .. }
            | Move::GiveUp
            | Move::Gap { .. }
            | Move::Step { .. } => self.by_time(step, now),
            Move::Plan { .. }
            | Move::Remind
            | Move::Snooze { .. }
            | Move::Wake
            | Move::Allow { .. } => self.asked(step, now),
        }
    }

    /// What time does.
    fn by_time(&mut self, step: Move, now: i64) -> bool {
        match step {
            Move::Warn => {
                let may = self.state == State::Ready && now >= self.respond_by - self.lead;
                if may {
                    self.warned = self.warned.or(Some(now));
                    (self.remind, self.snoozed) = (None, false);
                }
                may
            }
            Move::TimeUp => self.timed_out(now),
            Move::Alert { gives_up } => {
                let due = self.alerts.filter(|(_, at, last)| !last && *at <= now);
                let may = self.state == State::Ready && !self.manual_review && due.is_some();
                if let Some((done, ..)) = due.filter(|_| may) {
                    let again = std::mem::take(&mut self.again);
                    let least = if again { self.grace } else { 0 };
                    let done = done + u32::from(!again);
                    self.alerts = Some((done, now + ALERT_S.max(least), gives_up));
                }
                may
            }
            Move::GiveUp => {
                let due = self.alerts.is_some_and(|(_, at, last)| last && at <= now);
                let may = self.state == State::Ready && !self.manual_review && due;
                self.manual_review |= may;
                may
            }
            Move::Gap { of } => {
                let open = self.state == State::Ready && self.alerts.is_none();
                if open && self.due().is_some_and(|due| now - of < due && due <= now) {
                    self.warned = None;
                }
                let unseen = |at: i64| now - of < at && at <= now;
                let waits = self.state == State::Ready && !self.manual_review;
                if let Some((_, at, last @ true)) = self.alerts.as_mut().filter(|_| waits)
                    && unseen(*at)
                {
                    (*at, *last, self.again) = (now, false, true);
                }
                true
            }
            Move::Step { by } => {
                // All that was measured by the clock is measured on.
                let shift = |at: &mut i64| *at += by;
                shift(&mut self.respond_by);
                shift(&mut self.still_since);
                self.warned.iter_mut().for_each(shift);
                self.remind.iter_mut().for_each(shift);
                self.alerts.iter_mut().for_each(|(_, at, _)| shift(at));
                for held in [&mut self.offer, &mut self.held].into_iter().flatten() {
                    shift(&mut held.until);
                }
                true
            }
            _ => false,
        }
    }

    /// What the reviewer asks for before the deadline.
    fn asked(&mut self, step: Move, now: i64) -> bool {
        let ready = self.state == State::Ready;
        let calm = ready && self.warned.is_none() && self.alerts.is_none() && !self.manual_review;
        let warn_at = self.respond_by - self.lead;
        match step {
            Move::Plan { remind } => {
                let put_off = self.snoozed && self.remind.is_some_and(|at| at > now);
                if ready && !put_off {
                    self.remind = remind.map(|after| now + after);
                }
                ready
            }
            Move::Remind => {
                let may = calm && self.remind.is_some_and(|at| at <= now);
                if may {
                    (self.remind, self.snoozed, self.acknowledged) =
                        (Some(now + EVERY_S), false, false);
                }
                may
            }
            Move::Snooze { by } => {
                let until = (now + by).min(warn_at);
                let may = calm && until > now;
                if may {
                    (self.remind, self.snoozed) = (Some(until), true);
                }
                may
            }
            Move::Wake => {
                if ready {
                    (self.remind, self.snoozed) = (Some(now + EVERY_S), false);
                }
                ready
            }
            Move::Allow { allowed, current } => {
                let may = ready && current;
                self.allowed = if may { allowed } else { self.allowed };
                may
            }
            _ => false,
        }
    }

    /// From when on the deadline may act.
    fn due(&self) -> Option<i64> {
        let warned = self.warned?;
        Some((warned + self.least(warned)).max(self.respond_by))
    }

    /// The least time between a warning at that moment and what follows it: the
    /// lead, and the grace where the deadline had passed by then. One that was
    /// late and still in time leaves the shorter of the two.
    fn least(&self, warned: i64) -> i64 {
        if warned >= self.respond_by { self.grace } else { self.lead.min(self.grace) }
    }

    fn go(&mut self, may: bool, to: State) -> bool {
        if may {
            self.state = to;
        }
        may
    }

    fn offered(&mut self, lease: Held, now: i64) -> bool {
        let free = match self.state {
            State::Released => {
                self.offer.is_none_or(|offer| offer.until <= now || offer.holder == lease.holder)
            }
            State::Collected => {
                let lapsed = self.held.is_some_and(|held| held.until <= now);
                lapsed && (self.regranted || !self.irreversible)
            }
            _ => false,
        };
        if free && self.state == State::Released {
            self.offer = Some(lease);
        } else if free {
            self.held = Some(lease);
            self.regranted = false;
        }
        free
    }

    /// Whoever acknowledges it holds it from then on.
    fn acknowledged(&mut self, lease: u8, holder: u8, now: i64) -> bool {
        match self.state {
            State::Released if self.offer.is_some_and(|offer| offer.lease == lease) => {
                self.held = Some(Held { lease, holder, until: now + LEASE_S });
                (self.offer, self.regranted) = (None, false);
                self.go(true, State::Collected)
            }
            State::Collected => {
                let mine = self.held.as_mut().filter(|held| held.lease == lease);
                mine.is_some_and(|held| {
                    held.holder = holder;
                    true
                })
            }
            _ => false,
        }
    }

    fn revised(&mut self, now: i64) -> bool {
        let asked = matches!(self.state, State::Released | State::Collected) && self.wants_revision;
        let open = matches!(self.state, State::Queued | State::Ready);
        if open || asked {
            self.revision += 1;
            self.respond_by = now + 1000;
            (self.lead, self.grace, self.warned) = (200, 100, None);
            self.still_since = now;
            (self.escalated, self.manual_review) = (false, false);
            (self.acknowledged, self.snoozed, self.allowed) = (false, false, false);
            (self.remind, self.alerts, self.again) = (None, None, false);
        }
        let to = if self.state == State::Queued { State::Queued } else { State::Ready };
        self.go(open || asked, to)
    }

    fn timed_out(&mut self, now: i64) -> bool {
        if self.escalated || self.manual_review {
            return false;
        }
        let in_full = self.warned.is_some_and(|warned| now - warned >= self.least(warned));
        if self.state != State::Ready || now < self.respond_by || !in_full {
            return false;
        }
        match self.kind {
            TimeoutKind::Escalate => {
                self.escalated = true;
                self.alerts = Some((0, now, false));
            }
            TimeoutKind::SafeDefault if self.default_runs || self.allowed => {
                (self.irreversible, self.wants_revision, self.by_system) = (false, false, true);
                (self.offer, self.held) = (None, None);
                self.state = State::Released;
            }
            TimeoutKind::ManualReview | TimeoutKind::SafeDefault => self.manual_review = true,
        }
        true
    }
}
