//! Two proofs on the real store: what was acknowledged survives a power cut at
//! any point, and any call of the file system may fail.
//!
//! A failure names its seed. `HANDOFF_PROOF_SEED=<workload>:<cut>` runs that
//! one again.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

mod check;
mod every_call;
mod power_cut;
mod story;
mod workload;
