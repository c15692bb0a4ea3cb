//! What tasks have done lately, kept in memory: a gate that reads five hundred
//! actions for every answer is too slow to be asked.
//!
//! The store is the truth. Each look adds what was recorded since; an action
//! that was recorded anew makes its task be read again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use handoff_domain::trace::{Call, MAX_CALLS};
use handoff_store::{Read, StoreError};
use serde_json::{Map, Value};

use crate::lock;

/// How many tasks are kept.
const TASKS: usize = 64;

/// The calls of a task, and the facts they found.
#[derive(Debug, Clone, Default)]
pub struct Remembered {
    /// Oldest first, at most [`MAX_CALLS`].
    pub calls: Arc<Vec<Call>>,
    /// The latest value of each fact.
    pub facts: Map<String, Value>,
    /// The place of the last of them in the store.
    last: i64,
}

#[derive(Debug, Default)]
pub struct Memory {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Counts what was forgotten: what was read before that is not kept.
    forgotten: u64,
    tasks: HashMap<(String, String), Arc<Remembered>>,
}

impl Memory {
    /// What a task has done lately, as of this snapshot.
    pub fn recall(
        &self,
        read: &Read<'_>,
        agent: &str,
        task: &str,
    ) -> Result<Arc<Remembered>, StoreError> {
        let key = (agent.to_owned(), task.to_owned());
        let (before, forgotten) = {
            let inner = lock(&self.inner);
            (inner.tasks.get(&key).cloned(), inner.forgotten)
        };
        let last = before.as_ref().map_or(0, |known| known.last);
        let fresh = read.calls_after(agent, task, last, limit())?;
        if let (Some(before), true) = (&before, fresh.is_empty()) {
            return Ok(Arc::clone(before));
        }
        // Taken out, so that adding to it copies nothing.
        drop(before);
        let taken = lock(&self.inner).tasks.remove(&key).filter(|known| known.last == last);
        let mut known = match taken {
            Some(known) => known,
            None if last == 0 => Arc::default(),
            // Somebody else has added to it meanwhile: read it whole.
            None => return self.recall(read, agent, task),
        };
        let remembered = Arc::make_mut(&mut known);
        let calls = Arc::make_mut(&mut remembered.calls);
        for (seq, call) in fresh {
            remembered.last = remembered.last.max(seq);
            remembered.facts.extend(call.facts.clone());
            calls.push(call);
        }
        let beyond = calls.len().saturating_sub(MAX_CALLS);
        calls.drain(..beyond);
        let mut inner = lock(&self.inner);
        if inner.forgotten == forgotten {
            if inner.tasks.len() >= TASKS && !inner.tasks.contains_key(&key) {
                inner.tasks.clear();
            }
            inner.tasks.insert(key, Arc::clone(&known));
        }
        Ok(known)
    }

    /// Reads a task again at the next look.
    pub fn forget(&self, agent: &str, task: &str) {
        let mut inner = lock(&self.inner);
        inner.forgotten += 1;
        inner.tasks.remove(&(agent.to_owned(), task.to_owned()));
    }
}

/// How many calls are remembered of a task.
pub fn limit() -> u32 {
    u32::try_from(MAX_CALLS).unwrap_or(u32::MAX)
}
