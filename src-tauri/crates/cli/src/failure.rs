//! Why a command failed: what failed, why, and what to do, for a person or as
//! the wire's own error document.

use std::fmt::Write as _;
use std::io;

use handoff_domain::validate::Fault;
use handoff_protocol::wire::{ErrorCode, ErrorData};
use handoff_transport::client::ClientError;
use handoff_transport::home::HomeError;

use crate::exit::Exit;
use crate::visible;

/// A failed command.
#[derive(Debug)]
pub struct Failure {
    /// What its exit code will be.
    pub exit: Exit,
    /// What is said about it.
    pub data: Box<ErrorData>,
    /// Nobody reads standard output any more, so there is nobody to tell.
    pub unheard: bool,
}

impl Failure {
    /// A failure with its code, what happened and why, and what to do.
    pub fn new(code: ErrorCode, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            exit: Exit::of_error(code),
            data: Box::new(ErrorData {
                code,
                message: message.into(),
                hint: hint.into(),
                retryable: false,
                faults: Vec::new(),
                winner: None,
            }),
            unheard: false,
        }
    }

    /// An invalid payload with all its faults.
    pub fn invalid(what: &str, faults: Vec<Fault>) -> Self {
        let hint = "Correct what is listed; `handoff schema` prints the format.";
        Self::faulty(what, "handoff", faults, hint)
    }

    /// Anything else that was read, with all its faults.
    pub fn faulty(name: &str, what: &str, faults: Vec<Fault>, hint: &str) -> Self {
        let message = match faults.len() {
            1 => format!("{name} is not a valid {what}: 1 fault."),
            count => format!("{name} is not a valid {what}: {count} faults."),
        };
        let mut failure = Self::new(ErrorCode::InvalidPayload, message, hint);
        failure.data.faults = faults;
        failure
    }

    /// The same of a payload that the desk refused: as `validate` says it, with
    /// the name of what was read.
    pub fn about(self, what: &str) -> Self {
        if self.data.code == ErrorCode::InvalidPayload && !self.data.faults.is_empty() {
            Self::invalid(what, self.data.faults)
        } else {
            self
        }
    }

    /// An input that cannot be read at all.
    pub fn unreadable(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidPayload, message, hint)
    }

    /// The desk cannot be reached.
    pub fn unreachable(message: impl Into<String>, hint: impl Into<String>) -> Self {
        let mut failure = Self::new(ErrorCode::Unavailable, message, hint);
        failure.data.retryable = true;
        failure
    }

    /// The text for a person.
    pub fn text(&self) -> String {
        let mut out = format!("handoff: {}\n", visible::block(self.data.message.trim_end()));
        for fault in &self.data.faults {
            let place = if fault.pointer.is_empty() { "(whole)" } else { fault.pointer.as_str() };
            let _ = write!(out, "  {}  {}", visible::line(place), visible::line(&fault.message));
            if !fault.hint.is_empty() {
                let _ = write!(out, "  → {}", visible::line(&fault.hint));
            }
            out.push('\n');
        }
        if let Some(winner) = &self.data.winner {
            let _ = writeln!(
                out,
                "  The decision in force: {}.",
                visible::line(&crate::text::decision_in_words(winner))
            );
        }
        if !self.data.hint.is_empty() {
            let _ = writeln!(out, "{}", visible::block(&self.data.hint));
        }
        out
    }
}

impl From<io::Error> for Failure {
    /// Writing the answer failed.
    fn from(error: io::Error) -> Self {
        let unheard = error.kind() == io::ErrorKind::BrokenPipe;
        let mut failure = Self::new(
            ErrorCode::Internal,
            format!("The answer could not be written: {error}."),
            "Ask again with `handoff show ID`; nothing the desk has acknowledged is lost.",
        );
        failure.unheard = unheard;
        failure
    }
}

impl From<HomeError> for Failure {
    fn from(error: HomeError) -> Self {
        Self::unreachable(
            match std::error::Error::source(&error) {
                Some(cause) => format!("The desk's folder cannot be used: {error}: {cause}."),
                None => format!("The desk's folder cannot be used: {error}."),
            },
            "Set HANDOFF_DESK_HOME to a folder of your own.",
        )
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let mut data = Box::new(error.explained());
        // The desk speaks of the socket's methods; here there are commands.
        data.hint = data.hint.replace("task.open", "`handoff task open FILE`");
        Self { exit: Exit::of_error(data.code), data, unheard: false }
    }
}
