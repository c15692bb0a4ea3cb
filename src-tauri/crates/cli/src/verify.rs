//! `handoff verify`: is the audit log whole? It looks at the files and asks no
//! desk.

use std::fmt::Write as _;

use handoff_protocol::wire::ErrorCode;
use handoff_store::{Files, StoreError, Verified};
use serde::{Deserialize, Serialize};

use crate::edge::Edge;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::visible;

/// What is answered with `--json`.
#[derive(Serialize)]
struct Answer<'a> {
    ok: bool,
    #[serde(flatten)]
    verified: &'a Verified,
}

/// Checks the log and says what is wrong with it.
pub fn run(edge: &mut Edge<'_>) -> Result<Exit, Failure> {
    let home = edge.home()?;
    let database = home.database();
    if !database.exists() {
        return Err(Failure::new(
            ErrorCode::Internal,
            format!("There is no database in {}.", home.root().display()),
            "Start the desk once, or name its folder in HANDOFF_DESK_HOME.",
        ));
    }
    let verified =
        handoff_store::verify(&Files::of(database)).map_err(|error| unreadable(&error))?;
    let ok = verified.broken.is_none();
    edge.answer(&Answer { ok, verified: &verified }, &in_words(&verified))?;
    Ok(if ok { Exit::Done } else { Exit::Internal })
}

fn unreadable(error: &StoreError) -> Failure {
    Failure::new(
        ErrorCode::Internal,
        format!("The audit log cannot be checked: {error}."),
        "`handoff doctor` looks closer.",
    )
}

/// The same for people.
pub fn in_words(verified: &Verified) -> String {
    let mut out = String::new();
    if let Some(broken) = &verified.broken {
        let _ = write!(out, "The audit log is broken at event {}", broken.seq);
        if let Some(handoff) = &broken.handoff {
            let _ = write!(out, " ({})", visible::line(handoff));
        }
        let _ = writeln!(out, ": {}", visible::line(&broken.what));
        let _ = writeln!(out, "Before it, {} events are whole.", verified.events);
    } else {
        let _ = writeln!(
            out,
            "The audit log is whole: {} events of {} handoffs.",
            verified.events, verified.handoffs
        );
    }
    for epoch in &verified.epochs {
        let _ = write!(out, "Epoch {} was opened ({})", epoch.epoch, epoch.reason.as_str());
        let _ = if epoch.first > epoch.lost_from {
            writeln!(out, "; events {} to {} are lost.", epoch.lost_from, epoch.first - 1)
        } else {
            writeln!(out, "; no event is known to be lost.")
        };
        let affected = affected(&epoch.note);
        if !affected.is_empty() {
            let _ = writeln!(out, "  It concerns {}.", visible::line(&affected.join(", ")));
        }
    }
    out
}

/// All handoffs that an epoch names: what the window says of it names a few.
fn affected(note: &str) -> Vec<String> {
    #[derive(Deserialize)]
    struct Note {
        affected: Vec<String>,
    }
    serde_json::from_str(note).map_or_else(|_| Vec::new(), |note: Note| note.affected)
}

#[cfg(test)]
mod tests {
    use super::affected;

    #[test]
    fn all_handoffs_of_an_epoch_are_named_however_many() {
        let ids: Vec<String> = (0..40).map(|number| format!("h-{number}")).collect();
        let note = serde_json::json!({ "affected": ids, "events": [] }).to_string();
        assert_eq!(affected(&note), ids);
        for other in ["", "The damaged database had them."] {
            assert!(affected(other).is_empty(), "{other:?}");
        }
    }
}
