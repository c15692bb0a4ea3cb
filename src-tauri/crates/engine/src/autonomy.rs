//! What the reviewer gives and takes, from the window alone: levels, pauses,
//! accepted tools, rules. Each is recorded, and counts from the next check on.

use chrono::{DateTime, TimeDelta, Utc};
use handoff_domain::autonomy::{Level, capped, level};
use handoff_domain::gate::Stop;
use handoff_domain::instruction::Instruction;
use handoff_domain::rule::Rule;
use handoff_protocol::view::{
    AcceptTools, AgentCard, AgentsView, Change, Pause, RuleRow, SetLevel, TaskCard, ToolView, Track,
};
use handoff_protocol::wire::ErrorCode;
use handoff_store::{Agent, KnownTool, Read, StoreError};
use serde_json::{Value, json};

use crate::gate::{entry, linked_folders, outdate};
use crate::news::{AGENT, TOOLS};
use crate::{Actor, Desk, Engine, Failure, connections, control};

/// How many open tasks of an agent are shown.
const TASKS: u32 = 50;

/// The longest time a level may be set for, in minutes: a month.
const MINUTES: u32 = 31 * 24 * 60;

impl Engine {
    /// The agents with all that the reviewer decides about them.
    pub fn agents(&self) -> Result<AgentsView, Failure> {
        let desk = &self.desk;
        let now = desk.now();
        let (paused, mut agents) = desk.store.read(|read| {
            let cards = read.agents()?.into_iter().map(|agent| card(read, agent, now));
            Ok((read.is_paused("", "")?, cards.collect::<Result<Vec<_>, StoreError>>()?))
        })?;
        for agent in &mut agents {
            agent.connected = desk.hub.is_connected(&agent.name);
            let open = desk.hub.connected_through(&agent.name);
            for way in &mut agent.connections {
                way.connected = open.contains(&way.framework);
            }
        }
        agents.sort_by_key(|agent| {
            let needs_you = agent.lowered.is_some() || agent.waiting > 0;
            (!needs_you, !agent.connected, std::cmp::Reverse(agent.last_seen))
        });
        Ok(AgentsView { paused, agents })
    }

    /// Sets how far an agent may go unasked, for all its work or for one task.
    pub async fn set_level(&self, set: SetLevel) -> Result<(), Failure> {
        let desk = &self.desk;
        let moment = desk.moment();
        until(&set, moment.at)?;
        desk.watched(
            desk.store
                .write(move |write| {
                    let now = moment.now(write)?;
                    let (agent, until) = (&set.agent, until(&set, now)?);
                    if write.read().agent(agent)?.is_none() {
                        return Err(no_such_agent(agent));
                    }
                    let task = set.task.as_deref().unwrap_or_default();
                    let present = write.read().levels(agent, task)?;
                    let Some(new) = set.level else {
                        write.clear_level(agent, task)?;
                        let data = json!({ "task": task, "level": null });
                        let entry = entry(Actor::Reviewer, "level_set", data, now);
                        return Ok(write.log_about(&format!("agent:{agent}"), &entry)?);
                    };
                    let before = if task.is_empty() {
                        present.agent
                    } else {
                        present.task.unwrap_or(present.agent)
                    };
                    let after = before.changed(new, until, now);
                    write.set_level(agent, task, after, None)?;
                    if task.is_empty() && new < before.at(now) {
                        for (task, own) in write.read().task_levels(agent)? {
                            write.set_level(agent, &task, capped(own, new), None)?;
                        }
                    }
                    let data = json!({ "task": task, "level": new, "until": until });
                    Ok(write.log_about(
                        &format!("agent:{agent}"),
                        &entry(Actor::Reviewer, "level_set", data, now),
                    )?)
                })
                .await,
        )?;
        desk.hub.tell(&Change::Status);
        self.retire_what_is_over();
        Ok(())
    }

    /// Whether everything is stopped.
    pub fn is_paused(&self) -> Result<bool, Failure> {
        Ok(self.desk.store.read(|read| read.is_paused("", ""))?)
    }

    /// Stops everything, an agent or a task, or lets it go on; whoever works
    /// there is told.
    pub async fn pause(&self, pause: Pause) -> Result<(), Failure> {
        let desk = &self.desk;
        let (now, connected) = (desk.now(), desk.hub.connected());
        let told = desk.watched(
            desk.store
                .write(move |write| {
                    let agent = pause.agent.as_deref().unwrap_or_default();
                    let task = pause.task.as_deref().unwrap_or_default();
                    if agent.is_empty() && !task.is_empty() {
                        return Err(Failure::new(
                            ErrorCode::InvalidParams,
                            "A task was named without its agent.",
                            "Name the agent too.",
                        ));
                    }
                    let (stop, about) = match (agent, task) {
                        ("", _) => (Stop::Everything, "desk".to_owned()),
                        (_, "") => (Stop::Agent, format!("agent:{agent}")),
                        _ => (Stop::Task, control::subject(agent, task)),
                    };
                    if write.read().stopped_at(agent, task)? == Some(Stop::TakenOver) {
                        return Err(Failure::conflict(
                            "The reviewer has taken this task over: its agent does nothing in it.",
                            "Give it back instead; nothing was changed.",
                        ));
                    }
                    if !write.pause(agent, task, pause.paused.then_some(stop), now)? {
                        return Ok(Vec::new());
                    }
                    let (kind, instruction) = if pause.paused {
                        ("paused", Instruction::Pause)
                    } else {
                        ("resumed", Instruction::Resume)
                    };
                    write.log_about(&about, &entry(Actor::Reviewer, kind, json!({}), now))?;
                    let mut working = if agent.is_empty() {
                        write.read().working()?
                    } else {
                        vec![agent.to_owned()]
                    };
                    if agent.is_empty() {
                        working.extend(connected);
                        if !pause.paused {
                            // Those who are told of the end were told of the beginning.
                            working.extend(write.read().told_to_pause()?);
                        }
                        working.sort_unstable();
                        working.dedup();
                    }
                    let mut told = Vec::new();
                    for name in working {
                        if control::instruct(write, &name, task, &instruction, now)? {
                            told.push(name);
                        }
                    }
                    Ok(told)
                })
                .await,
        )?;
        for agent in told {
            desk.hub.pending(&agent);
        }
        desk.hub.tell(&Change::Status);
        Ok(())
    }

    /// Accepts tools as they were shown: from now on their claims count.
    pub async fn accept_tools(&self, accept: AcceptTools) -> Result<(), Failure> {
        let desk = &self.desk;
        let (agent, now) = (accept.agent.clone(), desk.now());
        desk.watched(
            desk.store
                .write(move |write| {
                    for tool in &accept.tools {
                        let same = write.accept_tool(
                            &accept.agent,
                            &tool.name,
                            &tool.hash,
                            tool.effect,
                        )?;
                        if !same {
                            return Err(Failure::conflict(
                                format!("{:?} has changed since it was shown.", tool.name),
                                "Look at it again; nothing was accepted.",
                            ));
                        }
                        let data =
                            json!({ "tool": tool.name, "hash": tool.hash, "effect": tool.effect });
                        let entry = entry(Actor::Reviewer, "tool_accepted", data, now);
                        write.log_about(&format!("agent:{}", accept.agent), &entry)?;
                    }
                    Ok(outdate(write)?)
                })
                .await,
        )?;
        desk.weigh_again(Some(&agent));
        desk.retire(&format!("{TOOLS}{agent}"));
        desk.hub.tell(&Change::Status);
        Ok(())
    }

    /// The reviewer has looked at why an agent was lowered.
    pub async fn looked_at_agent(&self, agent: String) -> Result<(), Failure> {
        let desk = &self.desk;
        let (now, place) = (desk.now(), format!("{AGENT}{agent}"));
        desk.watched(
            desk.store
                .write(move |write| {
                    let present = write.read().levels(&agent, "")?;
                    if present.lowered.is_some() {
                        write.set_level(&agent, "", present.agent, None)?;
                        let entry = entry(Actor::Reviewer, "looked_at", json!({}), now);
                        write.log_about(&format!("agent:{agent}"), &entry)?;
                    }
                    Ok::<(), Failure>(())
                })
                .await,
        )?;
        desk.retire(&place);
        desk.hub.tell(&Change::Status);
        Ok(())
    }

    /// All rules, the latest first.
    pub fn rules(&self) -> Result<Vec<RuleRow>, Failure> {
        let now = self.desk.now();
        let rows = self.desk.store.read(|read| read.rules())?;
        Ok(rows
            .into_iter()
            .map(|row| RuleRow {
                covers: row.rule.preview(),
                active: row.is_active(now),
                id: row.id,
                used: row.used,
                last_used: row.last_used,
                made_at: row.made_at,
                revoked_at: row.revoked_at,
                rule: row.rule,
            })
            .collect())
    }

    /// Keeps a rule as the window sends it; says what names it.
    pub async fn add_rule(&self, rule: Rule) -> Result<i64, Failure> {
        refuse_inexact(&rule)?;
        self.keep_rule(rule).await
    }

    /// Keeps a rule that never left the desk, or came whole.
    pub(crate) async fn keep_rule(&self, rule: Rule) -> Result<i64, Failure> {
        let desk = &self.desk;
        let now = desk.now();
        refuse_faulty(&rule, now)?;
        refuse_links(&rule)?;
        let id = desk.watched(
            desk.store
                .write(move |write| {
                    let id = write.add_rule(&rule, now)?;
                    let data = json!({ "rule": rule });
                    let entry = entry(Actor::Reviewer, "rule_made", data, now);
                    write.log_about(&format!("rule:{id}"), &entry)?;
                    Ok::<i64, Failure>(id)
                })
                .await,
        )?;
        desk.read_rules()?;
        desk.hub.tell(&Change::Status);
        Ok(id)
    }

    /// Takes a rule back.
    pub async fn revoke_rule(&self, id: i64) -> Result<(), Failure> {
        let desk = &self.desk;
        let now = desk.now();
        desk.watched(
            desk.store
                .write(move |write| {
                    if write.revoke_rule(id, now)? {
                        let entry = entry(Actor::Reviewer, "rule_revoked", json!({}), now);
                        write.log_about(&format!("rule:{id}"), &entry)?;
                    }
                    Ok::<(), Failure>(())
                })
                .await,
        )?;
        desk.read_rules()?;
        desk.hub.tell(&Change::Status);
        Ok(())
    }
}

impl Desk {
    /// The level of an agent as a whole, for its hello.
    pub(crate) fn level_of(&self, agent: &str) -> Result<Level, Failure> {
        let set = self.store.read(|read| read.levels(agent, ""))?;
        Ok(set.agent.at(self.now()))
    }
}

fn until(set: &SetLevel, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, Failure> {
    match set.minutes {
        None => Ok(None),
        Some(minutes) if (1..=MINUTES).contains(&minutes) => {
            Ok(Some(now + TimeDelta::minutes(minutes.into())))
        }
        Some(minutes) => Err(Failure::new(
            ErrorCode::InvalidParams,
            format!("A level cannot be set for {minutes} minutes."),
            "Choose 1 minute to 31 days, or no end.",
        )),
    }
}

fn card(read: &Read<'_>, agent: Agent, now: DateTime<Utc>) -> Result<AgentCard, StoreError> {
    let set = read.levels(&agent.name, "")?;
    let tools: Vec<ToolView> = read.tools(&agent.name)?.into_iter().map(tool).collect();
    let waiting = tools.iter().filter(|tool| tool.accepted.is_none()).count();
    let tasks = read
        .open_tasks(&agent.name, TASKS)?
        .into_iter()
        .map(|row| {
            let own = read.levels(&agent.name, &row.task.id)?.task;
            Ok(TaskCard {
                level: level(set.agent, own, now),
                set: own,
                stopped: read.stop(&agent.name, &row.task.id)?,
                drafted: read.drafted_count(&agent.name, &row.task.id)?,
                changed_at: row.changed_at,
                id: row.task.id,
                title: row.task.title,
            })
        })
        .collect::<Result<_, StoreError>>()?;
    let counted = read.track(&agent.name)?;
    let heard_of = read.connections(&agent.name)?;
    let asks = counted.calls > 0;
    let (reaches, reach) = connections::reach(&heard_of, asks);
    Ok(AgentCard {
        level: set.agent.at(now),
        set: set.agent,
        lowered: set.lowered,
        paused: read.is_paused(&agent.name, "")?,
        connected: false,
        last_seen: agent.last_seen,
        framework: agent.framework,
        version: agent.version,
        waiting: u32::try_from(waiting).unwrap_or(u32::MAX),
        tools,
        tasks,
        track: Track {
            handoffs: agent.handoffs,
            cold: agent.cold,
            decisions: counted.decisions,
            overridden: counted.overridden,
            reversals: counted.undone,
            divergences: counted.divergences,
            calls: counted.calls,
            mandatory: counted.mandatory,
            discretionary: counted.discretionary,
        },
        undo_commands: read.undo_commands(&agent.name)?,
        reaches,
        reach,
        connections: heard_of.into_iter().map(|one| connections::view(one, asks)).collect(),
        name: agent.name,
    })
}

fn tool(tool: KnownTool) -> ToolView {
    let definition: Value = serde_json::from_str(&tool.definition).unwrap_or_default();
    let description = definition.get("description").and_then(Value::as_str).map(str::to_owned);
    let accepted = tool.in_force();
    ToolView {
        changed: tool.accepted.is_some() && accepted.is_none(),
        accepted,
        description,
        claimed: tool.claimed,
        name: tool.name,
        hash: tool.hash,
    }
}

/// Refuses a rule that could not be kept, with all that is wrong with it.
pub(crate) fn refuse_faulty(rule: &Rule, now: DateTime<Utc>) -> Result<(), Failure> {
    let faults = rule.fault(now);
    if faults.is_empty() {
        return Ok(());
    }
    let message = match faults.as_slice() {
        [only] => only.message.clone(),
        all => format!("The rule has {} faults.", all.len()),
    };
    let mut failure =
        Failure::new(ErrorCode::InvalidPayload, message, "Change the rule; nothing was kept.");
    failure.0.faults = faults;
    Err(failure)
}

/// Refuses a rule for a folder that is reached over a link: what that leads to
/// may be another one tomorrow.
fn refuse_links(rule: &Rule) -> Result<(), Failure> {
    let faults = linked_folders(rule);
    if faults.is_empty() { Ok(()) } else { Err(Failure::invalid(faults)) }
}

/// Refuses a rule from the window with a number that the window rounds.
pub(crate) fn refuse_inexact(rule: &Rule) -> Result<(), Failure> {
    let faults = rule.inexact();
    if faults.is_empty() {
        return Ok(());
    }
    let mut failure = Failure::invalid(faults);
    "Make the rule from the card; nothing was kept.".clone_into(&mut failure.0.hint);
    Err(failure)
}

pub(crate) fn no_such_agent(agent: &str) -> Failure {
    Failure::new(
        ErrorCode::NotFound,
        format!("There is no agent {agent:?}."),
        "It appears with its first hello.",
    )
}
