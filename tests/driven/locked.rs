//! Another program holds the database: nothing is acknowledged that is not
//! stored, the window names the cause, and all goes on once it is free.

use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use handoff_stage::Child;

use crate::support::{AFTER_HOLD, Desk, SOON, payload};

/// Longer than the desk waits for a lock before it gives up.
const PATIENCE: Duration = Duration::from_secs(40);

/// A process that holds the desk's database and lets nobody else write.
struct Holder(Child);

impl Holder {
    fn of(desk: &Desk) -> Self {
        let mut command = desk.command("sqlite3");
        command.arg(desk.home().join("desk.db")).stdin(Stdio::piped());
        // It waits for more on its standard input then.
        for ask in [".timeout 10000", "BEGIN EXCLUSIVE;", ".shell echo held"] {
            command.args(["-cmd", ask]);
        }
        let (child, said) = Child::start_until_line("sqlite3", &mut command, SOON).unwrap();
        assert_eq!(said, "held");
        Self(child)
    }

    /// Lets it go, as the other program does by itself.
    fn release(mut self) {
        self.0.process().stdin.take().unwrap().write_all(b"COMMIT;\n.quit\n").unwrap();
        assert!(self.0.wait(SOON).unwrap().is_some_and(|status| status.success()));
    }
}

#[test]
fn a_database_held_by_another_program_is_named_until_it_is_free() {
    let desk = Desk::open();
    let window = desk.window();
    let id = desk.submit(&payload::rename("before"));
    window.open_item(&id, "May I rename draft-before.txt?");

    let holder = Holder::of(&desk);
    let refused = desk.start_cli(&["submit", "-"], Some(&payload::rename("meanwhile")));
    window.click("decide-approve");
    let refused = refused.finish(PATIENCE);
    assert_ne!(refused.code, 0, "acknowledged though it is not stored: {}", refused.out);
    let said = format!("{}{}", refused.out, refused.err);
    assert!(said.contains("nother program holds the database"), "it names the cause: {said}");
    window.shows("error", "nother program holds the database");
    // The desk says so of itself, and of the decision that it could not store.
    window.see_where("error", ":not(:has(button))");
    window.see_where("error", ":has(button)");
    window.gone("undo-decision", "");
    assert_eq!(desk.state(&id), "ready", "it can still be read, and is not decided");

    holder.release();
    // By itself: nobody asks for anything.
    window.gone("error", ":not(:has(button))");
    let answer = desk.submit_and_wait(&payload::rename("meanwhile"));
    window.open_item(&id, "May I rename draft-before.txt?");
    window.click("decide-approve");
    desk.wait_for_state(&id, "released");
    window.shows("question", "May I rename draft-meanwhile.txt?");
    window.click("decide-approve");
    answer.finish(AFTER_HOLD).expect_code(0);
    assert_eq!(desk.cli(&["list"]).json["total"], 2, "the refused one is there once");
}
