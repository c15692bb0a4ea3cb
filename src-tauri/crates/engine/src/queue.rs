//! The lists of the window, and what the desk says of itself.

use handoff_domain::lifecycle::Phase;
use handoff_protocol::view::{
    Counts, DeskStatus, List, QueueItem, QueueQuery, QueueView, Settings,
};
use handoff_protocol::wire::ErrorCode;
use handoff_store::{ListPart, Page, Row};

use crate::{Desk, Engine, Failure, SETTINGS, lock};

/// How many items a list may have on screen.
const LIST_LIMIT: u32 = 5000;

/// The longest hold, in seconds.
const HOLD_LIMIT: u32 = 30;

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
            List::Waiting => ListPart::Waiting,
            List::Done => ListPart::Done,
        };
        let page = Page {
            list: (!searching).then_some(list),
            search: searching.then_some(query.search),
            limit: query.limit.min(LIST_LIMIT),
            ..Page::default()
        };
        let (rows, total, [inbox, waiting, done]) = desk.store.read(|read| {
            let (rows, total) = read.page(&page)?;
            Ok((rows, total, read.counts()?))
        })?;
        let items = rows.into_iter().map(|row| desk.item(row)).collect();
        Ok(QueueView { items, total, counts: Counts { inbox, waiting, done } })
    }

    /// What the desk says of itself; the folder and the socket are the
    /// caller's to name.
    pub fn status(&self, home: String, socket: String) -> Result<DeskStatus, Failure> {
        let desk = &self.desk;
        let mut agents: Vec<_> = desk
            .store
            .read(|read| read.agents())?
            .into_iter()
            .map(|agent| desk.agent_view(agent))
            .collect();
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
        })
    }

    /// How many handoffs wait for the reviewer.
    pub fn inbox_count(&self) -> Result<u32, Failure> {
        let [inbox, ..] = self.desk.store.read(|read| read.counts())?;
        Ok(inbox)
    }

    /// What the reviewer has set.
    pub fn settings(&self) -> Settings {
        lock(&self.desk.settings).clone()
    }

    /// Keeps what the reviewer has set.
    pub async fn save_settings(&self, settings: Settings) -> Result<Settings, Failure> {
        if settings.hold_s > HOLD_LIMIT {
            return Err(Failure::new(
                ErrorCode::InvalidParams,
                format!("A hold of {} s is too long.", settings.hold_s),
                format!("Choose 0 to {HOLD_LIMIT} seconds."),
            ));
        }
        if let Some(fault) = settings.alerts.fault() {
            return Err(Failure::new(
                ErrorCode::InvalidParams,
                fault,
                "Nothing was changed; mend it and save again.",
            ));
        }
        let json = serde_json::to_string(&settings).map_err(handoff_store::StoreError::from)?;
        let desk = &self.desk;
        desk.watched(desk.store.write(move |write| Ok(write.set(SETTINGS, &json)?)).await)?;
        let before = std::mem::replace(&mut *lock(&desk.settings), settings.clone());
        if before.alerts != settings.alerts {
            desk.plan_again().await?;
        }
        desk.hub.tell(&handoff_protocol::view::Change::Status);
        Ok(settings)
    }
}

impl Desk {
    fn item(&self, row: Row) -> QueueItem {
        let Row { record, title, effect, outcome } = row;
        let progress = record.progress;
        QueueItem {
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
            flags: progress.flags,
            effect,
            received_at: record.received_at,
            respond_by: progress.timing.respond_by,
            warn_at: progress.timing.warn_at,
        }
    }
}
