//! A call that the client's hook has asked for before it came here: the desk is asked
//! again under the hook's own key, and the reviewer is not.
//!
//! What the hook has noted permits nothing. It names a key; under it the desk says
//! `run` to exactly that call, until it is recorded, and only where it would let it
//! run still.

use std::time::Duration;

use handoff_domain::action::Effect;
use handoff_protocol::wire::{
    Check, Checked, Gate, Hello, Observer, Standing, TaskRef, Withdraw, method,
};
use handoff_transport::client::{Client, ClientError};
use handoff_transport::session::{Served, Session, served};

use super::Shared;
use super::call::Call;
use crate::asking::{copies, without_desk};

/// How long the desk may take to say what it has said before.
const SAID: Duration = Duration::from_secs(10);

impl Shared {
    /// What a call does that the client's hook has let go on, or why it is not made;
    /// nothing where no hook has.
    pub(super) fn let_by_hook(&self, call: &Call) -> Option<Result<Effect, String>> {
        let (id, agent) = self.way.session(call.meta.session());
        let session = Session { agent: agent?, id: id? };
        let name = served(&call.tool, &call.args, call.meta.call());
        let noted = session.take_served(&self.way.home, &name)?;
        let asked = self.ask_as_hook(call, &session, noted);
        Some(asked.unwrap_or_else(|error| Err(without_desk(&error.explained()))))
    }

    fn ask_as_hook(
        &self,
        call: &Call,
        session: &Session,
        noted: Served,
    ) -> Result<Result<Effect, String>, ClientError> {
        let hello = Hello {
            name: session.agent.clone(),
            framework: Some(noted.framework),
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            token: None,
            observer: Some(Observer::Gateway),
        };
        let (undo, files) = copies(&noted.tool, &call.args, noted.passed.cwd.as_deref());
        let check = Check {
            task: TaskRef::Id(session.task()),
            step: None,
            tool: noted.tool,
            args: call.args.clone(),
            key: noted.passed.key,
            effect: None,
            undo,
            files,
            cwd: noted.passed.cwd,
            reasoning: None,
            deadline: None,
            resume: None,
            editable: None,
        };
        let home = &self.way.home;
        let (mut client, answer) =
            Client::connect_calling::<_, Checked>(home, hello, method::CHECK, &check, SAID)?;
        let said = answer?;
        Ok(match said.verdict {
            Gate::Run => Ok(said.effect),
            Gate::Denied => Err(format!("The call was not made: {}", said.why)),
            Gate::Held => {
                // The hook waits for nothing any more: made again, the call is asked for there.
                if let Some(id) = said.handoff_id {
                    let reason = Some("The call that asked for it was not made.".to_owned());
                    client.call::<_, Standing>(method::WITHDRAW, &Withdraw { id, reason }).ok();
                }
                Err(format!("The call was not made: {} Make it again to ask for it.", said.why))
            }
        })
    }
}
