//! The seam between the socket and the engine: what a host of connections
//! offers, with neither side knowing the other.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::wire::ErrorData;

/// Sends a notification to the other end of a connection. A hint: it may be
/// dropped when the other end does not read, and it never blocks.
pub type Push = Arc<dyn Fn(&'static str, &Value) + Send + Sync>;

/// The answer to a call, when it comes.
pub type Reply = Pin<Box<dyn Future<Output = Result<Box<RawValue>, ErrorData>> + Send>>;

/// What connections are made to.
pub trait Host: Send + Sync + 'static {
    /// A connection was made.
    fn open(&self, push: Push) -> Arc<dyn Session>;
}

/// One connection.
pub trait Session: Send + Sync + 'static {
    /// Answers a call. Calls are begun here in the order they came, and answered
    /// in any: whoever says hello may send its first call along. Dropping the
    /// reply gives the call up.
    fn call(self: Arc<Self>, method: String, params: Option<Box<RawValue>>) -> Reply;

    /// The connection is gone.
    fn close(&self);
}
