//! What wakes a connector that waits: many calls at once are one.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Wakes one connector.
#[derive(Debug, Default)]
pub struct Wake {
    wanted: Mutex<Wanted>,
    called: Condvar,
}

/// What a connector is to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wanted {
    /// End.
    pub stop: bool,
    /// Ask the server now.
    pub look: bool,
    /// Look at what was decided.
    pub changed: bool,
}

impl Wake {
    /// Asks for its end.
    pub fn stop(&self) {
        self.call(|wanted| wanted.stop = true);
    }

    /// Asks it to look at the server now.
    pub fn look(&self) {
        self.call(|wanted| wanted.look = true);
    }

    /// Something may have been decided.
    pub fn changed(&self) {
        self.call(|wanted| wanted.changed = true);
    }

    /// Whether its end was asked for.
    pub fn is_stopped(&self) -> bool {
        self.wanted().stop
    }

    /// Waits at most so long; nothing is wanted where nobody called.
    pub fn wait(&self, most: Duration) -> Wanted {
        let nothing = |wanted: &mut Wanted| *wanted == Wanted::default();
        let waited = self.called.wait_timeout_while(self.wanted(), most, nothing);
        let (mut now, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let found = *now;
        *now = Wanted { stop: found.stop, ..Wanted::default() };
        found
    }

    fn call(&self, set: impl FnOnce(&mut Wanted)) {
        set(&mut self.wanted());
        self.called.notify_all();
    }

    fn wanted(&self) -> MutexGuard<'_, Wanted> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
