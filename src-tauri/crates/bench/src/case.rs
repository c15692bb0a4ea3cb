//! The handoffs that are submitted: the refund example of the contract, each
//! with a key of its own.

use anyhow::Context;
use serde_json::Value;
use serde_json::value::RawValue;

const REFUND: &str = include_str!("../../domain/tests/examples/handoff-refund.json");

/// The example under `key`, as compact as a JSON library writes it.
pub fn refund(key: &str) -> anyhow::Result<Box<RawValue>> {
    with(key, |_| {})
}

/// The same with `change` made to it.
pub fn with(key: &str, change: impl FnOnce(&mut Value)) -> anyhow::Result<Box<RawValue>> {
    let mut payload: Value = serde_json::from_str(REFUND).context("the example is JSON")?;
    payload["key"] = key.into();
    change(&mut payload);
    Ok(serde_json::value::to_raw_value(&payload)?)
}
