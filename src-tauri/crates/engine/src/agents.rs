//! Who an agent is: a name is bound to a token at its first hello.

use handoff_domain::decision::hex;
use handoff_protocol::view::AgentView;
use handoff_protocol::wire::{ErrorCode, Hello, PROTOCOL, Welcome};
use handoff_store::Agent;
use sha2::{Digest as _, Sha256};

use crate::{Desk, Failure, random_hex};

/// The longest name of an agent, in characters.
const NAME_LIMIT: usize = 100;

impl Desk {
    pub(crate) async fn hello(&self, hello: Hello) -> Result<Welcome, Failure> {
        check_name(&hello.name)?;
        let now = self.now();
        let token = random_hex(32);
        let new_hash = hash(&token);
        let name = hello.name.clone();
        let bound = self.watched(
            self.store
                .write(move |write| {
                    let known = write.read().token_hash(&hello.name)?;
                    let bound = match known {
                        None => write.bind_agent(&hello.name, &new_hash, now)?,
                        Some(known) => {
                            let given = hello.token.as_deref().map(hash);
                            if given.as_ref() != Some(&known) {
                                return Err(taken(&hello.name, given.is_some()));
                            }
                            false
                        }
                    };
                    let (framework, version) = (hello.framework, hello.version);
                    write.agent_seen(&hello.name, framework.as_deref(), version.as_deref(), now)?;
                    Ok(bound)
                })
                .await,
        )?;
        Ok(Welcome {
            agent: name,
            token: bound.then_some(token),
            level: "suggest".to_owned(),
            protocol: PROTOCOL.to_owned(),
        })
    }

    /// Records that an agent was there until now.
    pub(crate) async fn last_seen(&self, agent: String) {
        let now = self.now();
        let seen: Result<(), Failure> =
            self.store.write(move |write| Ok(write.agent_seen(&agent, None, None, now)?)).await;
        if let Err(failure) = seen {
            tracing::warn!(error = failure.0.message, "an agent's last contact was not recorded");
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

fn check_name(name: &str) -> Result<(), Failure> {
    let fits = (1..=NAME_LIMIT).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:/-".contains(&byte));
    if fits {
        Ok(())
    } else {
        Err(Failure::new(
            ErrorCode::InvalidParams,
            format!("{name:?} cannot be the name of an agent."),
            format!("Use 1 to {NAME_LIMIT} of the characters A–Z, a–z, 0–9 and . _ : / -"),
        ))
    }
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
