//! The floor under what an agent says of its options (CONTRACT §3): the call
//! that each leads to is weighed as the gate would weigh it now.
//!
//! It is for showing, sorting and confirming. Nothing may run by it: the gate
//! weighs again when the call is asked for.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use handoff_domain::action::Effect;
use handoff_domain::effect::Judged;
use handoff_domain::floor;
use handoff_domain::payload::{HandoffOption, Payload};
use handoff_protocol::wire::Check;
use handoff_store::{KnownTool, Read, Record, StoreError};
use serde_json::{Map, Value};

use super::files::Copies;
use super::weigh::Wanted;
use crate::{Desk, lock};

/// The most options whose calls are read; a person reads through fewer.
const MOST: usize = 50;

/// What is known around the calls of a handoff's options, on one snapshot.
pub(crate) struct Around {
    agent: String,
    task: String,
    /// What the agent's tools are, by name.
    tools: HashMap<String, Option<KnownTool>>,
    facts: Map<String, Value>,
    /// The folder in which the gate was asked.
    cwd: Option<String>,
    said: Said,
    copies: Copies,
    /// The desk itself proposes the calls, and runs them.
    own: bool,
    at: DateTime<Utc>,
}

/// Where the agent says what an option does.
#[derive(Clone, Copy)]
enum Said {
    /// In the option.
    There,
    /// When it asked the gate, if it did: the option is the desk's own word.
    AtTheGate(Option<Effect>),
}

impl Around {
    /// What the agent says that an option does, if it says anything.
    pub(crate) fn said_of(&self, option: &HandoffOption) -> Option<Effect> {
        match self.said {
            Said::There => Some(option.risk.effect),
            Said::AtTheGate(said) => said,
        }
    }
}

impl Desk {
    /// What is known around the options of a payload that is submitted.
    pub(crate) fn around(
        &self,
        read: &Read<'_>,
        agent: &str,
        payload: &Payload,
        at: DateTime<Utc>,
    ) -> Result<Around, StoreError> {
        let mut tools = HashMap::new();
        for option in payload.options.iter().take(MOST) {
            let Some(action) = &option.action else { continue };
            if !tools.contains_key(&action.tool) {
                tools.insert(action.tool.clone(), read.tool(agent, &action.tool)?);
            }
        }
        let ruled = lock(&self.rules).iter().next().is_some();
        let facts = if ruled && !tools.is_empty() {
            self.memory.recall(read, agent, &payload.task.id)?.facts.clone()
        } else {
            Map::new()
        };
        Ok(Around {
            agent: agent.to_owned(),
            task: payload.task.id.clone(),
            tools,
            facts,
            cwd: None,
            said: Said::There,
            copies: Copies::NotAsked,
            own: false,
            at,
        })
    }

    /// The same of one that is stored: as things are now, or were when it was
    /// decided.
    pub(crate) fn around_stored(
        &self,
        read: &Read<'_>,
        record: &Record,
        payload: &Payload,
    ) -> Result<Around, StoreError> {
        let decided = record.progress.phase.decision().map(|decision| decision.at);
        let at = decided.unwrap_or_else(|| self.now());
        let mut around = self.around(read, &record.agent, payload, at)?;
        around.own = read.is_draft(&record.id)?;
        if let Some(row) = read.check_of(&record.id)? {
            let asked: Check = serde_json::from_str(&row.asked)?;
            around.cwd = asked.cwd;
            around.said = Said::AtTheGate(asked.effect);
            let kept = read.kept_for(row.seq)?;
            if !kept.is_empty() {
                around.copies = Copies::Taken(kept);
            }
        }
        Ok(around)
    }

    /// What the call of each option was found to do, in their order.
    pub(crate) fn found_of(&self, around: &Around, payload: &Payload) -> Vec<Judged> {
        let one = |(place, option): (usize, &HandoffOption)| match &option.action {
            Some(_) if place >= MOST && !around.own => floor::unread(),
            Some(action) => self.found_call(around, option, &action.args),
            None => floor::declared(option),
        };
        payload.options.iter().enumerate().map(one).collect()
    }

    /// What the call of an option was found to do with these arguments.
    pub(crate) fn found_call(
        &self,
        around: &Around,
        option: &HandoffOption,
        args: &Map<String, Value>,
    ) -> Judged {
        let Some(action) = option.action.as_ref().filter(|_| !around.own) else {
            return floor::declared(option);
        };
        let wanted = Wanted {
            agent: &around.agent,
            task: &around.task,
            tool: &action.tool,
            args,
            claimed: around.said_of(option),
            undo: action.undo.as_ref(),
            cwd: around.cwd.as_deref(),
        };
        let tool = around.tools.get(&action.tool).and_then(Option::as_ref);
        let back = |reading: &_| wanted.has_way_back(reading, &around.copies, around.at);
        self.found(&wanted, tool, &around.facts, back, around.at).judged
    }
}
