//! Taking actions back: as the reviewer does it in the window, and as an agent
//! is asked for it.

use serde_json::{Value, json};

use super::cli::Answer;
use super::window::Window;
use super::{Desk, SOON};

impl Window {
    /// Asks what it would do to take back this action of the list on screen, and
    /// all that came after it; answers what would be undone, in its order.
    #[track_caller]
    pub fn undo_since(&self, action: &str) -> Vec<String> {
        let button = format!("[data-action-id='{action}'] [data-part='undo-since']");
        // What is out of sight of a long list is drawn as it is scrolled to, and
        // then may be elsewhere: the driver itself would miss it.
        let pressed = self.until(
            "const button = document.querySelector(args[0]);
             if (button === null) return false;
             const { x, y, width, height } = button.getBoundingClientRect();
             const hit = button.contains(document.elementFromPoint(x + width / 2, y + height / 2));
             if (hit) button.click();
             else button.scrollIntoView({ block: 'center' });
             return hit;",
            &[json!(format!("[data-testid='action']{button}"))],
        );
        assert!(pressed.is_some(), "{action} is not shown:\n{}", self.page_text());
        self.see("rollback-preview");
        let steps = self.run(
            "return [...document.querySelectorAll('[data-testid=rollback-step]')]
               .map(e => e.dataset.actionId);",
            &[],
        );
        steps.as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
    }

    /// Waits until the undo of this action has come so far.
    #[track_caller]
    pub fn undo_is(&self, action: &str, state: &str) {
        let item = format!("[data-action-id='{action}'][data-state='{state}']");
        self.see_where("rollback-step", &item);
    }

    /// Says how it goes on with the undo of this action: `retry`, `skip`,
    /// `hand_over` or `confirm`.
    #[track_caller]
    pub fn settle_undo(&self, action: &str, choice: &str) {
        let button = format!("[data-action-id='{action}'] [data-part='undo-{choice}']");
        self.click_where("rollback-step", &button);
    }

    /// Opens the rollback of the card, or of the task, on screen.
    #[track_caller]
    pub fn open_rollback(&self) {
        self.press_part("rollback", " button");
    }

    /// Opens the page of a task of the only agent.
    #[track_caller]
    pub fn open_task(&self, task: &str) {
        self.press("Control+2");
        self.press_part("task", &format!("[data-task='{task}'] button[title^='Its thread']"));
    }

    /// Clicks within a part of the window without a test id.
    #[track_caller]
    pub fn press_part(&self, part: &str, within: &str) {
        let selector = format!("[data-part='{part}']{within}:not(:disabled)");
        let button =
            self.driver().find(&selector, SOON).unwrap_or_else(|fault| panic!("{fault:#}"));
        self.driver().click(&button).unwrap_or_else(|fault| panic!("{part}: {fault:#}"));
    }
}

/// The task of an agent, in the place of one of its processes.
#[derive(Clone, Copy)]
pub struct Process<'d> {
    /// The desk it talks to.
    pub desk: &'d Desk,
    /// The agent.
    pub agent: &'d str,
    /// The task.
    pub task: &'d str,
}

impl Process<'_> {
    /// Waits until the agent is asked to undo something; answers what.
    #[track_caller]
    pub fn is_asked_to_undo(&self) -> Value {
        let args = ["--agent", self.agent, "next", "--task", self.task, "--wait", "20"];
        let told = self.desk.start_cli(&args, None).finish(SOON * 2).expect_code(0).json;
        let undo = told["items"].as_array().unwrap().iter().find(|item| item["kind"] == "undo");
        undo.cloned().unwrap_or_else(|| panic!("nothing is to be undone: {told:#}"))
    }

    /// Asks whether it may do what it was asked for.
    #[track_caller]
    pub fn takes_up(&self, undo: &Value) -> Answer {
        let check = json!({
            "task": self.task, "tool": undo["tool"], "args": undo["args"], "key": undo["key"],
        });
        self.says("check", &check)
    }

    /// Says that it has done what it was asked for.
    #[track_caller]
    pub fn has_undone(&self, undo: &Value) -> Answer {
        let record = json!({ "task": self.task, "action": {
            "id": undo["key"], "tool": undo["tool"], "input": undo["args"],
            "effect": "reversible", "status": "done",
        }});
        self.says("record", &record)
    }

    /// Calls a command with this as its input.
    #[track_caller]
    pub fn says(&self, command: &str, input: &Value) -> Answer {
        self.desk.start_cli(&["--agent", self.agent, command, "-"], Some(input)).finish(SOON)
    }
}
