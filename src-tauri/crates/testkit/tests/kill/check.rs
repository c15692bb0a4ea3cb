//! Whether the desk keeps what it has acknowledged. What a kill has left is
//! looked at in a copy, so that looking mends nothing.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use handoff_domain::decision::{Answer, Decider, Decision, fingerprint};
use handoff_domain::lifecycle::Phase;
use handoff_spool::Spool;
use handoff_store::{Files, Page, Read, Record, Store, StoreError};
use handoff_transport::home::Home;
use serde_json::Value;

use crate::calls::{CALLER, Told};
use crate::events::{self, Decided, End, History};
use crate::ledger::Known;
use crate::reviewer::{Note, Stage, Verb};

/// How much was found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    pub handoffs: usize,
    pub spooled: usize,
    pub decided: usize,
    pub released: usize,
    pub undone: usize,
    pub regranted: usize,
    pub escalated: usize,
    pub defaults: usize,
    pub leases: usize,
    pub reports: usize,
    pub let_through: usize,
    pub recorded: usize,
}

/// Holds what agents (`known`, `calls`) and the reviewer (`notes`) were told against
/// what a desk that does not run any more has left.
pub fn check(
    home: &Home,
    known: &BTreeMap<String, Known>,
    calls: &Told,
    notes: &Path,
) -> (Count, Vec<String>) {
    let copy = tempfile::tempdir().unwrap();
    let path = copy.path().join("desk.db");
    let original = home.database();
    fs::copy(&original, &path).unwrap();
    let log = |database: &Path| {
        let mut name = database.as_os_str().to_owned();
        name.push("-wal");
        name
    };
    if Path::new(&log(&original)).exists() {
        fs::copy(log(&original), log(&path)).unwrap();
    }
    let mut faults = Vec::new();
    let (head, copied) = (Files::of(&original).head(), Files::of(&path));
    if head.exists() {
        fs::copy(head, copied.head()).unwrap();
        match handoff_store::verify(&copied) {
            Ok(verified) => {
                faults.extend(verified.broken.map(|broken| format!("the audit log: {broken:?}")));
            }
            Err(error) => faults.push(format!("the audit log cannot be read: {error}")),
        }
    }
    let store = match Store::open(&path) {
        Ok(store) => store,
        Err(error) => return (Count::default(), vec![format!("it does not open: {error}")]),
    };
    faults.extend(integrity(&path));
    let notes = by_handoff(notes, &mut faults);
    let none = Vec::new();
    let spool = Spool::of(home.root());
    let count = store.read(|read| {
        let mut count = Count::default();
        let (rows, _) = read.page(&Page { limit: u32::MAX, ..Page::default() })?;
        let mut records: HashMap<String, Record> =
            rows.into_iter().map(|row| (row.record.id.clone(), row.record)).collect();
        for (id, known) in known {
            let Some(record) = records.remove(id) else {
                let waits = known.spooled && matches!(spool.find(id), Ok(Some(_)));
                if known.met || (known.is_acknowledged() && !waits) {
                    faults.push(format!("{id} is lost"));
                }
                continue;
            };
            let notes = notes.get(id).unwrap_or(&none);
            let mut case = Case { read, id, record, known, notes, count: &mut count };
            if let Err(fault) = case.check() {
                faults.push(format!("{id}: {fault}"));
            }
        }
        let (asked, others): (HashMap<_, _>, HashMap<_, _>) =
            records.into_iter().partition(|(_, record)| record.agent == CALLER);
        faults.extend(calls.check(read, &asked, &mut count));
        faults.extend(others.keys().map(|id| format!("{id} was never asked for")));
        Ok(count)
    });
    match count {
        Ok(count) => (count, faults),
        Err(error) => {
            faults.push(format!("it cannot be read: {error}"));
            (Count::default(), faults)
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "to look at a copy")]
fn integrity(path: &Path) -> Option<String> {
    let connection = rusqlite::Connection::open(path).unwrap();
    let word: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    let dangling = connection.prepare("PRAGMA foreign_key_check").unwrap().exists([]).unwrap();
    (word != "ok" || dangling).then(|| format!("the database is damaged: {word}"))
}

/// The reviewer's notes; the last line of a desk that was killed may be torn.
fn by_handoff(path: &Path, faults: &mut Vec<String>) -> HashMap<String, Vec<Note>> {
    let mut notes: HashMap<String, Vec<Note>> = HashMap::new();
    for line in fs::read_to_string(path).unwrap_or_default().lines() {
        let Ok(note) = serde_json::from_str::<Note>(line) else { continue };
        if let Stage::Fault(why) = &note.stage {
            faults.push(format!("{}: to {:?} it failed: {why}", note.id, note.verb));
        }
        notes.entry(note.id.clone()).or_default().push(note);
    }
    notes
}

struct Case<'a> {
    read: &'a Read<'a>,
    id: &'a str,
    record: Record,
    known: &'a Known,
    notes: &'a [Note],
    count: &'a mut Count,
}

impl Case<'_> {
    fn check(&mut self) -> Result<(), String> {
        let payloads = self.proposals()?;
        let entries = self.read.entries(self.record.seq).map_err(|error| error.to_string())?;
        let history = events::follow(&entries, |revision| payloads.get(&revision).cloned())?;
        let progress = &self.record.progress;
        if (history.state, history.revision) != (progress.state(), progress.revision) {
            return Err(format!("its events end elsewhere: {history:?} {progress:?}"));
        }
        self.decisions(&history)?;
        self.what_the_agent_knows(&history)?;
        let count = &mut *self.count;
        count.handoffs += 1;
        count.spooled += usize::from(self.known.spooled);
        count.decided += history.decided.len();
        let released = history.decided.iter().filter(|decided| decided.end == End::Released);
        count.released += released.count();
        count.undone += history.undone;
        count.regranted += history.regranted;
        count.escalated += history.escalated;
        count.defaults += history.defaults.len();
        count.leases += self.known.leases.len();
        count.reports += usize::from(self.known.report.is_some());
        Ok(())
    }

    /// Every proposal is one that was asked for, and every acknowledged one is
    /// there under its revision.
    fn proposals(&self) -> Result<BTreeMap<u32, Value>, String> {
        let words = |error: StoreError| error.to_string();
        let mut payloads = BTreeMap::new();
        for revision in 1..=self.record.progress.revision {
            let text = self.read.payload(self.record.seq, revision).map_err(words)?;
            let text = text.ok_or_else(|| format!("proposal {revision} is lost"))?;
            let payload: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
            let hash = fingerprint(&payload);
            if !self.known.asked.contains(&hash) {
                return Err(format!("proposal {revision} was never made"));
            }
            if self.known.proposals.get(&revision).is_some_and(|told| *told != hash) {
                return Err(format!("proposal {revision} is not the one acknowledged"));
            }
            payloads.insert(revision, payload);
        }
        if let Some((revision, _)) = self.known.proposals.last_key_value()
            && !payloads.contains_key(revision)
        {
            return Err(format!("proposal {revision} is lost"));
        }
        if self.record.agent != self.known.agent {
            return Err(format!("it belongs to {}", self.record.agent));
        }
        Ok(payloads)
    }

    /// Every decision is one that the reviewer asked for, and every
    /// acknowledged one is there, once, the same.
    fn decisions(&self, history: &History) -> Result<(), String> {
        let mut seen: HashMap<&str, &Decided> = HashMap::new();
        for decided in &history.decided {
            let nonce = decided.decision.message.as_ref().map(|message| message.text.as_str());
            let nonce = nonce.ok_or("a decision is not the reviewer's")?;
            if seen.insert(nonce, decided).is_some() {
                return Err(format!("decision {nonce} is there twice"));
            }
            let asked = self.notes.iter().find(|note| {
                note.nonce == nonce && note.verb == Verb::Decide && note.stage == Stage::Asked
            });
            let asked = asked.ok_or_else(|| format!("decision {nonce} was never made"))?;
            let answer = asked.answer.as_ref().ok_or("a decision was asked without an answer")?;
            if asked.revision != decided.revision || !says(&decided.decision, answer) {
                return Err(format!("decision {nonce} has changed: {answer:?}, now {decided:?}"));
            }
        }
        for note in self.notes.iter().filter(|note| note.verb == Verb::Decide) {
            let there = seen.contains_key(note.nonce.as_str());
            if note.stage == Stage::Acknowledged && !there {
                return Err(format!("decision {} is lost", note.nonce));
            }
            if matches!(note.stage, Stage::Refused(_)) && there {
                return Err(format!("decision {} was refused, and made", note.nonce));
            }
        }
        for (verb, found) in [(Verb::Undo, history.undone), (Verb::Regrant, history.regranted)] {
            let of = |stage: Stage| {
                self.notes.iter().filter(|note| note.verb == verb && note.stage == stage).count()
            };
            let (told, asked) = (of(Stage::Acknowledged), of(Stage::Asked));
            // To give a lease free that is free already changes nothing.
            let enough = if verb == Verb::Undo { told <= found } else { told == 0 || found > 0 };
            if !enough || found > asked {
                return Err(format!(
                    "{verb:?}: asked {asked}, told {told}, is lost or doubled: {found}"
                ));
            }
        }
        Ok(())
    }

    fn what_the_agent_knows(&self, history: &History) -> Result<(), String> {
        let phase = &self.record.progress.phase;
        if self.known.withdrawn && !matches!(phase, Phase::Withdrawn { .. }) {
            return Err("its withdrawal is lost".to_owned());
        }
        if let Some(report) = &self.known.report
            && phase.report() != Some(report)
        {
            return Err("its report is lost".to_owned());
        }
        for (revision, told) in &self.known.decisions {
            let of_revision: Vec<&Decided> =
                history.decided.iter().filter(|one| one.revision == *revision).collect();
            let there = match told.by {
                Decider::System => history.defaults.contains(revision),
                Decider::Reviewer => {
                    of_revision.iter().any(|one| one.end == End::Released && one.decision == *told)
                }
            };
            let releases = of_revision.iter().filter(|one| one.end == End::Released).count()
                + history.defaults.iter().filter(|default| *default == revision).count();
            if !there || releases != 1 {
                return Err(format!(
                    "what the agent was told of revision {revision} is lost or doubled: {told:?}"
                ));
            }
        }
        let again = self.known.leases.iter().filter(|held| held.irreversible).count();
        if again > history.regranted + self.known.decisions.len().max(1) {
            return Err(format!("{} may act again, and nobody allowed it", self.id));
        }
        Ok(())
    }
}

/// Whether a decision is this answer.
fn says(decision: &Decision, answer: &Answer) -> bool {
    match answer {
        Answer::Approve { option } => {
            decision.option.as_ref() == Some(option) && decision.args.is_some()
        }
        Answer::Modify { option, args } => {
            decision.option.as_ref() == Some(option) && decision.args.as_ref() == Some(args)
        }
        Answer::Inform { text, facts, .. } => {
            decision.text.as_ref() == Some(text) && decision.facts == *facts
        }
        Answer::Reject { reason, then } => {
            decision.reason.as_ref() == Some(reason) && decision.then == Some(*then)
        }
        Answer::TakeOver { note } => decision.note.as_ref() == Some(note),
    }
}
