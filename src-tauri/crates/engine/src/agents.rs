//! Who an agent is: a name is bound to a token at its first hello.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use handoff_domain::autonomy::Level;
use handoff_domain::decision::hex;
use handoff_domain::identity::{AGENT_NAME_LIMIT, is_agent_name};
use handoff_domain::integration::Integration;
use handoff_protocol::view::{AgentView, Change};
use handoff_protocol::wire::{ErrorCode, Hello, PROTOCOL, Welcome};
use handoff_store::{Agent, Write};
use sha2::{Digest as _, Sha256};

use crate::hub::Speaker;
use crate::{Desk, Failure, random_hex};

/// The shortest token that a newcomer may bring along, in characters: what
/// guards a name must not be guessed.
const TOKEN_MIN: usize = 32;

impl Desk {
    /// Binds a new name to the token it brings along, or else to one made here;
    /// a known name must give its own.
    ///
    /// A known one is let in by what can be read: while the database cannot be
    /// written it can still learn what was decided.
    pub(crate) async fn hello(self: &Arc<Self>, hello: Hello) -> Result<Welcome, Failure> {
        check_name(&hello.name)?;
        let now = self.now();
        if let Some(known) = self.store.read(|read| read.token_hash(&hello.name))? {
            check_known(&hello.name, hello.token.as_deref(), &known)?;
            let level = self.level_of(&hello.name)?;
            let welcome = welcome(hello.name.clone(), None, level);
            let desk = Arc::clone(self);
            tokio::spawn(async move {
                let Hello { name, framework, version, .. } = hello;
                let framework = Integration::kept(framework.as_deref());
                let seen = desk.store.write_soon(move |write| {
                    Ok(write.agent_seen(&name, framework.as_deref(), version.as_deref(), now)?)
                });
                match seen.await {
                    Ok(true) => desk.hub.tell(&Change::Status),
                    Ok(false) => {}
                    Err(failure) => log_unseen(&failure),
                }
            });
            return Ok(welcome);
        }
        let made = hello.token.is_none().then(|| random_hex(32));
        let name = hello.name.clone();
        let fresh = made.clone();
        // The level too in the change that binds: a name that is bound is answered
        // with its token, or the token is lost.
        let (bound, level) = self.watched(
            self.store
                .write(move |write| {
                    let bound = bind(write, &hello.name, hello.token.as_deref(), fresh, now)?;
                    let framework = Integration::kept(hello.framework.as_deref());
                    let version = hello.version.as_deref();
                    write.agent_seen(&hello.name, framework.as_deref(), version, now)?;
                    let level = write.read().levels(&hello.name, "")?.agent.at(now);
                    Ok((bound, level))
                })
                .await,
        )?;
        Ok(welcome(name, made.filter(|_| bound), level))
    }

    /// Records that an agent was there until now.
    pub(crate) async fn last_seen(&self, speaker: Speaker) {
        let now = self.now();
        let seen: Result<(), Failure> = self
            .store
            .write(move |write| {
                let Speaker { name, framework } = speaker;
                Ok(write.agent_left(&name, framework.as_deref(), now)?)
            })
            .await;
        if let Err(failure) = seen {
            log_unseen(&failure);
        }
    }

    pub(crate) fn agent_view(&self, agent: Agent) -> AgentView {
        AgentView {
            connected: self.hub.is_connected(&agent.name),
            name: agent.name,
            framework: agent.framework,
            version: agent.version,
            last_seen: agent.last_seen,
            handoffs: agent.handoffs,
            cold: agent.cold,
        }
    }
}

fn welcome(agent: String, token: Option<String>, level: Level) -> Welcome {
    Welcome { agent, token, level, protocol: PROTOCOL.to_owned() }
}

fn log_unseen(failure: &Failure) {
    tracing::warn!(error = failure.0.message, "an agent's last contact was not recorded");
}

/// Binds a new name to the token that was given, else to the fresh one; a known
/// name must have given its own. Says whether it was new.
pub(crate) fn bind(
    write: &Write<'_>,
    name: &str,
    given: Option<&str>,
    fresh: Option<String>,
    now: DateTime<Utc>,
) -> Result<bool, Failure> {
    match write.read().token_hash(name)? {
        None => {
            let token = given.or(fresh.as_deref()).unwrap_or_default();
            check_token(token)?;
            Ok(write.bind_agent(name, &hash(token), now)?)
        }
        Some(known) => check_known(name, given, &known).map(|()| false),
    }
}

fn check_known(name: &str, given: Option<&str>, known: &str) -> Result<(), Failure> {
    if given.map(hash).as_deref() == Some(known) {
        return Ok(());
    }
    Err(taken(name, given.is_some()))
}

pub(crate) fn check_name(name: &str) -> Result<(), Failure> {
    if is_agent_name(name) {
        Ok(())
    } else {
        Err(Failure::new(
            ErrorCode::InvalidParams,
            format!("{name:?} cannot be the name of an agent."),
            format!("Use 1 to {AGENT_NAME_LIMIT} of the characters A–Z, a–z, 0–9 and . _ : / -"),
        ))
    }
}

fn check_token(token: &str) -> Result<(), Failure> {
    if token.chars().count() >= TOKEN_MIN {
        return Ok(());
    }
    Err(Failure::new(
        ErrorCode::InvalidParams,
        format!("A new name's token needs at least {TOKEN_MIN} characters."),
        "Bring along a long random token, or none: then the desk makes one.",
    ))
}

fn taken(name: &str, wrong: bool) -> Failure {
    let given = if wrong { "another token" } else { "no token" };
    Failure::new(
        ErrorCode::Refused,
        format!("The name {name:?} is bound to a token, and {given} was given."),
        "Use the token from the first hello (the CLI keeps it in the desk's folder), or another name.",
    )
}

fn hash(token: &str) -> String {
    hex(&Sha256::digest(token))
}
