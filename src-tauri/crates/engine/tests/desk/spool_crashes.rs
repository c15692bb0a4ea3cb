//! Any order of writes, crashes and imports leaves each handoff exactly once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use handoff_domain::lifecycle::State;
use handoff_engine::Clock;
use handoff_spool::{SpoolError, Withdrawn};
use handoff_testkit::Headless;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::{Value, json};

use crate::agent::{Agent, handoff};
use crate::spool::{entry, spool, token};

const AGENT: &str = "tidy";

#[derive(Debug, Clone, Copy)]
enum Step {
    /// A client finds no desk.
    Spool { key: u8, content: u8 },
    /// A client dies before its file has its name.
    DieInDraft,
    /// A client finds the desk.
    Submit { key: u8, content: u8 },
    /// A client takes back what it finds in the spool.
    Withdraw { key: u8 },
    /// The desk looks.
    Tick,
    /// The desk dies after it has claimed the files.
    DieClaimed,
    /// The desk dies after storing, and its removals are lost.
    DieStored,
    /// The desk ends and starts.
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let (key, content) = (0..3_u8, prop_oneof![4 => Just(0_u8), 1 => Just(1_u8)]);
    prop_oneof![
        4 => (key.clone(), content.clone()).prop_map(|(key, content)| Step::Spool { key, content }),
        1 => Just(Step::DieInDraft),
        2 => (key.clone(), content).prop_map(|(key, content)| Step::Submit { key, content }),
        1 => key.prop_map(|key| Step::Withdraw { key }),
        2 => Just(Step::Tick),
        2 => Just(Step::DieClaimed),
        2 => Just(Step::DieStored),
        1 => Just(Step::Restart),
    ]
}

fn payload(key: u8, content: u8) -> Value {
    let mut payload = handoff(&format!("k-{key}"));
    payload["summary"] = json!(format!("{content} files are the same."));
    payload
}

/// What agents were told, by key.
#[derive(Debug, Default)]
struct Told {
    accepted: BTreeMap<u8, BTreeSet<u8>>,
    withdrawn: BTreeMap<u8, BTreeSet<u8>>,
}

async fn greeted(desk: &Headless) -> Agent {
    let agent = Agent::connect(&desk.engine);
    let greeting = json!({ "name": AGENT, "token": token(AGENT) });
    agent.call("agent.hello", greeting).await.unwrap();
    agent
}

/// The files that wait, with what is in them.
fn waiting(root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for folder in [root.to_owned(), root.join("taken-up")] {
        for one in fs::read_dir(folder).into_iter().flatten() {
            let path = one.unwrap().path();
            if path.is_file() {
                found.push((path.clone(), fs::read(path).unwrap()));
            }
        }
    }
    found
}

async fn take(mut desk: Headless, step: Step, told: &mut Told) -> Headless {
    desk.clock.pass(Duration::from_secs(1));
    let spool = spool(&desk);
    match step {
        Step::Spool { key, content } => {
            match spool.put(&entry(AGENT, &payload(key, content), desk.clock.now())) {
                Ok(_) => {
                    told.accepted.entry(key).or_default().insert(content);
                }
                Err(SpoolError::Conflict { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
        Step::DieInDraft => {
            let drafts = spool.root().join("drafts");
            fs::create_dir_all(&drafts).unwrap();
            fs::write(drafts.join("h-00000000000000000000.1-1"), b"{\"version\": 1, \"ag").unwrap();
        }
        Step::Submit { key, content } => {
            let agent = greeted(&desk).await;
            let params = json!({ "handoff": payload(key, content) });
            if agent.call("handoff.submit", params).await.is_ok() {
                told.accepted.entry(key).or_default().insert(content);
            }
        }
        Step::Withdraw { key } => {
            let id = entry(AGENT, &payload(key, 0), desk.clock.now()).id().unwrap();
            let found = spool.find(&id).unwrap().filter(|found| found.withdrawn.is_none());
            if let Some(found) = found {
                let withdrawn = Withdrawn { at: desk.clock.now(), reason: None };
                spool.withdraw(&found, withdrawn).unwrap();
                let content = u8::from(found.handoff.get().contains("1 files"));
                told.withdrawn.entry(key).or_default().insert(content);
            }
        }
        Step::Tick => {
            desk.engine.tick().await;
        }
        Step::DieClaimed => {
            spool.take().unwrap();
            desk = desk.restart().await.unwrap();
        }
        Step::DieStored => {
            let before = waiting(spool.root());
            desk.engine.tick().await;
            for (path, bytes) in before {
                let aside = spool.root().join("set-aside").join(path.file_name().unwrap());
                if !path.exists() && !aside.exists() {
                    fs::write(path, bytes).unwrap();
                }
            }
            desk = desk.restart().await.unwrap();
        }
        Step::Restart => desk = desk.restart().await.unwrap(),
    }
    desk
}

async fn each_is_there_once(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let mut desk = Headless::new().await.unwrap();
    let mut told = Told::default();
    for step in steps {
        desk = take(desk, step, &mut told).await;
    }
    // A file that waits behind another of its name comes in the next round.
    for _ in 0..3 {
        desk.engine.tick().await;
    }
    prop_assert!(!spool(&desk).has_any(), "something still waits");
    let agent = greeted(&desk).await;
    let listed = agent.call("handoff.list", json!({})).await.unwrap();
    prop_assert_eq!(&listed["total"], &json!(told.accepted.len()), "each key exactly once");
    let aside: Vec<String> = spool(&desk)
        .set_aside_files()
        .iter()
        .map(|one| fs::read_to_string(&one.path).unwrap())
        .collect();
    for (key, contents) in &told.accepted {
        let id = entry(AGENT, &payload(*key, 0), desk.clock.now()).id().unwrap();
        let shown = agent.get(&id).await;
        let is_there = |content: &u8| shown["handoff"] == payload(*key, *content);
        let stored: Vec<u8> = contents.iter().copied().filter(is_there).collect();
        prop_assert_eq!(stored.len(), 1, "one of those that were accepted, unchanged");
        for other in contents.iter().filter(|content| !stored.contains(content)) {
            let (name, text) = (format!("\"k-{key}\""), format!("{other} files"));
            let kept = aside.iter().any(|file| file.contains(&name) && file.contains(&text));
            prop_assert!(kept, "what lost to it is kept and reported");
        }
        let withdrawn = told.withdrawn.get(key).is_some_and(|them| them.contains(&stored[0]));
        prop_assert_eq!(desk.engine.open_case(&id).unwrap().state == State::Withdrawn, withdrawn);
    }
    if told.accepted.values().all(|contents| contents.len() == 1) {
        prop_assert!(aside.is_empty(), "nothing is set aside without a reason");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_writes_crashes_and_imports_gives_each_handoff_once(
        steps in prop::collection::vec(step(), 1..14),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(each_is_there_once(steps))?;
    }
}
