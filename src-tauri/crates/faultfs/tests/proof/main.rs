//! Three proofs on the real store: what was acknowledged survives a power cut at
//! any point, any call of the file system may fail, and a permit lets one call
//! through whenever the power is cut. And a desk whose folder may
//! only be read says so.
//!
//! A failure names what it takes to see it again, in one of two variables:
//! `HANDOFF_PROOF_SEED=<workload>:<cut>` or `HANDOFF_PROOF_CALL=<number>`.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

mod check;
mod every_call;
mod permit;
mod power_cut;
mod read_only;
mod story;
mod unknown;
mod workload;

/// A folder in memory where there is one: what is on the disk is said by the
/// log, and many folders are made.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}
