//! The one way out to a peer: whole lines, one writer at a time.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A stream that several threads write lines to; closed, it takes no more.
#[derive(Clone)]
pub struct Out(Arc<Mutex<Option<Box<dyn Write + Send>>>>);

impl Out {
    /// Writes to `stream`.
    pub fn new(stream: Box<dyn Write + Send>) -> Self {
        Self(Arc::new(Mutex::new(Some(stream))))
    }

    /// Writes a line that has its end, and sends it off.
    pub fn line(&self, line: &[u8]) -> io::Result<()> {
        self.whole(|stream| stream.write_all(line))
    }

    /// Writes in several pieces what nobody else may write into.
    pub fn whole(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        match self.stream().as_mut() {
            None => Err(io::ErrorKind::BrokenPipe.into()),
            Some(stream) => {
                write(stream.as_mut())?;
                stream.flush()
            }
        }
    }

    /// Ends the stream.
    pub fn close(&self) {
        drop(self.stream().take());
    }

    fn stream(&self) -> MutexGuard<'_, Option<Box<dyn Write + Send>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
