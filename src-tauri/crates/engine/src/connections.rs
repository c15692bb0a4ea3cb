//! What an agent is connected through, for the window: as it says itself, with
//! how far that lets the desk hold it back.

use handoff_domain::integration::{Enforcement, Integration, Reach, furthest};
use handoff_protocol::view::ConnectionView;
use handoff_store::AgentConnection;

/// How far the desk reaches for an agent, by what it was heard of through; also
/// in words.
pub(crate) fn reach(heard_of: &[AgentConnection], asks: bool) -> (Reach, String) {
    let known = heard_of.iter().map(|one| (integration(one), one.last_seen));
    let Enforcement { reach, held, unseen } = furthest(known, asks).enforcement(asks);
    (reach, format!("{held} {unseen}"))
}

/// One of them; whether it is open is for the hub to say.
pub(crate) fn view(one: AgentConnection, asks: bool) -> ConnectionView {
    let integration = integration(&one);
    let said = integration.enforcement(asks);
    ConnectionView {
        integration,
        title: integration.title().to_owned(),
        framework: one.framework,
        version: one.version,
        connected: false,
        brief: integration.is_brief(),
        since: one.first_seen,
        last_seen: one.last_seen,
        reach: said.reach,
        held: said.held.to_owned(),
        unseen: said.unseen.to_owned(),
    }
}

fn integration(one: &AgentConnection) -> Integration {
    Integration::of(one.framework.as_deref())
}
