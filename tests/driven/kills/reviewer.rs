//! The reviewer in the real window: looks, decides, sometimes takes it back,
//! and believes only what the page has confirmed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use handoff_stage::Driver;
use serde_json::{Value, json};

use super::ledger::{Answer, Ledger};
use crate::support::dice::Dice;
use crate::support::window::Window;

/// How long a page may take to do what was asked of it, on a loaded machine.
const LIMIT: Duration = Duration::from_secs(20);

/// How long the reviewer looks for a card before looking at the clock.
const LOOK: Duration = Duration::from_secs(1);

/// Notes in the page which decisions it has called recorded: that is told for
/// a second only, the hold.
const WATCH: &str = r"
window.recorded = {};
const look = () => {
  for (const held of document.querySelectorAll('[data-testid=undo-decision]')) {
    window.recorded[held.dataset.handoffId] = true;
  }
};
new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true });
look();
";

/// The card on screen, once it takes an answer; after one that was taken back
/// its form is still open.
const CARD: &str = "
const form = document.querySelector('[data-testid=submit-decision]');
if (form?.checkVisibility()) return { form: true };
const line = document.querySelector('[data-testid=queue-item][aria-selected=true]');
const question = document.querySelector('[data-testid=question]');
const approve = document.querySelector('[data-testid=decide-approve]');
if (!line || !question || !approve || !approve.checkVisibility()) return null;
if (approve.disabled || approve.getAttribute('aria-disabled') === 'true') return null;
if (line.dataset.state !== 'ready' || window.left === line.dataset.handoffId) return null;
return { id: line.dataset.handoffId, question: question.innerText };
";

pub struct Reviewer {
    ledger: Arc<Ledger>,
    dice: Dice,
    tried: u32,
}

impl Reviewer {
    pub fn new(ledger: Arc<Ledger>, dice: Dice) -> Self {
        Self { ledger, dice, tried: 0 }
    }

    /// Works until the window is gone; `sent` is told of each answer. A failure
    /// while the app was alive is one of the app's.
    pub fn work(
        &mut self,
        window: &Window,
        sent: &Sender<()>,
        dead: &AtomicBool,
    ) -> Option<anyhow::Error> {
        let fault = self.look_on(window, |reviewer, driver| {
            while !dead.load(Ordering::SeqCst) {
                reviewer.answer_one(driver, sent)?;
            }
            Ok(())
        });
        fault.filter(|_| !dead.load(Ordering::SeqCst))
    }

    /// Answers whatever is left until the agents are `done`, within `limit`.
    pub fn finish(&mut self, window: &Window, limit: Duration, done: impl Fn() -> bool) {
        let (sent, _heard) = std::sync::mpsc::channel();
        let until = Instant::now() + limit;
        let fault = self.look_on(window, |reviewer, driver| {
            while !done() && !reviewer.ledger.is_over() {
                if Instant::now() > until {
                    let handoffs = reviewer.ledger.handoffs();
                    let waiting: Vec<_> =
                        handoffs.iter().filter(|(_, known)| !known.done).collect();
                    bail!("an agent waits for ever: {waiting:#?}\n{}", driver.text());
                }
                reviewer.answer_one(driver, &sent)?;
            }
            Ok(())
        });
        if let Some(fault) = fault {
            self.ledger.fault(format!("the reviewer cannot finish: {fault:#}"));
        }
    }

    fn look_on(
        &mut self,
        window: &Window,
        work: impl FnOnce(&mut Self, &Driver) -> anyhow::Result<()>,
    ) -> Option<anyhow::Error> {
        let driver = window.driver();
        let watched = driver.run(WATCH, &[]);
        watched.and_then(|_| work(self, driver)).err()
    }

    fn answer_one(&mut self, driver: &Driver, sent: &Sender<()>) -> anyhow::Result<()> {
        let Some(card) = driver.until(CARD, &[], LOOK)? else { return Ok(()) };
        if card["form"] == json!(true) {
            return driver.press("Escape");
        }
        let id = card["id"].as_str().context("a line names its handoff")?.to_owned();
        let question = card["question"].as_str().unwrap_or_default();
        if !self.ledger.fits(&id, question) {
            // The line has moved on, and the card not yet.
            return Ok(());
        }
        self.ledger.asks_for_an_answer(&id);
        let answer = self.prepare(driver)?;
        // Without this the same card could be taken for one that asks again,
        // in the moment until it has gone.
        driver.run("window.left = arguments[0];", &[json!(id)])?;
        self.ledger.sends(&id, &answer);
        // Nobody may listen any more.
        sent.send(()).ok();
        let button = if answer.kind == "approve" { "decide-approve" } else { "submit-decision" };
        click(driver, button, "")?;
        let recorded = driver.until("return window.recorded[args[0]];", &[json!(id)], LIMIT)?;
        recorded.with_context(|| format!("{id} was not recorded:\n{}", driver.text()))?;
        self.ledger.recorded(&id, &answer);
        if self.dice.chance(20) {
            self.take_back(driver, &id)?;
        }
        Ok(())
    }

    /// Fills in an answer, up to the last click.
    fn prepare(&mut self, driver: &Driver) -> anyhow::Result<Answer> {
        self.tried += 1;
        let words = format!("try {}", self.tried);
        match self.dice.below(10) {
            0..4 => choose(driver, "rename"),
            4..6 => choose(driver, "leave"),
            6..8 => {
                click(driver, "decide-reject", "")?;
                type_into(driver, "reject-reason", &words)?;
                Ok(Answer { kind: "reject", words })
            }
            8 => {
                click(driver, "decide-inform", "")?;
                type_into(driver, "inform-text", &words)?;
                Ok(Answer { kind: "inform", words })
            }
            _ => {
                click(driver, "decide-takeover", "")?;
                Ok(Answer { kind: "take_over", words: String::new() })
            }
        }
    }

    /// Takes the answer back, if its hold still runs.
    fn take_back(&self, driver: &Driver, id: &str) -> anyhow::Result<()> {
        self.ledger.takes_back(id);
        let clicked = driver.run(
            "const undo = document.querySelector(`[data-testid=undo-decision][data-handoff-id='${arguments[0]}']`);
             if (!undo || undo.disabled) return false;
             delete window.recorded[arguments[0]];
             window.left = null;
             undo.click();
             return true;",
            &[json!(id)],
        )?;
        if clicked != Value::Bool(true) {
            return Ok(());
        }
        // It comes back, or the hold was over before.
        let back = driver.until(
            "const line = document.querySelector(`[data-testid=queue-item][data-handoff-id='${args[0]}']`);
             if (line?.dataset.state === 'ready') return 'back';
             return document.querySelector('[data-testid=error]') ? 'late' : null;",
            &[json!(id)],
            LIMIT,
        )?;
        match back.as_ref().and_then(Value::as_str) {
            Some("back") => self.ledger.taken_back(id),
            Some(_) => driver.run(
                "for (const one of document.querySelectorAll('[data-testid=error] button')) one.click();",
                &[],
            ).map(drop)?,
            None => bail!("undoing {id} has no end:\n{}", driver.text()),
        }
        Ok(())
    }
}

/// An approval of this option; after one that was taken back another may
/// still be chosen.
fn choose(driver: &Driver, option: &str) -> anyhow::Result<Answer> {
    let input = format!("[data-option-id='{option}'] input");
    click(driver, "option", &input)?;
    let chosen = driver.until(
        "return document.querySelector(args[0])?.checked;",
        &[json!(format!("[data-testid=option]{input}"))],
        LIMIT,
    )?;
    chosen.with_context(|| format!("{option} cannot be chosen:\n{}", driver.text()))?;
    Ok(Answer { kind: "approve", words: option.to_owned() })
}

fn click(driver: &Driver, test_id: &str, condition: &str) -> anyhow::Result<()> {
    let on =
        format!("[data-testid='{test_id}']{condition}:not(:disabled):not([aria-disabled='true'])");
    let element = driver.find(&on, LIMIT)?;
    driver.click(&element).with_context(|| test_id.to_owned())
}

fn type_into(driver: &Driver, test_id: &str, text: &str) -> anyhow::Result<()> {
    let field = driver.find(&format!("[data-testid='{test_id}']"), LIMIT)?;
    driver.click(&field)?;
    // Words of an answer that was taken back are still there.
    driver.press("Control+a")?;
    driver.type_text(text).with_context(|| test_id.to_owned())
}
