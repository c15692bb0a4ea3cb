//! What a person at the desk does, for tests that play one. It looks and
//! answers as the window does; it judges nothing.

use anyhow::Context as _;
use handoff_domain::decision::Answer;
use handoff_engine::Engine;
use handoff_protocol::view::{CaseView, DecideRequest, List, QueueQuery};

/// The answer as the window sends it for what is on the screen now, confirmed.
pub fn answering(case: &CaseView, answer: Answer) -> DecideRequest {
    let option = match &answer {
        Answer::Approve { option } | Answer::Modify { option, .. } => Some(option.as_str()),
        Answer::Inform { .. } | Answer::Reject { .. } | Answer::TakeOver { .. } => None,
    };
    let shown = case.options.iter().find(|shown| Some(shown.id.as_str()) == option);
    DecideRequest {
        id: case.id.clone(),
        revision: case.revision,
        shown_hash: shown.and_then(|one| one.action.as_ref()).map(|action| action.hash.clone()),
        answer,
        confirmed: true,
        overriding: None,
        message: None,
    }
}

/// The next item in the inbox that is none of `known`, opened; waits until there
/// is one. Gives the desk's refusal in words.
pub async fn next_case(engine: &Engine, known: &[&str]) -> anyhow::Result<CaseView> {
    let said = |failure: handoff_engine::Failure| anyhow::anyhow!(failure.0.message);
    let query = QueueQuery { list: List::Inbox, search: String::new(), limit: 100 };
    let mut changes = engine.follow();
    loop {
        let queue = engine.queue(query.clone()).await.map_err(said)?;
        let new = queue.items.into_iter().find(|item| !known.contains(&item.id.as_str()));
        if let Some(item) = new {
            return engine.open_case(&item.id).map_err(said);
        }
        drop(changes.recv().await.context("the desk has ended")?);
    }
}
