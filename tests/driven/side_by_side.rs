//! Two homes on one desktop are two desks that know nothing of each other.

use handoff_protocol::wire::{Status, method};
use handoff_stage::{Child, ask_until};
use handoff_transport::client::Client;
use handoff_transport::home::Home;
use serde_json::json;

use crate::support::desk::{CLI, DESK};
use crate::support::{Desk, SOON, payload};

#[test]
fn two_homes_side_by_side_do_not_disturb_each_other() {
    let desk = Desk::open();
    let folder = tempfile::Builder::new().prefix("hd").tempdir().unwrap();
    let other_home = Home::new(folder.path().to_owned());
    let start = || {
        let mut command = desk.command(DESK);
        Child::start("the other desk", command.env("HANDOFF_DESK_HOME", folder.path())).unwrap()
    };
    let answers =
        || -> Option<Status> { Client::ask(&other_home, method::STATUS, &json!({})).ok() };
    let mut other = start();
    let up = ask_until(SOON, || Ok(answers())).unwrap().expect("the other desk answers");
    assert_eq!(up.pid, other.pid(), "it did not give way to the first");

    let submit_there = |key: &str| {
        let file = desk.scratch("cases").join(format!("{key}.json"));
        std::fs::write(&file, payload::rename(key).to_string()).unwrap();
        let mut command = desk.command(CLI);
        command.env("HANDOFF_DESK_HOME", folder.path()).arg("submit").arg(&file);
        assert!(command.output().unwrap().status.success());
    };
    // The same agent with the same key: two handoffs, as there are two desks.
    let here = desk.submit(&payload::rename("same"));
    submit_there("same");
    submit_there("there");
    desk.notices().wait(SOON, |notice| notice.body.contains("draft-there.txt")).unwrap();
    let window = desk.window();
    window.open_item(&here, "May I rename draft-same.txt?");
    assert_eq!(window.items(), [here.as_str()], "each shows its own");
    window.click("decide-approve");
    desk.wait_for_state(&here, "released");
    assert_eq!(answers().map(|status| status.inbox), Some(2), "nothing was decided there");

    // A start in a home focuses the desk of that home.
    let mut second = start();
    assert!(second.wait(SOON).unwrap().is_some_and(|status| status.success()));
    other.kill().unwrap();
    let more = desk.submit(&payload::rename("more"));
    window.item(&more, "ready");
    assert!(answers().is_none(), "and the death of one is not that of the other");
}
