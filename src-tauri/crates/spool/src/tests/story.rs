//! A story of clients and a desk, and what everybody was told in it.

use std::path::Path;

use super::platter::Seed;
use super::{entry, now, watch};
use crate::{Entry, Put, Spool, SpoolError, Taken, Unreadable, Withdrawn};

/// That somebody was told something, after so many changes of the disk.
#[derive(Debug, Clone)]
pub struct Fact {
    pub after: usize,
    pub what: What,
}

#[derive(Debug, Clone)]
pub enum What {
    /// An agent: its handoff is safe.
    Accepted { id: String, text: String },
    /// An agent: it is taken back.
    Withdrawn { id: String },
    /// Nobody, but the desk has it in its database from now on.
    Stored { id: String, text: String, withdrawn: bool },
    /// The reviewer: a file was set aside.
    SetAside { id: String },
}

/// Clients and a desk at work.
pub struct Story {
    spool: Spool,
    seed: Seed,
    facts: Vec<Fact>,
    errors: Vec<String>,
}

const KEYS: usize = 4;

impl Story {
    pub fn new(home: &Path, seed: u64) -> Self {
        Self { spool: Spool::of(home), seed: Seed(seed), facts: Vec::new(), errors: Vec::new() }
    }

    /// So many steps.
    pub fn goes_on(&mut self, steps: usize) {
        for _ in 0..steps {
            let key = format!("k-{}", self.seed.below(KEYS));
            let outcome = match self.seed.below(8) {
                0..4 => self.client_puts(&key),
                4 => self.client_withdraws(&key),
                5 | 6 => self.desk_takes_up(),
                _ => self.desk_refuses(),
            };
            self.errors.extend(outcome.err().map(|error| error.to_string()));
        }
    }

    /// What was told, and the errors that were told.
    pub fn facts(self) -> (Vec<Fact>, Vec<String>) {
        (self.facts, self.errors)
    }

    fn told(&mut self, what: What) {
        self.facts.push(Fact { after: watch::count(), what });
    }

    fn client_puts(&mut self, key: &str) -> Result<(), SpoolError> {
        let given = entry(key, "a text that is long enough to be torn somewhere");
        let id = given.id().expect("an id");
        let put = match self.spool.put(&given) {
            // A call that failed left a file that its client does not trust.
            Err(SpoolError::Damaged { why, .. }) => panic!("{why}"),
            other => other?,
        };
        let text = match put {
            Put::New => given.handoff.get().to_owned(),
            Put::Known(known) => known.handoff.get().to_owned(),
        };
        self.told(What::Accepted { id, text });
        Ok(())
    }

    fn client_withdraws(&mut self, key: &str) -> Result<(), SpoolError> {
        let id = entry(key, "").id().expect("an id");
        let Some(found) = self.spool.find(&id)? else { return Ok(()) };
        if found.withdrawn.is_none() {
            self.spool.withdraw(&found, Withdrawn { at: now(), reason: None })?;
            self.told(What::Withdrawn { id });
        }
        Ok(())
    }

    fn desk_takes_up(&mut self) -> Result<(), SpoolError> {
        if !self.spool.has_any() {
            return Ok(());
        }
        for one in self.spool.take()? {
            let (id, found) = read(&one);
            let (text, withdrawn) = (found.handoff.get().to_owned(), found.withdrawn.is_some());
            self.told(What::Stored { id, text, withdrawn });
            self.spool.done(&one)?;
        }
        self.spool.settle()
    }

    fn desk_refuses(&mut self) -> Result<(), SpoolError> {
        let Some(one) = self.spool.take()?.into_iter().next() else { return Ok(()) };
        let (id, _) = read(&one);
        self.spool.set_aside(&one, "A reason.")?;
        self.told(What::SetAside { id });
        Ok(())
    }
}

/// What the desk has claimed must be whole.
pub fn read(one: &Taken) -> (String, Entry) {
    match one.read() {
        Ok(found) => (found.id().expect("an id"), found),
        Err(Unreadable::Damaged(why)) => panic!("half a file was taken up: {why}"),
        Err(other) => panic!("{other:?}"),
    }
}
