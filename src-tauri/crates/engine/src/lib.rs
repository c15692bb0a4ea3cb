//! The use cases of the desk: what agents and the window may ask, carried out
//! on the store through the domain's pure functions.
//!
//! It opens no socket, draws no window and reads no clock: those come in as
//! ports. Every change is judged inside the transaction that makes it.

mod agents;
mod agreement;
mod autonomy;
mod burst;
mod case;
mod connections;
mod control;
mod course;
mod elsewhere;
mod failure;
mod fold;
mod gate;
mod holds;
mod hub;
mod insight;
mod known;
mod ladder;
mod ledger;
mod lookup;
mod moment;
mod news;
mod notify;
mod origin;
mod owed;
mod ports;
mod queue;
mod release;
mod review;
mod rollback;
mod safety;
mod servers;
mod session;
mod settings;
mod spool;
mod submit;
mod time;
mod wait;
mod watch;
mod words;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use chrono::{DateTime, Utc};
use handoff_domain::alerts::Alerts;
use handoff_domain::decision::{Decision, DecisionKind};
use handoff_domain::gate::Stop;
use handoff_domain::lifecycle::{Event, Phase, Progress, State, transition};
use handoff_domain::payload::{Payload, Priority};
use handoff_domain::rule::Rules;
use handoff_keeper::Keeper;
use handoff_protocol::view::{Change, NotificationState, Settings};
use handoff_store::{Entry, Opened, Record, Store, StoreError, Write};
use serde_json::Value;
use tokio::sync::{Notify, Semaphore, mpsc};

pub use failure::Failure;
pub use handoff_store::{AskRow, NewAsk, ServerRow};
pub use ports::{Attempt, Clock, CommandRunner, Ended, Notice, Notifier, random_hex};

use burst::Burst;
use holds::Running;
use hub::Hub;
use moment::Moment;
use spool::Spooled;
use watch::{Reading, Watch};

/// The desk without its window and its socket.
#[derive(Clone)]
pub struct Engine {
    desk: Arc<Desk>,
}

struct Desk {
    store: Store,
    clock: Arc<dyn Clock>,
    notifier: Arc<dyn Notifier>,
    hub: Hub,
    /// Names this run of the desk in the holders of leases.
    run: String,
    /// When each running hold is over, on the awake clock.
    holds: Mutex<HashMap<String, Running>>,
    /// What was held when the desk before this one ended is held again.
    holds_again: AtomicBool,
    /// How many holds have begun.
    begun: AtomicU64,
    settings: Mutex<Settings>,
    /// The rules in force, read once for many checks.
    rules: Mutex<Arc<Rules>>,
    /// What tasks have done lately.
    memory: gate::Memory,
    notifications: Mutex<NotificationState>,
    fault: Mutex<Option<String>>,
    notices: Mutex<Vec<String>>,
    /// How many payloads may be checked at once.
    checks: Semaphore,
    runner: Arc<dyn CommandRunner>,
    attempts: Mutex<ladder::Attempts>,
    /// The alerts whose command, which was held back, is run and not recorded.
    ringing: Mutex<HashSet<i64>>,
    /// The recent notifications.
    burst: Mutex<Burst>,
    /// The handoffs of which a notification is being made up for, or is to be.
    telling: Mutex<notify::Telling>,
    /// What waits for nobody and could not be told yet.
    untold: Mutex<Vec<news::News>>,
    /// The places of what was told of agents and may be over by itself.
    told: Mutex<HashSet<String>>,
    /// Held while what could not be told is told or written down.
    untold_kept: tokio::sync::Mutex<()>,
    /// The item that the page shows.
    on_screen: Mutex<Option<String>>,
    /// The window is in front of the reviewer, and has the focus.
    in_front: AtomicBool,
    /// Nothing was to be shown at the last look.
    was_calm: AtomicBool,
    /// The clocks at the last look, and the time by them.
    watch: Mutex<Watch>,
    /// Held while a gap in time is taken account of.
    minding: tokio::sync::Mutex<()>,
    /// Woken when a timer may have moved closer, or something was spooled.
    sooner: Notify,
    /// Woken when a hold has begun or ended.
    held: Notify,
    /// Woken when a lease was given.
    leased: Notify,
    spooled: Spooled,
    /// The copies of files that agents change; none until it is named.
    keeper: OnceLock<Keeper>,
    /// The connection that took up the undo of an action, by agent, task and
    /// action.
    undoing: Mutex<HashMap<(String, String, String), u64>>,
    /// The card that is being answered: it is looked at again at every key.
    answering: Mutex<Option<review::Answering>>,
    /// Whose open cards may do something else by now.
    outdated: Mutex<gate::Outdated>,
}

/// Who did something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Actor {
    Agent,
    Reviewer,
    System,
}

impl Actor {
    fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Reviewer => "reviewer",
            Self::System => "System",
        }
    }
}

impl Engine {
    /// Takes up the work where the last run left it: offers of a dead run are
    /// void. Held decisions are held again in full from when it runs, since
    /// nobody can undo them before.
    pub async fn start(
        opened: impl Into<Opened>,
        clock: Arc<dyn Clock>,
        notifier: Arc<dyn Notifier>,
        runner: Arc<dyn CommandRunner>,
    ) -> Result<Self, Failure> {
        let Opened { store, mut notices } = opened.into();
        let (settings, unread) = settings::stored(&store)?;
        notices.extend(unread);
        // A desk before this one may have ended before anybody read it.
        let earlier = store.unread().into_iter().filter(|notice| !notices.contains(notice));
        notices.extend(earlier.collect::<Vec<_>>());
        let untold = news::stored(&store)?;
        // A desk before this one may have held something back.
        let may_be_calm = settings.alerts.quiet.is_some() || settings.alerts.focus_until.is_some();
        let first = Reading { wall: clock.now(), awake: clock.awake(), boot: clock.boot() };
        let off = time::was_off(&store, clock.as_ref(), first)?;
        let steps = store.read(moment::steps)? + off.stepped.unwrap_or_default();
        let watch = Watch::new(first, steps);
        let engine = Self {
            desk: Arc::new(Desk {
                store,
                clock,
                notifier,
                hub: Hub::default(),
                run: random_hex(8),
                holds: Mutex::default(),
                holds_again: AtomicBool::new(false),
                begun: AtomicU64::default(),
                settings: Mutex::new(settings),
                rules: Mutex::default(),
                memory: gate::Memory::default(),
                notifications: Mutex::new(NotificationState::Unknown),
                fault: Mutex::default(),
                notices: Mutex::new(notices),
                checks: Semaphore::new(2),
                runner,
                attempts: Mutex::default(),
                ringing: Mutex::default(),
                burst: Mutex::default(),
                telling: Mutex::default(),
                untold: Mutex::new(untold),
                told: Mutex::default(),
                untold_kept: tokio::sync::Mutex::default(),
                on_screen: Mutex::default(),
                in_front: AtomicBool::new(false),
                was_calm: AtomicBool::new(may_be_calm),
                watch: Mutex::new(watch),
                minding: tokio::sync::Mutex::default(),
                sooner: Notify::new(),
                held: Notify::new(),
                leased: Notify::new(),
                spooled: Spooled::default(),
                keeper: OnceLock::new(),
                undoing: Mutex::default(),
                answering: Mutex::default(),
                outdated: Mutex::default(),
            }),
        };
        engine.desk.begin_weighing()?;
        engine.desk.void_offers().await?;
        engine.desk.mind(off, first, watch.moment(first.boot)).await?;
        engine.desk.write_clocks(first).await;
        Ok(engine)
    }

    /// Follows all changes from now on.
    pub fn follow(&self) -> mpsc::UnboundedReceiver<Change> {
        self.desk.hub.follow()
    }

    /// The page hears changes from now on; what it was to show while it was
    /// made, it is told now.
    pub fn listens(&self) {
        self.desk.hub.listens();
    }

    /// Asks the windows to show an item, or themselves.
    pub fn show(&self, id: Option<String>) {
        // What tells of many cards is no item itself: the queue shows them.
        let id = id.filter(|id| !id.starts_with(gate::BEHIND)).map(|id| {
            let of = id.strip_prefix(news::TOOLS).or(id.strip_prefix(news::UNDO));
            of.map_or(id.clone(), |agent| format!("{}{agent}", news::AGENT))
        });
        self.desk.hub.tell(&Change::Show { id });
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What these guard is replaced whole, so a panic elsewhere leaves no half.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Desk {
    fn now(&self) -> DateTime<Utc> {
        lock(&self.watch).at(self.clock.boot())
    }

    /// The time for something that is to be stored: the clock may be set before it is.
    fn moment(&self) -> Moment {
        lock(&self.watch).moment(self.clock.boot())
    }

    /// Reads a handoff with the proposal in force.
    fn load(&self, id: &str) -> Result<Option<(Record, Payload, String)>, StoreError> {
        self.store.read(|read| {
            let Some(record) = read.handoff(id)? else { return Ok(None) };
            let json = read
                .payload(record.seq, record.progress.revision)?
                .ok_or_else(|| StoreError::Damaged(format!("{id} has no payload")))?;
            let payload = serde_json::from_str(&json)?;
            Ok(Some((record, payload, json)))
        })
    }

    /// The same for an agent: another's does not exist.
    fn own(&self, agent: &str, id: &str) -> Result<(Record, Payload, String), Failure> {
        self.load(id)?
            .filter(|(record, ..)| record.agent == agent)
            .ok_or_else(|| Failure::no_such_handoff(id))
    }

    /// Applies an event to a handoff and records it, in one transaction.
    async fn apply(
        &self,
        id: &str,
        owner: Option<&str>,
        event: Event,
        actor: Actor,
        kind: &'static str,
        data: Value,
    ) -> Result<Record, Failure> {
        let moment = self.moment();
        let store = async || {
            let (id, owner) = (id.to_owned(), owner.map(str::to_owned));
            let (event, data) = (event.clone(), data.clone());
            let stored = self.store.write(move |write| {
                let now = moment.now(write)?;
                let record = owned(write, &id, owner.as_deref())?;
                let progress = transition(&record.progress, &record.traits, event, now)?;
                change(write, record, progress, actor, kind, data, now)
            });
            self.watched(stored.await)
        };
        let record = match store().await {
            Err(failure) if failure.is_for_want_of_room() => store().await?,
            stored => stored?,
        };
        self.hub.changed(&record.agent, &record.id);
        Ok(record)
    }

    /// Notes whether the store works, for the banner in the window.
    fn watched<T>(&self, outcome: Result<T, Failure>) -> Result<T, Failure> {
        let fault = match &outcome {
            Err(failure) if failure.0.code == handoff_protocol::wire::ErrorCode::Unavailable => {
                if failure.is_of_damage() {
                    self.store.suspect(&failure.0.message);
                }
                Some(format!("{} {}", failure.0.message, failure.0.hint))
            }
            Ok(_) => None,
            // Any other error says nothing about the disk.
            Err(_) => return outcome,
        };
        let mut known = lock(&self.fault);
        if *known != fault {
            *known = fault;
            drop(known);
            self.hub.tell(&Change::Status);
            // Whether it is over is looked at from time to time.
            self.sooner.notify_one();
        }
        outcome
    }

    /// Notes that the store does not work, before anything was to be stored.
    fn fails(&self, error: StoreError) {
        // Noting it is all that is wanted of the outcome.
        drop(self.watched::<()>(Err(error.into())));
    }

    /// Refuses a new payload while there is hardly any room: what is left is
    /// for answers.
    fn must_have_room(&self, bytes: usize) -> Result<(), Failure> {
        if self.store.reserve().has_room_for(bytes) {
            return Ok(());
        }
        self.watched(Err(StoreError::Full.into()))
    }

    /// What the reviewer should know of the room that is left.
    fn room_notice(&self) -> Option<String> {
        let full = !self.store.reserve().has_room_for(0);
        full.then(|| {
            "The disk is nearly full: new handoffs are refused until there is room. You can \
             still answer. Free some space."
                .to_owned()
        })
    }

    fn alerts(&self) -> Alerts {
        lock(&self.settings).alerts.clone()
    }

    /// When the reviewer is first reminded of what becomes ready now.
    fn first_reminder(&self, priority: Priority) -> Option<DateTime<Utc>> {
        self.alerts().first_reminder(priority, self.now(), &self.clock.zone())
    }

    async fn void_offers(&self) -> Result<(), Failure> {
        for id in self.store.read(|read| read.ids_in(State::Released))? {
            let record = self.store.read(|read| read.handoff(&id))?;
            if let Some(Phase::Released { offer: Some(offer), .. }) =
                record.map(|record| record.progress.phase)
            {
                let event = Event::Holder { holder: offer.holder, present: false };
                self.apply(&id, None, event, Actor::System, "", Value::Null).await?;
            }
        }
        Ok(())
    }
}

/// The handoff with this id, if it is this agent's; another's does not exist.
fn owned(write: &Write<'_>, id: &str, owner: Option<&str>) -> Result<Record, Failure> {
    write
        .read()
        .handoff(id)?
        .filter(|record| owner.is_none_or(|owner| record.agent == owner))
        .ok_or_else(|| Failure::no_such_handoff(id))
}

/// Stores a new progress with its event; an empty kind leaves no event.
fn change(
    write: &Write<'_>,
    mut record: Record,
    progress: Progress,
    actor: Actor,
    kind: &str,
    data: Value,
    now: DateTime<Utc>,
) -> Result<Record, Failure> {
    if progress != record.progress {
        let (was, is) = (record.progress.state(), progress.state());
        write.save(&record, &progress, now)?;
        // Not where a lease has lapsed: what it let run may have run.
        let decided = matches!(was, State::Queued | State::Ready | State::Decided);
        if decided && is == State::Released {
            let decision = progress.phase.released_decision();
            // A released approval lets exactly one later call run.
            if let Some(hash) = decision.and_then(permits) {
                write.permit_once(&record.id, &record.agent, &record.task, &hash)?;
            }
            if decision.is_some_and(|decision| decision.kind == DecisionKind::TakeOver) {
                write.pause(&record.agent, &record.task, Some(Stop::TakenOver), now)?;
            }
        } else if was != is && is == State::Reconciled {
            write.use_permit(&record.id, now)?;
        }
        record.progress = progress;
        record.version += 1;
        if !kind.is_empty() {
            log(write, record.seq, actor, kind, data, now)?;
        }
    }
    Ok(record)
}

/// The hash of the call that a decision permits.
fn permits(decision: &Decision) -> Option<String> {
    let grants = matches!(decision.kind, DecisionKind::Approve | DecisionKind::Modify);
    grants.then(|| decision.action_hash()).flatten()
}

fn log(
    write: &Write<'_>,
    seq: i64,
    actor: Actor,
    kind: &str,
    data: Value,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let entry = Entry { at: now, actor: actor.name().to_owned(), kind: kind.to_owned(), data };
    write.log(seq, &entry)
}
