//! Much at once: a payload of the largest size, a thousand cases in a burst,
//! three hundred agents that wait.

use std::path::Path;
use std::time::Duration;

use handoff_protocol::wire::{Answered, Hello, Standing, Submit, Wait, method};
use handoff_transport::client::Client;
use handoff_transport::home::Home;
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use crate::support::{AFTER_HOLD, Desk, SOON, payload};

fn client(desk: &Desk, name: &str) -> Client {
    let hello = Hello { name: name.to_owned(), ..Hello::default() };
    Client::connect(&Home::new(desk.home().to_owned()), hello).unwrap()
}

fn submit(client: &mut Client, payload: &Value) -> Standing {
    let handoff = to_raw_value(payload).unwrap();
    client.call(method::SUBMIT, &Submit::of(&handoff)).unwrap()
}

/// A payload whose history holds `bytes` of output in pieces of 60 KiB.
fn bulky(key: &str, bytes: usize) -> Value {
    let mut payload = payload::rename(key);
    let piece = "0123456789 words and lines\n".repeat(60 * 1024 / 27);
    // As it is written in JSON, where each line end takes two bytes.
    let count = bytes / (json!(piece).to_string().len() + 100);
    payload["actions_taken"] = (0..count)
        .map(|number| {
            json!({
                "id": format!("read-{number}"), "tool": "files.read", "effect": "read",
                "status": "done", "output": {"text": piece},
            })
        })
        .collect();
    payload
}

#[test]
fn the_largest_payload_opens_like_any_other_and_a_larger_one_is_refused() {
    let desk = Desk::open();
    let window = desk.window();
    let id = desk.submit(&bulky("large", 7 * 1024 * 1024 + 800 * 1024));
    let small = desk.submit(&payload::rename("small"));
    window.open_item(&id, "May I rename draft-large.txt?");
    window.open_actions();
    window.see("action");
    let shown = window.run("return document.body.textContent.length;", &[]);
    assert!(shown.as_u64().unwrap() < 500_000, "all of it is in the page: {shown}");
    window.open_item(&small, "May I rename draft-small.txt?");
    window.open_item(&id, "May I rename draft-large.txt?");
    window.click("decide-approve");
    desk.wait_for_state(&id, "released");

    let larger = bulky("larger", 9 * 1024 * 1024);
    let refused = desk.start_cli(&["submit", "-"], Some(&larger)).finish(SOON).expect_code(3);
    assert!(refused.out.contains("8 MiB"), "{}", refused.out);
    assert_eq!(desk.cli(&["list"]).json["total"], json!(2));
}

#[test]
fn a_thousand_submits_in_a_burst_are_all_there_and_the_window_is_usable() {
    let desk = Desk::open();
    let window = desk.window();
    // What can be undone would wait behind the first of an hour.
    let mut agent = client(&desk, "burst");
    let first = submit(&mut agent, &payload::delete("burst-0")).id;
    window.open_item(&first, "May I delete draft-burst-0.txt for good?");
    std::thread::scope(|scope| {
        for part in 0..4 {
            let mut agent = client(&desk, "burst");
            scope.spawn(move || {
                for number in 0..250 {
                    submit(&mut agent, &payload::delete(&format!("burst-{part}-{number}")));
                }
            });
        }
    });
    let counted = window.until(
        "return document.querySelector('[data-tab=inbox]').innerText.replace(/\\D/g, '') === '1001';",
        &[],
    );
    assert!(counted.is_some(), "the count is wrong:\n{}", window.page_text());
    window.shows("question", "May I delete draft-burst-0.txt for good?");
    window.press("j");
    let moved = window.until(
        "return !document.querySelector('[data-testid=question]').innerText.includes('burst-0.txt');",
        &[],
    );
    assert!(moved.is_some(), "the next case does not open:\n{}", window.page_text());
    let rows = window.items().len();
    assert!(rows < 300, "only what can be seen is drawn, not {rows} rows");
}

/// How many are connected to this socket, as the system lists them.
fn peers(socket: &Path) -> usize {
    let path = socket.to_str().unwrap();
    let list = std::fs::read_to_string("/proc/net/unix").unwrap();
    let of_it = list.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    // Number, references, protocol, flags, type, state (3 is connected), inode, path.
    of_it.filter(|fields| fields.get(5) == Some(&"03") && fields.get(7) == Some(&path)).count()
}

#[test]
fn of_three_hundred_that_wait_all_are_told_and_one_is_to_act() {
    let desk = Desk::open();
    let window = desk.window();
    let id = desk.submit(&payload::rename("shared"));
    window.open_item(&id, "May I rename draft-shared.txt?");
    // Who is to act keeps the right while it is connected: none leaves before all are told.
    let told: Vec<(Client, Answered)> = std::thread::scope(|scope| {
        let waiting: Vec<_> = (0..300)
            .map(|_| {
                let mut agent = client(&desk, "cli");
                let wait = Wait { id: id.clone(), timeout_s: Some(60) };
                scope.spawn(move || {
                    let told = agent.call_by(method::WAIT, &wait, Duration::from_mins(2)).unwrap();
                    (agent, told)
                })
            })
            .collect();
        let home = Home::new(desk.home().to_owned());
        let all = || Ok(Some(peers(home.socket())).filter(|open| *open >= 300));
        let all = handoff_stage::ask_until(SOON, all).unwrap();
        assert!(all.is_some(), "only {} are connected", peers(home.socket()));
        window.shows("liveness", "listening now");
        let mut other = client(&desk, "another");
        let meanwhile = submit(&mut other, &payload::rename("meanwhile")).id;
        window.item(&meanwhile, "ready");
        window.click("decide-approve");
        desk.wait_for_state(&id, "released");
        waiting.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let (agents, told): (Vec<Client>, Vec<Answered>) = told.into_iter().unzip();
    assert!(told.iter().all(|answer| answer.decision == told[0].decision));
    assert!(told[0].decision.is_some());
    assert_eq!(told.iter().filter(|answer| answer.act).count(), 1);
    drop(agents);
    // The one that was to act is gone without a receipt: the next may.
    let next = desk.wait_for(&id).finish(AFTER_HOLD).expect_code(0);
    assert_eq!(next.json["act"], json!(true));
}
