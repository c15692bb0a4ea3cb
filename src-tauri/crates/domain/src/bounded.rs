//! A known, large stack for work on what agents send.
//!
//! It bounds the stack only. A thread cannot be stopped from outside, so what
//! runs here has its work counted before.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

/// Unoptimised, the CEL evaluator takes some 40 KiB for an operator and 100 KiB
/// for a bracket, the schema validator a few KiB for a level; the bounds of
/// both keep them far below this. Pages that are not touched cost nothing.
pub const STACK: usize = 64 * 1024 * 1024;

const UNREADABLE: &str = "It could not be read.";

thread_local! {
    static ENOUGH: Cell<bool> = const { Cell::new(false) };
}

/// Promises that this thread was started with a stack of [`STACK`]: such work
/// then runs on it, where every submit would else start threads of its own.
pub fn has_stack() {
    ENOUGH.set(true);
}

/// Runs `work` on a thread with that stack, this one if it has it; a panic in
/// it, or no thread, is an error in words.
pub(crate) fn on_thread<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, String> {
    if ENOUGH.get() {
        // What the work was about to change is thrown away with its result.
        return catch_unwind(AssertUnwindSafe(work)).map_err(|_| UNREADABLE.to_owned());
    }
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work);
        match thread.map(thread::ScopedJoinHandle::join) {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(_)) => Err(UNREADABLE.to_owned()),
            Err(error) => Err(format!("No thread could be started to check it: {error}.")),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_has_the_stack_does_the_work_itself_and_survives_a_panic() {
        let elsewhere = on_thread(|| thread::current().id()).expect("done");
        assert_ne!(elsewhere, thread::current().id(), "a test has a small stack");
        thread::Builder::new()
            .stack_size(STACK)
            .spawn(|| {
                has_stack();
                assert_eq!(on_thread(|| thread::current().id()), Ok(thread::current().id()));
                let failed = on_thread(|| assert!(thread::panicking(), "on purpose"));
                assert_eq!(failed, Err(UNREADABLE.to_owned()));
                assert_eq!(on_thread(|| 1), Ok(1), "and works on");
            })
            .expect("a thread")
            .join()
            .expect("no panic came through");
    }
}
