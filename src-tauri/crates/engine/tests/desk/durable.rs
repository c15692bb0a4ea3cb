use std::time::Duration;

use handoff_domain::lifecycle::State;
use handoff_protocol::view::Settings;
use handoff_protocol::wire::ErrorCode;
use handoff_store::{Files, Store, go_back};
use handoff_testkit::Headless;
use serde_json::json;

use crate::agent::{Agent, approve, decide, handoff, release};

async fn with_token(desk: &Headless, token: &serde_json::Value) -> Agent {
    let agent = Agent::connect(&desk.engine);
    agent.call("agent.hello", json!({ "name": "tidy", "token": token })).await.unwrap();
    agent
}

#[tokio::test]
async fn a_restart_loses_nothing_and_holds_again_in_full() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::connect(&desk.engine);
    let token =
        agent.call("agent.hello", json!({ "name": "tidy" })).await.unwrap()["token"].clone();
    let open = agent.submit(handoff("open")).await;
    let held = agent.submit(handoff("held")).await;
    let undone = agent.submit(handoff("undone")).await;
    decide(&desk, &held, approve("trash")).await;
    decide(&desk, &undone, approve("trash")).await;
    desk.clock.pass(Duration::from_secs(4));
    agent.hang_up();
    let desk = desk.restart().await.unwrap();
    desk.clock.pass(Duration::from_secs(2));
    desk.engine.tick().await;
    let state = |id: &str| desk.engine.open_case(id).unwrap().state;
    assert_eq!(
        (state(&open), state(&held), state(&undone)),
        (State::Ready, State::Decided, State::Decided),
        "the hold starts again in full"
    );
    desk.engine.undo(&undone).await.unwrap();
    release(&desk).await;
    assert_eq!(
        (state(&open), state(&held), state(&undone)),
        (State::Ready, State::Released, State::Ready)
    );
    let agent = with_token(&desk, &token).await;
    assert_eq!(agent.wait(&held, 0).await["act"], true);
}

#[tokio::test]
async fn a_hold_begins_anew_when_the_desk_runs_and_not_while_it_starts() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let held = agent.submit(handoff("held")).await;
    decide(&desk, &held, approve("trash")).await;
    agent.hang_up();
    let desk = desk.restart().await.unwrap();
    // Rollbacks and the spool are taken up, and there is no window yet.
    desk.clock.pass(Duration::from_secs(20));
    desk.engine.tick().await;
    let state = || desk.engine.open_case(&held).unwrap().state;
    assert_eq!(state(), State::Decided, "nobody could have undone it");
    release(&desk).await;
    assert_eq!(state(), State::Released);
}

#[tokio::test]
async fn an_offer_of_a_dead_desk_is_void_and_a_lease_is_not() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::connect(&desk.engine);
    let token =
        agent.call("agent.hello", json!({ "name": "tidy" })).await.unwrap()["token"].clone();
    let offered = agent.submit(handoff("offered")).await;
    let leased = agent.submit(handoff("leased")).await;
    decide(&desk, &offered, approve("delete")).await;
    decide(&desk, &leased, approve("delete")).await;
    release(&desk).await;
    assert_eq!(agent.wait(&offered, 0).await["act"], true);
    let told = agent.wait(&leased, 0).await;
    agent.call("agent.ack", json!({ "id": told["lease"]["id"] })).await.unwrap();
    agent.hang_up();
    let desk = desk.restart().await.unwrap();
    let agent = with_token(&desk, &token).await;
    assert_eq!(agent.wait(&offered, 0).await["act"], true, "nobody had it");
    assert_eq!(agent.wait(&leased, 0).await["act"], false, "somebody has it");
}

#[tokio::test]
async fn settings_are_kept_and_checked() {
    let desk = Headless::new().await.unwrap();
    let wanted = Settings { hold_s: 0, ..Settings::default() };
    desk.engine.save_settings(wanted.clone()).await.unwrap();
    let too_long = Settings { hold_s: 31, ..Settings::default() };
    assert!(desk.engine.save_settings(too_long).await.is_err());
    let desk = desk.restart().await.unwrap();
    assert_eq!(desk.engine.settings(), wanted);
    let agent = Agent::named(&desk.engine, "tidy").await;
    let id = agent.submit(handoff("k")).await;
    decide(&desk, &id, approve("keep")).await;
    desk.engine.tick().await;
    assert_eq!(desk.engine.open_case(&id).unwrap().state, State::Released, "no hold");
}

#[tokio::test]
async fn a_thousand_at_once_are_all_there() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let keys: Vec<String> = (0..1000).map(|number| format!("k{number}")).collect();
    let mut submits = Vec::new();
    for key in &keys {
        submits.push(agent.submit(handoff(key)));
    }
    let mut ids = Vec::new();
    for submit in submits {
        ids.push(submit.await);
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 1000);
    assert_eq!(desk.engine.inbox_count().unwrap(), 1000);
}

#[tokio::test]
async fn eight_mebibytes_are_accepted_and_folded() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let mut payload = handoff("big");
    let blob: Vec<String> = (0..120).map(|_| "x".repeat(60_000)).collect();
    payload["options"][1]["action"]["args"] = json!({ "paths": ["a"], "blob": blob });
    let id = agent.submit(payload).await;
    let case = desk.engine.open_case(&id).unwrap();
    let args = &case.options[1].action.as_ref().unwrap().args;
    assert!(!args.whole && args.chars > 7_000_000 && args.head.len() < 4096);
    let whole = desk.engine.unfold(&id, 1, &args.pointer).unwrap();
    assert_eq!(whole.chars().count(), usize::try_from(args.chars).unwrap());
    assert!(whole.starts_with(&args.head));
}

#[tokio::test]
async fn a_database_that_is_damaged_while_the_desk_is_off_is_mended_and_told() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::connect(&desk.engine);
    agent.call("agent.hello", json!({ "name": "tidy" })).await.unwrap();
    let before = agent.submit(handoff("before")).await;
    desk.engine.back_up();
    let after = agent.submit(handoff("after")).await;
    decide(&desk, &after, approve("trash")).await;
    agent.hang_up();
    desk.engine.look_for_damage();
    let notices =
        |desk: &Headless| desk.engine.status(String::new(), String::new()).unwrap().notices;
    assert!(notices(&desk).is_empty());
    let desk = desk
        .restart_after(|home| {
            let mut bytes = std::fs::read(home.database()).unwrap();
            bytes[..16].fill(0);
            std::fs::write(home.database(), bytes).unwrap();
        })
        .await
        .unwrap();
    let told = notices(&desk).join("\n");
    assert!(
        told.contains("was damaged") && told.contains("No handoff is known to be lost"),
        "{told}"
    );
    assert_eq!(desk.engine.open_case(&before).unwrap().state, State::Ready);
    assert_eq!(desk.engine.open_case(&after).unwrap().state, State::Decided);
    assert_eq!(std::fs::read_dir(desk.home.root().join("damaged")).unwrap().count(), 1);
}

#[tokio::test]
async fn a_fault_that_is_mended_is_said_no_more() {
    let desk = Headless::new().await.unwrap();
    let (head, backups) =
        (desk.home.root().join("audit-head"), Files::of(desk.home.database()).backups());
    let notices = || desk.engine.status(String::new(), String::new()).unwrap().notices;
    std::fs::write(&backups, "nothing can take this place").unwrap();
    desk.engine.back_up();
    desk.engine.back_up();
    assert!(notices().len() == 1 && notices()[0].contains("daily backup"), "{:?}", notices());
    std::fs::remove_file(&backups).unwrap();
    desk.engine.back_up();
    assert_eq!(notices(), Vec::<String>::new());

    std::fs::remove_file(&head).unwrap();
    std::fs::create_dir(&head).unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    agent.submit(handoff("k")).await;
    let said = async |times: usize| {
        let begun = std::time::Instant::now();
        while notices().len() != times {
            assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", notices());
            desk.engine.tick().await;
        }
    };
    said(1).await;
    assert!(notices()[0].contains("audit log"), "{:?}", notices());
    desk.engine.tick().await;
    assert_eq!(notices().len(), 1, "once, however often it is looked at");
    std::fs::remove_dir(&head).unwrap();
    said(0).await;
}

#[tokio::test]
async fn what_is_lost_with_a_database_that_cannot_be_read_at_all_is_told_as_lost() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::connect(&desk.engine);
    agent.call("agent.hello", json!({ "name": "tidy" })).await.unwrap();
    let before = agent.submit(handoff("before")).await;
    desk.engine.back_up();
    agent.submit(handoff("after")).await;
    agent.hang_up();
    let desk = desk
        .restart_after(|home| {
            let file = home.database();
            let size = std::fs::metadata(&file).unwrap().len();
            std::fs::write(&file, vec![0xA5; usize::try_from(size).unwrap()]).unwrap();
            drop(std::fs::remove_file(file.with_extension("db-wal")));
        })
        .await
        .unwrap();
    let told = desk.engine.status(String::new(), String::new()).unwrap().notices.join("\n");
    assert!(told.contains("is lost, and which handoffs that were is not known"), "{told}");
    assert!(!told.contains("No handoff is known to be lost"), "{told}");
    assert_eq!(desk.engine.open_case(&before).unwrap().state, State::Ready);
}

#[tokio::test]
async fn damage_that_is_found_while_the_desk_runs_is_told_and_mended_at_the_next_start() {
    let desk = Headless::new().await.unwrap();
    let agent = Agent::connect(&desk.engine);
    agent.call("agent.hello", json!({ "name": "tidy" })).await.unwrap();
    let id = agent.submit(handoff("one")).await;
    agent.hang_up();
    let desk = desk
        .restart_after(|home| {
            // One letter of the proposal, which SQLite itself cannot notice.
            let mut bytes = std::fs::read(home.database()).unwrap();
            let place = bytes.windows(12).position(|part| part == b"\"pending_que").unwrap();
            let text = bytes[place..].iter().position(|byte| *byte == b'?').unwrap();
            bytes[place + text] = b'!';
            std::fs::write(home.database(), bytes).unwrap();
        })
        .await
        .unwrap();
    desk.engine.look_for_damage();
    let told = desk.engine.status(String::new(), String::new()).unwrap().notices.join("\n");
    assert!(told.contains("is damaged") && told.contains(&id), "{told}");
    let agent = Agent::connect(&desk.engine);
    let refused = agent.call("agent.hello", json!({ "name": "late" })).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Unavailable, "{refused:?}");
    assert!(refused.message.contains("damaged"), "{refused:?}");
    let status = desk.engine.status(String::new(), String::new()).unwrap();
    assert!(status.fault.unwrap().contains("damaged"), "the banner names the cause");
    agent.hang_up();
    let desk = desk.restart().await.unwrap();
    let notices =
        |desk: &Headless| desk.engine.status(String::new(), String::new()).unwrap().notices;
    let told = notices(&desk);
    let lost = told.iter().find(|notice| notice.contains("was damaged")).unwrap();
    assert!(lost.contains(&id), "{told:?}");
    // It is killed before anybody has read that.
    let desk = desk.restart().await.unwrap();
    assert!(notices(&desk).contains(lost), "told until it is read");
    desk.engine.dismiss(lost).unwrap();
    assert!(!notices(&desk).contains(lost));
    let desk = desk.restart().await.unwrap();
    assert!(!notices(&desk).contains(lost), "it was read");
}

#[tokio::test]
async fn what_cannot_be_read_while_the_desk_runs_is_looked_into_at_once() {
    for by_a_timer in [true, false] {
        let desk = Headless::new().await.unwrap();
        let agent = Agent::named(&desk.engine, "tidy").await;
        let id = agent.submit(handoff("one")).await;
        #[expect(clippy::disallowed_methods, reason = "what damages it under the desk")]
        let other = rusqlite::Connection::open(desk.home.database()).unwrap();
        let breaks = "UPDATE handoffs SET progress = '{' || progress WHERE id = ?";
        assert_eq!(other.execute(breaks, [&id]).unwrap(), 1);
        if by_a_timer {
            desk.clock.pass(Duration::from_hours(2));
        } else {
            desk.engine.wake(&id).await.unwrap_err();
        }
        // What a timer runs into is looked at with the look after it.
        desk.engine.tick().await;
        desk.engine.tick().await;
        let status = desk.engine.status(String::new(), String::new()).unwrap();
        let (fault, told) = (status.fault.unwrap_or_default(), status.notices.join("\n"));
        assert!(fault.contains("damaged") && told.contains("is damaged"), "{fault} {told}");
        assert!(Files::of(desk.home.database()).is_suspect(), "the next start looks, too");
        let refused = agent.call("handoff.submit", json!({ "handoff": handoff("two") })).await;
        assert_eq!(refused.unwrap_err().code, ErrorCode::Unavailable, "nothing more is stored");
        // In the end the audit log of each test's desk is whole.
        let mends = "UPDATE handoffs SET progress = substr(progress, 2) WHERE id = ?";
        assert_eq!(other.execute(mends, [&id]).unwrap(), 1);
    }
}

#[tokio::test]
async fn settings_that_cannot_be_read_are_said_and_kept_aside() {
    let desk = Headless::new().await.unwrap();
    let settings = Settings { hold_s: 9, ..desk.engine.settings() };
    desk.engine.save_settings(settings).await.unwrap();
    let stored = r#"{"hold_s":9,"theme":"mauve"}"#;
    let desk = desk
        .restart_after(|home| {
            let store = Store::open(&home.database()).unwrap();
            let change = async {
                store.write(|write| write.set("settings", stored)).await.unwrap();
            };
            let runtime = tokio::runtime::Handle::current();
            std::thread::scope(|scope| {
                scope.spawn(|| runtime.block_on(change));
            });
        })
        .await
        .unwrap();
    assert_eq!(desk.engine.settings().hold_s, 9, "what can be read counts");
    let notices = desk.engine.status(String::new(), String::new()).unwrap().notices;
    let notice = notices.iter().find(|notice| notice.contains("theme")).unwrap();
    let kept = desk.home.root().join("settings-unread.json");
    assert!(notice.contains(kept.to_str().unwrap()), "{notice}");
    assert_eq!(std::fs::read_to_string(kept).unwrap(), stored);
}

#[tokio::test]
async fn the_reviewer_goes_back_to_a_backup_and_is_told_what_is_undone() {
    let mut desk = Headless::new().await.unwrap();
    let agent = Agent::named(&desk.engine, "tidy").await;
    let before = agent.submit(handoff("before")).await;
    desk.engine.tick().await;
    desk.engine.back_up();
    let after = agent.submit(handoff("after")).await;
    let backups = desk.engine.backups().unwrap();
    assert_eq!((backups.len(), backups[0].handoffs), (1, Some(1)));
    let name = backups[0].name.clone();
    assert!(backups[0].bytes > 0 && !backups[0].before_new_format);
    desk.engine.can_go_back(&name).unwrap();
    for other in ["", "../desk.db", "desk-20260101T000000000Z-daily.db"] {
        assert!(desk.engine.can_go_back(other).is_err(), "{other}");
    }
    agent.hang_up();
    let now = chrono::DateTime::from_timestamp(1_790_000_999, 0).unwrap();
    for (name, expected) in [("no-such.db", "did not go back"), (name.as_str(), &after)] {
        desk = desk
            .restart_after(|home| {
                let said = go_back(&Files::of(home.database()), name, now);
                assert!(said.contains(expected), "{said}");
            })
            .await
            .unwrap();
    }
    assert_eq!(desk.engine.open_case(&before).unwrap().id, before);
    assert!(desk.engine.open_case(&after).is_err());
    let verified = handoff_store::verify(&Files::of(desk.home.database())).unwrap();
    assert_eq!(verified.broken, None, "a new epoch names what is lost");
}
