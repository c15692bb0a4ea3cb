//! The account of one handoff: what was acknowledged, and what a stopwatch
//! beside it shows. It knows neither the engine nor its clocks.

use std::time::Duration;

use handoff_domain::payload::TimeoutKind;

use crate::proposal::{Choice, Proposal};

/// How long a lease holds, in seconds.
const LEASE: i64 = 600;

/// Where it stands, for all that anybody was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Never acknowledged.
    Unknown,
    Ready,
    /// Until the hold is over, on the clock that stops in sleep.
    Decided {
        over_at: Duration,
        hold: Duration,
    },
    Released,
    Collected,
    Reconciled {
        applied: bool,
    },
    Withdrawn,
    Superseded,
}

/// Who may act on the decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub connection: usize,
    pub lease: String,
    pub acknowledged: bool,
    pub regranted: bool,
    pub age: i64,
    /// How much of that the machine slept while its holder was connected.
    pub slept: i64,
}

/// One handoff; all spans are in elapsed seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    pub agent: usize,
    pub key: String,
    pub id: String,
    pub proposals: Vec<Proposal>,
    pub stage: Stage,
    /// Until the deadline; stands still while decided.
    pub left: i64,
    /// How long the last warning is ago.
    pub warned: Option<i64>,
    /// Its time came while nobody watched, and it was not warned of since.
    pub missed: bool,
    /// The clock was set just before it was released: its times cannot be told.
    pub skewed: bool,
    pub allowed: bool,
    /// What the deadline has done.
    pub acted: bool,
    pub escalated: bool,
    pub manual: bool,
    pub choice: Option<Choice>,
    pub held: Option<Held>,
}

/// What somebody asks of a handoff.
#[derive(Debug, Clone, PartialEq)]
pub enum Ask {
    Submit(Proposal),
    /// The first proposal, once more.
    Replay,
    Withdraw,
    Supersede,
    Revise(Proposal),
    Report {
        applied: bool,
    },
    Decide {
        choice: Choice,
        revision: usize,
    },
    Undo,
    Open,
    Snooze(i64),
    Wake,
    Allow {
        allowed: bool,
        revision: usize,
    },
    Regrant,
    Acknowledge {
        connection: usize,
        lease: String,
    },
    /// The desk looks at its clocks.
    Tick,
    /// The desk warns of the deadline.
    Warn {
        /// The call hung: it was due before whatever has happened since.
        hung: bool,
    },
}

/// What counts at the moment something is asked.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    pub awake: Duration,
    pub hold: Duration,
}

impl Case {
    pub fn new(agent: usize, key: String, id: String) -> Self {
        Self {
            agent,
            key,
            id,
            proposals: Vec::new(),
            stage: Stage::Unknown,
            left: 0,
            warned: None,
            missed: false,
            skewed: false,
            allowed: false,
            acted: false,
            escalated: false,
            manual: false,
            choice: None,
            held: None,
        }
    }

    pub fn proposal(&self) -> &Proposal {
        &self.proposals[self.proposals.len() - 1]
    }

    /// The least time between a warning that is so long ago and what follows
    /// it: the lead, and the grace where the deadline had passed by then. One
    /// that was late and still in time leaves the shorter of the two.
    fn least(&self, ago: i64) -> i64 {
        let (lead, grace) = (self.proposal().lead(), self.proposal().grace());
        if self.left + ago <= 0 { grace } else { lead.min(grace) }
    }

    /// Whether the deadline may act.
    pub fn is_due(&self) -> bool {
        let warned = self.warned.is_some_and(|ago| ago >= self.least(ago));
        self.stage == Stage::Ready && !self.acted && !self.missed && warned && self.left <= 0
    }

    /// Whether something is still to come by time alone.
    pub fn waits(&self) -> bool {
        self.stage == Stage::Ready && !self.manual || matches!(self.stage, Stage::Decided { .. })
    }

    /// Whether its warning is due and was not given.
    pub fn lacks_a_warning(&self) -> bool {
        let waits = self.stage == Stage::Ready && !self.acted && !self.skewed;
        waits && self.left <= self.proposal().lead() && (self.warned.is_none() || self.missed)
    }

    /// Time passes: watched, or while the machine sleeps or the desk is off.
    pub fn elapse(&mut self, seconds: i64, watched: bool) {
        if self.stage == Stage::Unknown {
            return;
        }
        let due = self.is_due();
        if self.stage == Stage::Ready {
            self.left -= seconds;
            self.warned = self.warned.map(|ago| ago + seconds);
        }
        if let Some(held) = &mut self.held {
            held.age += seconds;
        }
        self.missed |= !watched && !due && self.is_due();
    }

    /// The machine slept. Nobody could renew the lease of a holder who is
    /// connected, and so that time takes nothing from it.
    pub fn slept(&mut self, seconds: i64, connected: &[usize]) {
        let there = |held: &&mut Held| connected.contains(&held.connection) && !held.regranted;
        if let Some(held) = self.held.as_mut().filter(there) {
            held.slept += seconds;
        }
    }

    /// The wall clock is set: only a date comes closer, or moves away.
    pub fn stepped(&mut self, by: i64) {
        if self.stage == Stage::Unknown || self.proposal().date.is_none() {
            return;
        }
        let due = self.is_due();
        let was_late = self.warned.is_some_and(|ago| self.left + ago <= 0);
        if by < 0 && was_late && !self.acted {
            // It told of a deadline that had not passed after all.
            self.warned = None;
        }
        self.left -= by;
        self.missed = (self.missed && self.left <= 0) || (!due && self.is_due());
    }

    /// The desk has started again.
    pub fn restarted(&mut self, awake: Duration) {
        if let Stage::Decided { hold, .. } = self.stage {
            self.stage = Stage::Decided { over_at: awake + hold, hold };
        }
        self.held = self.held.take().filter(|held| held.acknowledged);
    }

    /// What may have become of it once the desk has looked at its clocks.
    pub fn ticked(&self, moment: Moment) -> Vec<Self> {
        let mut next = self.clone();
        if let Stage::Decided { over_at, .. } = self.stage
            && over_at <= moment.awake
        {
            (next.stage, next.held) = (Stage::Released, None);
            return vec![next];
        }
        let perhaps = self.skewed && self.stage == Stage::Ready && !self.acted;
        if perhaps && self.warned.is_some() {
            return vec![next, self.timed_out()];
        }
        if self.is_due() {
            next = self.timed_out();
        }
        if next.escalated && !next.manual && next.stage == Stage::Ready {
            // How many alerts there are is the reviewer's to set.
            return vec![next.clone(), Self { manual: true, ..next }];
        }
        vec![next]
    }

    fn timed_out(&self) -> Self {
        let mut next = Self { acted: true, ..self.clone() };
        match (self.proposal().kind, self.proposal().default) {
            (TimeoutKind::Escalate, _) => next.escalated = true,
            (TimeoutKind::SafeDefault, Some(option))
                if option == "keep" || option == "move" && self.allowed =>
            {
                next.stage = Stage::Released;
                next.choice = Some(Choice::Default(option));
                next.held = None;
            }
            (TimeoutKind::SafeDefault | TimeoutKind::ManualReview, _) => next.manual = true,
        }
        next
    }

    /// What becomes of it by what was asked and how that was answered; nothing
    /// where it should have been answered otherwise.
    pub fn asked(&self, ask: &Ask, done: bool, moment: Moment) -> Vec<Self> {
        let mut next = self.clone();
        let ready = self.stage == Stage::Ready;
        let known = self.stage != Stage::Unknown;
        let out = matches!(self.stage, Stage::Released | Stage::Collected);
        let may = match ask {
            Ask::Tick => return self.ticked(moment),
            Ask::Warn { hung } => {
                let due = self.skewed || *hung || ready && self.left <= self.proposal().lead();
                (next.warned, next.missed) = (Some(0), false);
                ready && due
            }
            Ask::Submit(proposal) => {
                if known {
                    self.proposals.contains(proposal)
                } else {
                    next.propose(proposal.clone());
                    true
                }
            }
            Ask::Replay => known,
            // It may be answered while it is opened, which is no harm.
            Ask::Open if known => return vec![next],
            Ask::Open => false,
            Ask::Withdraw => {
                next.stage = Stage::Withdrawn;
                ready
            }
            Ask::Supersede => {
                next.stage = Stage::Superseded;
                ready
            }
            Ask::Revise(proposal) => {
                next.propose(proposal.clone());
                ready || (out && self.choice == Some(Choice::Revise))
            }
            Ask::Report { applied } => {
                let again = self.stage == Stage::Reconciled { applied: *applied };
                next.stage = Stage::Reconciled { applied: *applied };
                out || again
            }
            Ask::Decide { choice, revision } if self.choice.is_none() => {
                let over_at = moment.awake + moment.hold;
                next.stage = Stage::Decided { over_at, hold: moment.hold };
                next.choice = Some(*choice);
                ready && *revision == self.proposals.len()
            }
            Ask::Decide { choice, revision } => {
                self.choice == Some(*choice) && *revision == self.proposals.len()
            }
            Ask::Undo => {
                (next.stage, next.choice) = (Stage::Ready, None);
                matches!(self.stage, Stage::Decided { .. })
            }
            Ask::Snooze(_) if ready => return vec![next],
            Ask::Snooze(_) => false,
            Ask::Wake => ready,
            Ask::Allow { allowed, revision } => {
                next.allowed = *allowed;
                ready && *revision == self.proposals.len()
            }
            Ask::Regrant => {
                let lapsed = next.held.as_mut().is_some_and(|held| {
                    let lapsed = held.age - held.slept >= LEASE || (self.skewed && done);
                    held.regranted = true;
                    lapsed && held.acknowledged
                });
                // A sleep gives a holder who is there at least what it took.
                let renewed = self.held.as_ref().is_some_and(|held| held.slept > 0);
                if (self.skewed || renewed) && !done {
                    return vec![self.clone()];
                }
                self.stage == Stage::Collected && lapsed
            }
            Ask::Acknowledge { connection, lease } => {
                let mine = next
                    .held
                    .as_mut()
                    .filter(|held| held.connection == *connection && held.lease == *lease);
                let may = out && mine.is_some();
                if let Some(held) = mine.filter(|held| !held.acknowledged) {
                    (held.acknowledged, held.age, held.slept) = (true, 0, 0);
                    next.stage = Stage::Collected;
                }
                may
            }
        };
        match (may, done) {
            (true, true) => vec![next],
            (false, false) => vec![self.clone()],
            (true, false) | (false, true) => Vec::new(),
        }
    }

    /// What may have become of it by all of these, whichever came first.
    pub fn asked_all(&self, asks: &[(Ask, bool)], moment: Moment) -> Vec<Self> {
        if asks.is_empty() {
            return vec![self.clone()];
        }
        let mut may = Vec::new();
        for first in 0..asks.len() {
            let mut rest = asks.to_vec();
            let (ask, done) = rest.remove(first);
            for next in self.asked(&ask, done, moment) {
                may.extend(next.asked_all(&rest, moment));
            }
        }
        may
    }

    fn propose(&mut self, proposal: Proposal) {
        let proposals = [std::mem::take(&mut self.proposals), vec![proposal]].concat();
        let fresh = Self::new(self.agent, self.key.clone(), self.id.clone());
        let left = proposals[proposals.len() - 1].within;
        *self = Self { proposals, stage: Stage::Ready, left, ..fresh };
    }

    /// A connection was answered that it is the one to act.
    pub fn granted(&mut self, connection: usize, lease: String) -> Result<(), String> {
        if let Some(held) = &self.held {
            let lapsed = held.age - held.slept >= LEASE || self.skewed;
            let free = if held.acknowledged {
                lapsed && (held.regranted || !self.choice.is_some_and(Choice::is_irreversible))
            } else {
                lapsed || held.connection == connection
            };
            if !free {
                return Err(format!("connection {connection} may act, and so may {held:?}"));
            }
        }
        let acknowledged = self.stage == Stage::Collected;
        self.held =
            Some(Held { connection, lease, acknowledged, regranted: false, age: 0, slept: 0 });
        Ok(())
    }

    /// A connection is gone; what it never acknowledged is free again.
    pub fn hung_up(&mut self, connection: usize) {
        let gone = |held: &Held| !held.acknowledged && held.connection == connection;
        self.held = self.held.take().filter(|held| !gone(held));
    }

    /// Whether a waiting agent must have been told by now.
    pub fn is_news(&self) -> bool {
        match self.stage {
            Stage::Unknown | Stage::Decided { .. } => false,
            Stage::Ready => self.manual,
            Stage::Released
            | Stage::Collected
            | Stage::Reconciled { .. }
            | Stage::Withdrawn
            | Stage::Superseded => true,
        }
    }
}
