//! The lists of the window, and what the desk says of itself.

use handoff_domain::lifecycle::Phase;
use handoff_protocol::view::{Counts, DeskStatus, InHands, List, QueueItem, QueueQuery, QueueView};
use handoff_store::{InHandsRow, ListPart, Page, Row};

use crate::{Desk, Engine, Failure, lock};

/// How many items a list may have on screen.
const LIST_LIMIT: u32 = 5000;

/// How many tasks in the reviewer's hands are named.
const IN_HANDS: u32 = 50;

impl Engine {
    /// A list of the queue; a search looks in all lists.
    pub async fn queue(&self, query: QueueQuery) -> Result<QueueView, Failure> {
        let desk = &self.desk;
        let searching = !query.search.trim().is_empty();
        if searching {
            desk.store.index().await?;
        }
        let list = match query.list {
            List::Inbox => ListPart::Inbox,
            List::Review => ListPart::Review,
            List::Waiting => ListPart::Waiting,
            List::Done => ListPart::Done,
        };
        let page = Page {
            list: (!searching).then_some(list),
            search: searching.then_some(query.search),
            limit: query.limit.min(LIST_LIMIT),
            ..Page::default()
        };
        let (rows, total, counts, backlogs) = desk.store.read(|read| {
            let (rows, total) = read.page(&page)?;
            Ok((rows, total, read.counts()?, desk.backlogs(read)?))
        })?;
        let [inbox, waiting, done, review, queued] = counts;
        let counts = Counts { inbox, review, waiting, done, queued };
        let items = rows.into_iter().map(|row| desk.item(row)).collect();
        Ok(QueueView { items, total, counts, backlogs })
    }

    /// What the desk says of itself; the folder and the socket are the
    /// caller's to name.
    pub fn status(&self, home: String, socket: String) -> Result<DeskStatus, Failure> {
        let desk = &self.desk;
        let (agents, paused, calling, in_hands) = desk.store.read(|read| {
            let (paused, calling) = (read.is_paused("", "")?, read.calling()?);
            Ok((read.agents()?, paused, calling, read.in_hands(IN_HANDS)?))
        })?;
        let mut agents: Vec<_> = agents.into_iter().map(|agent| desk.agent_view(agent)).collect();
        agents.sort_by_key(|agent| !agent.connected);
        Ok(DeskStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            agents,
            notifications: lock(&desk.notifications).clone(),
            home,
            socket,
            fault: lock(&desk.fault).clone(),
            notices: [
                lock(&desk.notices).clone(),
                desk.room_notice().into_iter().collect(),
                desk.spooled.notices(),
            ]
            .concat(),
            demo_running: desk.hub.is_connected("demo"),
            paused,
            calling,
            in_hands: in_hands
                .into_iter()
                .map(|InHandsRow { agent, task, title, since }| InHands {
                    agent,
                    task,
                    title,
                    since,
                })
                .collect(),
        })
    }

    /// How many handoffs wait for the reviewer.
    pub fn inbox_count(&self) -> Result<u32, Failure> {
        let [inbox, ..] = self.desk.store.read(|read| read.counts())?;
        Ok(inbox)
    }
}

impl Desk {
    fn item(&self, row: Row) -> QueueItem {
        let Row { record, title, effect, outcome } = row;
        let progress = record.progress;
        let decision = progress.phase.decision();
        QueueItem {
            irreversible: decision.is_some_and(|decision| record.traits.is_irreversible(decision)),
            hold: self
                .hold_of(&record.id)
                .filter(|_| matches!(progress.phase, Phase::Decided { .. })),
            outcome: outcome.filter(|_| progress.phase.decision().is_some()),
            id: record.id,
            agent: record.agent,
            task: title,
            question: record.question,
            priority: record.priority,
            state: progress.state(),
            snoozed_until: progress.snoozed_until(),
            flags: progress.flags,
            effect,
            received_at: record.received_at,
            respond_by: progress.timing.respond_by,
            warn_at: progress.timing.warn_at,
        }
    }
}
