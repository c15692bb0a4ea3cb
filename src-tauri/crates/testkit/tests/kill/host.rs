//! The desk that is killed: put together as the app does it, without a window.

use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;

use handoff_domain::alerts::{Alerts, ByPriority, Stage};
use handoff_engine::{Clock, Engine};
use handoff_faultfs::Seed;
use handoff_protocol::session::Host;
use handoff_protocol::view::Settings;
use handoff_spool::Spool;
use handoff_store::{Disk, Files, Opened, Store};
use handoff_testkit::machine::{self, MachineClock};
use handoff_testkit::{RecordingNotifier, RecordingRunner};
use handoff_transport::home::Home;
use handoff_transport::server::Server;
use serde::{Deserialize, Serialize};

use crate::reviewer::Reviewer;

/// The variable in which a desk finds its plan.
pub const PLAN: &str = "HANDOFF_KILL_PLAN";

/// What one run of the desk is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    /// Where it lives.
    pub home: PathBuf,
    /// Where the reviewer notes what was acknowledged.
    pub notes: PathBuf,
    pub seed: u64,
    /// The number of this run.
    pub run: u64,
    /// How far its clock is ahead: the time that the desk was off.
    pub ahead_s: i64,
    /// It breaks its one promise.
    pub answers_early: bool,
}

/// Runs the desk until it is killed, or whoever started it is gone. Without a
/// plan there is no desk to run.
pub fn run() {
    let Ok(plan) = std::env::var(PLAN) else { return };
    let plan: Plan = serde_json::from_str(&plan).unwrap();
    std::thread::spawn(orphaned);
    let runtime = machine::threads().unwrap();
    runtime.block_on(desk(plan));
}

/// The other end of the standard input is whoever started this.
fn orphaned() {
    let mut nothing = Vec::new();
    std::io::stdin().read_to_end(&mut nothing).ok();
    std::process::exit(1);
}

async fn desk(plan: Plan) {
    let mut seed = Seed::new(plan.seed, plan.run);
    let home = Home::new(&plan.home);
    home.create().unwrap();
    let clock = MachineClock::ahead_by(plan.ahead_s);
    let opened = if plan.answers_early {
        let disk = Disk { answers_early: true, ..Disk::default() };
        Opened::from(Store::open_on(&home.database(), disk).unwrap())
    } else {
        Store::take_up(&Files::of(home.database()), clock.now()).unwrap()
    };
    assert!(opened.notices.is_empty(), "a kill has damaged it: {:?}", opened.notices);
    let notifier = RecordingNotifier::default();
    if seed.chance(20) {
        notifier.disappear();
    }
    let engine = Engine::start(
        opened,
        Arc::new(clock),
        Arc::new(notifier),
        Arc::new(RecordingRunner::default()),
    )
    .await
    .unwrap();
    let server = Server::bind(home.socket()).unwrap();
    engine.take_up(Spool::of(home.root())).await;
    engine.announce_the_unannounced();
    tokio::spawn(server.run(Arc::new(engine.clone()) as Arc<dyn Host>));
    let timed = engine.clone();
    tokio::spawn(async move { timed.run().await });
    let kept = engine.clone();
    tokio::spawn(async move { kept.keep_safe().await });
    engine.save_settings(settings(&mut seed)).await.unwrap();
    let reviewer = Arc::new(Reviewer::new(engine, &plan));
    // Two windows, so that decisions race.
    let other = tokio::spawn(Arc::clone(&reviewer).work(Seed::new(seed.number(), 1)));
    reviewer.work(seed).await;
    other.await.unwrap();
}

/// Short holds, and alerts that come to an end.
fn settings(seed: &mut Seed) -> Settings {
    let none = ByPriority { low: 0, normal: 0, high: 0, urgent: 0 };
    let alert = Stage {
        after_s: 0,
        times: 1,
        notify: true,
        sound: false,
        attention: true,
        command: Vec::new(),
    };
    Settings {
        hold_s: u32::from(seed.chance(25)),
        // More is asked than a person is shown in an hour.
        cards_per_hour: 0,
        alerts: Alerts {
            remind_every_s: ByPriority { urgent: 30, ..none },
            grace_s: ByPriority { low: 0, normal: 1, high: 1, urgent: 2 },
            stages: vec![alert.clone(), Stage { after_s: 1, ..alert }],
            give_up_after_s: 1,
            ..Alerts::default()
        },
        ..Settings::default()
    }
}
