//! Key → painted: from a key that moves on in the queue until the frame with
//! the next case had been painted, in the built app.

use std::time::Duration;

use anyhow::Context;
use handoff_stage::{Plan, Stage};
use serde_json::{Value, json};

use crate::Setup;
use crate::driven;
use crate::row::{Goal, Head, Measured};
use crate::spread::{Better, Spread};

/// The row.
pub const HEAD: Head =
    Head { name: "key → painted, 100k stored", unit: "ms", goal: Goal::TailAtMost(50.0) };

const SAMPLES: usize = 100;
/// Samples that warm the window up and are not counted.
const WARM: usize = 10;
const LIMIT: Duration = Duration::from_secs(20);

/// Notes for each key how long it took until the frame with another case had
/// been painted. The case is there once the card asks what its line asks.
const WATCH: &str = r"
window.took = [];
let pressed = null;
const shown = () => {
  const line = document.querySelector('[data-testid=queue-item][aria-selected=true]');
  const card = document.querySelector('[data-testid=question]');
  const same = line && card && line.textContent.includes(card.textContent.trim());
  return same ? line.dataset.handoffId : null;
};
document.addEventListener('keydown', (event) => {
  pressed = { at: event.timeStamp, before: shown() };
}, true);
const look = () => {
  const now = pressed === null ? null : shown();
  if (now === null || now === pressed.before) return;
  const { at } = pressed;
  pressed = null;
  requestAnimationFrame(() => {
    const after = new MessageChannel();
    after.port1.onmessage = () => { window.took.push(performance.now() - at); };
    after.port2.postMessage(null);
  });
};
new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
";

/// Measures it.
pub fn measure(setup: &Setup) -> anyhow::Result<Vec<Measured>> {
    let home = setup.stored()?;
    let stage = Stage::open(Plan::default())?;
    let driver = driven::open(&stage, &setup.desk, home, "[data-testid='question']")?;
    driver.run(WATCH, &[])?;
    let mut samples = Vec::new();
    for number in 0..WARM + SAMPLES {
        driver.press("j")?;
        let took = driver
            .until("return window.took[args[0]] ?? null;", &[json!(number)], LIMIT)?
            .as_ref()
            .and_then(Value::as_f64)
            .with_context(|| format!("no case was painted within {LIMIT:?} after a key"))?;
        if number >= WARM {
            samples.push(took);
        }
    }
    driver.kill()?;
    let value = Spread::of(samples, Better::Less).context("there are samples")?;
    let note = "from the key that moves on until the frame with the next case had been painted";
    Ok(vec![Measured { value, floor: None, note: note.to_owned() }])
}
