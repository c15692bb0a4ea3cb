//! The window, in the words of its test ids (CONTRACT §8).

use std::path::Path;
use std::process::Command;

use handoff_stage::{Driver, Element};
use serde_json::{Value, json};

use super::SOON;

/// The window of a desk.
pub struct Window(Driver);

impl Window {
    /// Opens the window of `program` and waits until it can be used.
    pub fn open(driver: &mut Command, program: &Path) -> Self {
        let window = Self(Driver::open(driver, program).unwrap());
        window.see("connection-state");
        window
    }

    /// Kills the app as a power cut would.
    pub fn kill(self) {
        self.0.kill().unwrap();
    }

    /// The first visible element with this test id, waited for.
    #[track_caller]
    pub fn see(&self, test_id: &str) -> Element {
        self.see_where(test_id, "")
    }

    /// The same with a further condition as a CSS selector, such as
    /// `[data-option-id="leave"]`.
    #[track_caller]
    pub fn see_where(&self, test_id: &str, condition: &str) -> Element {
        self.0.find(&selector(test_id, condition), SOON).unwrap_or_else(|fault| panic!("{fault:#}"))
    }

    /// Waits until nothing visible has this test id.
    #[track_caller]
    pub fn gone(&self, test_id: &str, condition: &str) {
        let gone = self.until(
            "return ![...document.querySelectorAll(args[0])].some(e => e.checkVisibility());",
            &[json!(selector(test_id, condition))],
        );
        assert!(gone.is_some(), "{test_id}{condition} is still there:\n{}", self.page_text());
    }

    /// Clicks the element with this test id once it can be clicked: it is
    /// visible, and not switched off.
    #[track_caller]
    pub fn click(&self, test_id: &str) {
        self.click_where(test_id, "");
    }

    /// The same with a further condition.
    #[track_caller]
    pub fn click_where(&self, test_id: &str, condition: &str) {
        let on = format!("{condition}:not(:disabled):not([aria-disabled='true'])");
        let element = self.see_where(test_id, &on);
        self.0.click(&element).unwrap_or_else(|fault| panic!("{test_id}: {fault:#}"));
    }

    /// Types text into the field with this test id.
    #[track_caller]
    pub fn type_into(&self, test_id: &str, text: &str) {
        let field = self.see(test_id);
        self.0.type_into(&field, text).unwrap_or_else(|fault| panic!("{test_id}: {fault:#}"));
    }

    /// Presses a key or a chord wherever the keyboard is.
    pub fn press(&self, chord: &str) {
        self.0.press(chord).unwrap();
    }

    /// The text of the first visible element with this test id.
    #[track_caller]
    pub fn text(&self, test_id: &str) -> String {
        self.0.text_of(&self.see(test_id)).unwrap()
    }

    /// Waits until an element with this test id shows this text.
    #[track_caller]
    pub fn shows(&self, test_id: &str, text: &str) {
        let shown = self.until(
            "return [...document.querySelectorAll(args[0])]
               .some(e => e.checkVisibility() && (e.innerText ?? '').includes(args[1]));",
            &[json!(selector(test_id, "")), json!(text)],
        );
        assert!(shown.is_some(), "{test_id} does not show {text:?}:\n{}", self.page_text());
    }

    /// Waits until an element with this test id shows any text at all.
    #[track_caller]
    pub fn says_something(&self, test_id: &str) {
        let said = self.until(
            "return [...document.querySelectorAll(args[0])]
               .some(e => e.checkVisibility() && (e.innerText ?? '').trim() !== '');",
            &[json!(selector(test_id, ""))],
        );
        assert!(said.is_some(), "{test_id} says nothing:\n{}", self.page_text());
    }

    /// Waits until a part of the window without a test id is shown.
    #[track_caller]
    pub fn shows_part(&self, part: &str) {
        let selector = format!("[data-part='{part}']");
        self.0.find(&selector, SOON).unwrap_or_else(|fault| panic!("{part}: {fault:#}"));
    }

    /// Waits for the item of this handoff in the list on screen, in a state.
    #[track_caller]
    pub fn item(&self, id: &str, state: &str) -> Element {
        self.see_where("queue-item", &format!("[data-handoff-id='{id}'][data-state='{state}']"))
    }

    /// The handoffs of the list on screen, from the top.
    pub fn items(&self) -> Vec<String> {
        let items = self.run(
            "return [...document.querySelectorAll('[data-testid=queue-item]')]
               .map(e => e.dataset.handoffId);",
            &[],
        );
        items.as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
    }

    /// Opens the case of this handoff and waits until its question is shown.
    #[track_caller]
    pub fn open_item(&self, id: &str, question: &str) {
        self.click_where("queue-item", &format!("[data-handoff-id='{id}']"));
        self.shows("question", question);
    }

    /// Puts the text of the arguments' editor in place of what is there, as
    /// someone does who selects all and types.
    #[track_caller]
    pub fn edit_args(&self, args: &Value) {
        self.see("args-editor");
        // The editor is loaded when it is first needed, and takes the focus then:
        // what is typed before that goes elsewhere.
        let loaded = "const text = document.querySelector('[data-testid=args-editor] .cm-content');
             return text !== null && text === document.activeElement;";
        assert!(self.until(loaded, &[]).is_some(), "no editor:\n{}", self.page_text());
        self.press("Control+a");
        self.press("Delete");
        self.0.type_text(&args.to_string()).unwrap();
    }

    /// States a fact in the form that is open.
    #[track_caller]
    pub fn state_fact(&self, name: &str, value: &str) {
        self.click_where("fact-editor", " button[title^='A named value']");
        for (label, text) in [("Name", name), ("Value", value)] {
            let field = format!(" input[aria-label^='{label} of fact']");
            let field = self.see_where("fact-editor", &field);
            self.0.type_into(&field, text).unwrap_or_else(|fault| panic!("{label}: {fault:#}"));
        }
    }

    /// Waits until the preview says that this becomes of a step.
    #[track_caller]
    pub fn step_is(&self, step: &str, verdict: &str) {
        let line = format!("[data-step-id='{step}'][data-verdict='{verdict}']");
        self.see_where("directive-step", &line);
    }

    /// Approves what asks for a deliberate extra act.
    #[track_caller]
    pub fn approve_high_risk(&self) {
        self.click("confirm-high-risk");
        self.click("decide-approve");
    }

    /// Chooses an option and waits until it is the one that would be approved.
    #[track_caller]
    pub fn choose(&self, option: &str) {
        let input = format!("[data-option-id='{option}'] input");
        self.click_where("option", &input);
        let chosen = self.until(
            "return document.querySelector(args[0])?.checked;",
            &[json!(selector("option", &input))],
        );
        assert!(chosen.is_some(), "{option} is not chosen:\n{}", self.page_text());
    }

    /// Confirms the consequence of an edited high risk.
    #[track_caller]
    pub fn confirm_high_risk(&self) {
        self.click("confirm-high-risk");
    }

    /// Shows the list of what is over.
    #[track_caller]
    pub fn open_history(&self) {
        self.open_tab("done");
    }

    /// Shows what the agent has done so far.
    #[track_caller]
    pub fn open_actions(&self) {
        self.open_tab("history");
    }

    /// Shows who did what, and when.
    #[track_caller]
    pub fn open_thread(&self) {
        self.open_tab("thread");
    }

    /// Opens a list, or a part of the card, by the name of its tab.
    #[track_caller]
    pub fn open_tab(&self, name: &str) {
        let tab = self.0.find(&format!("[role='tab'][data-tab='{name}']"), SOON).unwrap();
        self.0.click(&tab).unwrap();
    }

    /// What drives it, for a test in which it may be gone at any moment.
    pub fn driver(&self) -> &Driver {
        &self.0
    }

    /// Runs a function body in the page.
    pub fn run(&self, script: &str, args: &[Value]) -> Value {
        self.0.run(script, args).unwrap()
    }

    /// Waits in the page for a condition.
    pub fn until(&self, condition: &str, args: &[Value]) -> Option<Value> {
        self.0.until(condition, args, SOON).unwrap()
    }

    /// All that can be read in the window.
    pub fn page_text(&self) -> String {
        self.0.text()
    }
}

fn selector(test_id: &str, condition: &str) -> String {
    format!("[data-testid='{test_id}']{condition}")
}
