//! The errors of the desk: what failed, why, what to do. One shape for agents
//! and, through it, for the window.

use handoff_domain::decision::Decision;
use handoff_domain::lifecycle::Refusal;
use handoff_domain::validate::Fault;
use handoff_protocol::view::WindowError;
use handoff_protocol::wire::{ErrorCode, ErrorData};
use handoff_store::StoreError;

/// Why a call failed. Nothing was changed by it, unless it says that this is
/// not known.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure(pub Box<ErrorData>);

impl Failure {
    /// An error with a code, its cause, and what to do.
    pub fn new(code: ErrorCode, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self(Box::new(ErrorData {
            code,
            message: message.into(),
            hint: hint.into(),
            retryable: code == ErrorCode::Unavailable,
            faults: Vec::new(),
            winner: None,
        }))
    }

    pub(crate) fn no_such_handoff(id: &str) -> Self {
        Self::new(
            ErrorCode::NotFound,
            format!("There is no handoff {id:?} of this agent."),
            "Check the id, and that you use the name (--agent) that submitted it.",
        )
    }

    /// What was sent does not fit what it is about; nothing was changed.
    pub(crate) fn unfit(faults: Vec<Fault>) -> Self {
        let mut failure = Self::invalid(faults);
        "Mend what is listed and send it again; nothing was changed."
            .clone_into(&mut failure.0.hint);
        failure
    }

    pub(crate) fn invalid(faults: Vec<Fault>) -> Self {
        let message = match faults.as_slice() {
            [only] if only.pointer.is_empty() => only.message.clone(),
            [only] => format!("{}: {}", only.pointer, only.message),
            all => format!("The payload has {} faults.", all.len()),
        };
        let mut failure = Self::new(
            ErrorCode::InvalidPayload,
            message,
            "Mend what is listed and submit again; `handoff schema handoff` prints the schema.",
        );
        failure.0.faults = faults;
        failure
    }

    /// There was no room for it, and the reserve was given for another try.
    pub(crate) fn is_for_want_of_room(&self) -> bool {
        *self == Self::from(StoreError::Full)
    }

    /// What was stored cannot be read.
    pub(crate) fn is_of_damage(&self) -> bool {
        self.0.hint == Self::from(StoreError::Damaged(String::new())).0.hint
    }

    pub(crate) fn conflict(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(ErrorCode::Conflict, message, hint)
    }

    pub(crate) fn already_decided(winner: Decision) -> Self {
        let mut failure = Self::conflict(
            format!("This was already decided: {}.", crate::words::outcome(&winner, None, false)),
            "The first decision stands. Undo it while it is held, if it is not what you want.",
        );
        failure.0.winner = Some(Box::new(winner));
        failure
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let (code, hint) = match &error {
            StoreError::Full => {
                (ErrorCode::Unavailable, "Free some space; then try again with the same key.")
            }
            StoreError::ReadOnly(_) => (
                ErrorCode::Unavailable,
                "Make the desk's folder writable; then try again with the same key.",
            ),
            StoreError::Busy => (
                ErrorCode::Unavailable,
                "Close the other program; then try again with the same key.",
            ),
            StoreError::Unknown(_) => (
                ErrorCode::Unavailable,
                "Look whether it is there; try again with the same key if it is not.",
            ),
            StoreError::Aborted => (ErrorCode::Unavailable, "Try again with the same key."),
            StoreError::Stale => (ErrorCode::Conflict, "Look at it again and retry."),
            StoreError::Damaged(_) => (
                ErrorCode::Unavailable,
                "Quit the desk and start it again: it sets the database aside and saves what it \
                 can.",
            ),
            StoreError::Failed(_) => {
                (ErrorCode::Internal, "Run `handoff doctor`, or look into the desk's log.")
            }
        };
        let mut message = error.to_string();
        if let Some(first) = message.get(..1).map(str::to_uppercase) {
            message.replace_range(..1, &first);
        }
        message.push('.');
        Self::new(code, message, hint)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::AlreadyDecided { winner } => Self::already_decided(*winner),
            Refusal::NoEdge { state, verb } => Self::conflict(
                format!("A handoff that is {} cannot be {verb}.", state.as_str()),
                "Look at where it stands: `handoff show ID`.",
            ),
            Refusal::StaleRevision { given, current } => Self::conflict(
                format!(
                    "The answer was to proposal {given}, but the agent has made proposal {current}."
                ),
                "Read the new proposal and answer again.",
            ),
            Refusal::WrongLease => Self::conflict(
                "This lease is not in force.",
                "Ask again with handoff.wait; only its answer says whether you may act.",
            ),
            Refusal::TooEarly => Self::conflict("It is not yet time for that.", "Wait."),
            Refusal::TooLate => Self::conflict(
                "Its deadline was warned of already, or is about to be.",
                "Answer it; it cannot be put off any more.",
            ),
        }
    }
}

impl From<Failure> for WindowError {
    fn from(failure: Failure) -> Self {
        let code = serde_json::to_value(failure.0.code)
            .ok()
            .and_then(|code| code.as_str().map(str::to_owned))
            .unwrap_or_default();
        let ErrorData { message, hint, faults, .. } = *failure.0;
        Self { code, message, hint, faults }
    }
}
