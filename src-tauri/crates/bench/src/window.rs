//! Submit → on screen, and submit → notification call made: the built app in
//! a real window with a real notification service.

use std::time::Duration;

use anyhow::Context;
use handoff_protocol::wire::{Standing, Withdraw, method};
use handoff_stage::{Child, Plan, Stage};
use handoff_transport::home::Home;
use serde_json::{Value, json};

use crate::Setup;
use crate::case;
use crate::desk::Agent;
use crate::driven;
use crate::row::{Goal, Head, Measured};
use crate::spread::{Better, Spread};
use crate::time::wall_ms;

/// On screen.
pub const SHOWN: Head =
    Head { name: "submit → on screen", unit: "ms", goal: Goal::TailAtMost(100.0) };

/// Notified.
pub const NOTIFIED: Head =
    Head { name: "submit → notification call", unit: "ms", goal: Goal::TailAtMost(100.0) };

const SAMPLES: usize = 50;
/// Samples that warm the window up and are not counted.
const WARM: usize = 5;
const LIMIT: Duration = Duration::from_secs(20);

/// Notes for each item when the frame with it had been painted: the message
/// comes after the frame that the callback belongs to.
const WATCH: &str = r"
window.paintedAt = {};
const asked = new Set();
const look = () => {
  for (const item of document.querySelectorAll('[data-testid=queue-item]')) {
    const id = item.dataset.handoffId;
    if (asked.has(id)) continue;
    asked.add(id);
    requestAnimationFrame(() => {
      const after = new MessageChannel();
      after.port1.onmessage = () => {
        const { top, bottom } = item.getBoundingClientRect();
        if (item.checkVisibility() && bottom > 0 && top < innerHeight) {
          window.paintedAt[id] = Date.now();
        }
      };
      after.port2.postMessage(null);
    });
  }
};
new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true });
look();
";

/// Measures both.
pub fn measure(setup: &Setup) -> anyhow::Result<Vec<Measured>> {
    let stage = Stage::open(Plan::default())?;
    let root = tempfile::Builder::new().prefix("w").tempdir_in(&setup.scratch)?;
    let home = Home::new(root.path());
    let driver = driven::open(&stage, &setup.desk, &home, "[data-testid='connection-state']")?;
    let mut agent = Agent::connect(&home, "bench")?;
    let mut monitor = stage.command("dbus-monitor");
    let calls = "type='method_call',interface='org.freedesktop.Notifications',member='Notify'";
    monitor.args(["--session", "--profile", calls]);
    let (monitor, _columns) = Child::start_until_line("dbus-monitor", &mut monitor, LIMIT)?;
    let calls = monitor.lines()?;

    // One stays: the window has a card open all the time, as it has for people.
    agent.submit(&case::refund("stays")?)?;
    calls.wait(LIMIT, |line| line.contains("Notify"))?;
    driver.find("[data-testid='question']", LIMIT)?;
    driver.run(WATCH, &[])?;
    let (mut shown, mut notified) = (Vec::new(), Vec::new());
    for number in 0..WARM + SAMPLES {
        // Runs out first, so it stands at the top.
        let handoff = case::with(&format!("shown-{number}"), |payload| {
            payload["deadline"]["respond_within_s"] = json!(7200);
        })?;
        let start = wall_ms();
        let id = agent.submit(&handoff)?.id;
        let call = calls.wait(LIMIT, |line| line.contains("Notify"))?;
        let painted = driver
            .until("return window.paintedAt[args[0]] ?? null;", &[json!(id)], LIMIT)?
            .as_ref()
            .and_then(Value::as_f64)
            .with_context(|| format!("{id} did not come on screen within {LIMIT:?}"))?;
        if number >= WARM {
            shown.push(painted - start);
            notified.push(called_at(&call)? - start);
        }
        let withdraw = Withdraw { id: id.clone(), reason: None };
        let _gone: Standing = agent.client().call(method::WITHDRAW, &withdraw)?;
        driver.until(
            "return !document.querySelector(`[data-handoff-id='${args[0]}']`);",
            &[json!(id)],
            LIMIT,
        )?;
    }
    driver.kill()?;
    let measured = |samples, note: &str| {
        let value = Spread::of(samples, Better::Less).context("there are samples")?;
        anyhow::Ok(Measured { value, floor: None, note: note.to_owned() })
    };
    Ok(vec![
        measured(shown, "until the frame with the item had been painted; to the millisecond")?,
        measured(notified, "until the bus carried the call to the notification service")?,
    ])
}

/// When the bus carried a call, in milliseconds of the wall clock: the second
/// column of a line of `dbus-monitor --profile`.
fn called_at(line: &str) -> anyhow::Result<f64> {
    let seconds = line.split('\t').nth(1).and_then(|seconds| seconds.parse::<f64>().ok());
    seconds.map(|seconds| seconds * 1000.0).with_context(|| format!("no time in {line:?}"))
}

#[cfg(test)]
mod tests {
    use super::called_at;

    #[test]
    fn the_time_of_a_call_is_read() {
        let line = "mc\t1790000000.250000\t7\t:1.5\t:1.2\t/org/x\torg.x\tNotify";
        let at = called_at(line).expect("a time");
        assert!((at - 1_790_000_000_250.0).abs() < 0.001, "{at}");
        assert!(called_at("#type\ttimestamp").is_err());
    }
}
