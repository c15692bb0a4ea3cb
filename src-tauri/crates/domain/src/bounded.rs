//! A thread with a known, large stack for work on what agents send.
//!
//! It bounds the stack only. A thread cannot be stopped from outside, so what
//! runs here has its work counted before.

use std::thread;

/// Unoptimised, the CEL evaluator takes some 40 KiB for an operator and 100 KiB
/// for a bracket, the schema validator a few KiB for a level; the bounds of
/// both keep them far below this. Pages that are not touched cost nothing.
const STACK: usize = 64 * 1024 * 1024;

/// Runs `work` there; a panic in it, or no thread, is an error in words.
pub(crate) fn on_thread<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, String> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work);
        match thread.map(thread::ScopedJoinHandle::join) {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(_)) => Err("It could not be read.".to_owned()),
            Err(error) => Err(format!("No thread could be started to check it: {error}.")),
        }
    })
}
