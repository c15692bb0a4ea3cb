//! Two proofs on the real store: what was acknowledged survives a power cut at
//! any point, and any call of the file system may fail.
//!
//! A failure names what it takes to see it again, in one of two variables:
//! `HANDOFF_PROOF_SEED=<workload>:<cut>` or `HANDOFF_PROOF_CALL=<number>`.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

mod check;
mod every_call;
mod power_cut;
mod story;
mod unknown;
mod workload;

/// A folder in memory where there is one: what is on the disk is said by the
/// log, and many folders are made.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}
