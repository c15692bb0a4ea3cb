//! The way of an answer to a system that has no agent of ours: a question that
//! stands there, and the decision that is sent to it once.
//!
//! It says what follows from what was found there, and sends nothing. What is
//! known of the other side is always old, so each step begins with a new look.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// How often an answer is sent that is taken, or heard of no more, and leaves
/// the question where it stood.
pub const TRIES: u32 = 3;

/// How long the other side may take from taking an answer to working on it.
pub const SETTLES: TimeDelta = TimeDelta::seconds(10);

/// How far the answer to one question is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Delivery {
    /// The question was shown; nothing was sent.
    Asked,
    /// It is being sent, or was: whether it arrived is not known.
    Sending {
        /// How often it was sent, with this one.
        tries: u32,
    },
    /// The other side has said that it took it.
    Sent {
        /// How often it was sent.
        tries: u32,
        /// When (RFC 3339).
        #[ts(type = "string")]
        at: DateTime<Utc>,
    },
    /// Nothing more is sent.
    Over {
        /// How it ended.
        how: Ending,
    },
}

/// How a question ended for the desk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Ending {
    /// It was answered as was decided.
    Confirmed,
    /// It stands no more, and nothing was sent from here.
    Elsewhere,
    /// It was not answered as was decided.
    Refused {
        /// Why, in whole sentences.
        why: String,
    },
    /// Nothing was to be sent, as was decided.
    Left,
}

/// What the reviewer wants of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// There is no decision that may go out.
    None,
    /// The decision is to be sent.
    Send,
    /// The decision is that nothing is sent.
    Leave,
}

/// What a look at the other side has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The question stands, and nobody works on an answer.
    Stands {
        /// What went wrong there since it was asked or tried.
        failed: Option<String>,
    },
    /// Work is going on there: nothing can be said yet.
    Busy,
    /// The question stands no more.
    Gone,
    /// There is nothing left where it stood.
    Missing,
}

/// What came of sending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// The other side took it.
    Taken,
    /// It did not take it, for now.
    NotNow,
    /// It will not take this.
    Never {
        /// Why, in whole sentences.
        why: String,
    },
    /// Nothing was heard: it may have arrived.
    Nothing,
}

/// What is to be done now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing; look again later.
    Wait,
    /// Note that it is being sent, durably, and send it.
    Send,
    /// It ends like this.
    End(Ending),
}

/// What follows from a look at the other side.
pub fn next(standing: &Delivery, wish: Wish, found: &Found, now: DateTime<Utc>) -> Step {
    match (standing, found) {
        (Delivery::Asked, _) if wish == Wish::Leave => Step::End(Ending::Left),
        (Delivery::Asked, Found::Gone) => Step::End(Ending::Elsewhere),
        (Delivery::Asked, Found::Missing) => {
            refused("What asked it is not there any more. Nothing was sent.".to_owned())
        }
        (Delivery::Sending { .. } | Delivery::Sent { .. }, Found::Missing) => refused(
            "It was sent, and what asked it is not there any more: what came of it is not known."
                .to_owned(),
        ),
        (Delivery::Asked, Found::Stands { .. }) if wish == Wish::Send => Step::Send,
        (Delivery::Over { .. } | Delivery::Asked, _) | (_, Found::Busy) => Step::Wait,
        (Delivery::Sending { .. } | Delivery::Sent { .. }, Found::Gone) => {
            Step::End(Ending::Confirmed)
        }
        (Delivery::Sending { .. }, Found::Stands { failed: Some(why) }) => refused(format!(
            "It was sent, and whether it arrived is not known. There it says: {why}"
        )),
        (Delivery::Sent { .. }, Found::Stands { failed: Some(why) }) => {
            refused(format!("It was sent and taken, and then it failed: {why}"))
        }
        (Delivery::Sent { at, .. }, Found::Stands { failed: None }) if now < *at + SETTLES => {
            Step::Wait
        }
        (
            Delivery::Sending { tries } | Delivery::Sent { tries, .. },
            Found::Stands { failed: None },
        ) => {
            if *tries < TRIES {
                Step::Send
            } else {
                refused(format!("It was sent {tries} times, and the question still stands."))
            }
        }
    }
}

/// Where the answer stands while it is sent once more.
pub fn sending(standing: &Delivery) -> Delivery {
    let tries = match standing {
        Delivery::Sending { tries } | Delivery::Sent { tries, .. } => *tries,
        Delivery::Asked | Delivery::Over { .. } => 0,
    };
    Delivery::Sending { tries: tries.saturating_add(1) }
}

/// Where the answer stands after it was sent, if that says anything.
pub fn heard(sending: &Delivery, heard: Heard, now: DateTime<Utc>) -> Delivery {
    let Delivery::Sending { tries } = sending else { return sending.clone() };
    match heard {
        Heard::Taken => Delivery::Sent { tries: *tries, at: now },
        // This one did not arrive; of those before it that is not known.
        Heard::NotNow if *tries <= 1 => Delivery::Asked,
        Heard::NotNow => Delivery::Sending { tries: tries - 1 },
        Heard::Nothing => sending.clone(),
        Heard::Never { why } => Delivery::Over { how: Ending::Refused { why } },
    }
}

fn refused(why: String) -> Step {
    Step::End(Ending::Refused { why })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000 + seconds, 0).expect("a time")
    }

    fn stands() -> Found {
        Found::Stands { failed: None }
    }

    fn failed() -> Found {
        Found::Stands { failed: Some("it broke".to_owned()) }
    }

    #[test]
    fn each_step_follows_from_what_was_found() {
        let sending = |tries| Delivery::Sending { tries };
        let sent = |tries| Delivery::Sent { tries, at: at(0) };
        let end = Step::End;
        let table = [
            (Delivery::Asked, Wish::None, stands(), 0, Step::Wait),
            (Delivery::Asked, Wish::None, Found::Busy, 0, Step::Wait),
            (Delivery::Asked, Wish::None, Found::Gone, 0, end(Ending::Elsewhere)),
            (Delivery::Asked, Wish::Send, stands(), 0, Step::Send),
            // What is asked is whether to try again.
            (Delivery::Asked, Wish::Send, failed(), 0, Step::Send),
            (Delivery::Asked, Wish::Send, Found::Busy, 0, Step::Wait),
            (Delivery::Asked, Wish::Send, Found::Gone, 0, end(Ending::Elsewhere)),
            (
                Delivery::Asked,
                Wish::None,
                Found::Missing,
                0,
                refused("What asked it is not there any more. Nothing was sent.".to_owned()),
            ),
            (Delivery::Asked, Wish::Leave, stands(), 0, end(Ending::Left)),
            (Delivery::Asked, Wish::Leave, Found::Gone, 0, end(Ending::Left)),
            (sending(1), Wish::Send, Found::Gone, 0, end(Ending::Confirmed)),
            (
                sent(1),
                Wish::Send,
                Found::Missing,
                0,
                refused(
                    "It was sent, and what asked it is not there any more: what came of it is \
                     not known."
                        .to_owned(),
                ),
            ),
            (sending(1), Wish::Send, Found::Busy, 0, Step::Wait),
            (sending(1), Wish::Send, stands(), 0, Step::Send),
            (sent(1), Wish::Send, Found::Gone, 0, end(Ending::Confirmed)),
            (sent(1), Wish::Send, Found::Busy, 99, Step::Wait),
            (sent(1), Wish::Send, stands(), 9, Step::Wait),
            (sent(1), Wish::Send, stands(), 10, Step::Send),
            (
                sent(TRIES),
                Wish::Send,
                stands(),
                10,
                refused("It was sent 3 times, and the question still stands.".to_owned()),
            ),
            (
                sent(1),
                Wish::Send,
                failed(),
                0,
                refused("It was sent and taken, and then it failed: it broke".to_owned()),
            ),
            (
                sending(1),
                Wish::Send,
                failed(),
                0,
                refused(
                    "It was sent, and whether it arrived is not known. There it says: it broke"
                        .to_owned(),
                ),
            ),
            (Delivery::Over { how: Ending::Left }, Wish::Send, stands(), 0, Step::Wait),
        ];
        for (standing, wish, found, after, expected) in table {
            let step = next(&standing, wish, &found, at(after));
            assert_eq!(step, expected, "{standing:?} {wish:?} {found:?} after {after} s");
        }
    }

    #[test]
    fn what_was_heard_moves_it_on() {
        let sending = Delivery::Sending { tries: 2 };
        let table = [
            (Heard::Taken, Delivery::Sent { tries: 2, at: at(5) }),
            (Heard::NotNow, Delivery::Sending { tries: 1 }),
            (Heard::Nothing, sending.clone()),
            (
                Heard::Never { why: "No.".to_owned() },
                Delivery::Over { how: Ending::Refused { why: "No.".to_owned() } },
            ),
        ];
        for (word, expected) in table {
            assert_eq!(heard(&sending, word.clone(), at(5)), expected, "{word:?}");
        }
        let first = super::sending(&Delivery::Asked);
        assert_eq!(first, Delivery::Sending { tries: 1 });
        assert_eq!(heard(&first, Heard::NotNow, at(5)), Delivery::Asked);
    }

    /// The other side as it is, and how it may treat us: it may lose what is
    /// sent or its word, work slowly, be answered by others, and fail.
    #[derive(Debug, Clone, Copy)]
    enum Fate {
        Lost,
        Unheard,
        Heard,
        Elsewhere,
        Works,
        Crash,
        Looks,
    }

    fn fate() -> impl Strategy<Value = Fate> {
        prop_oneof![
            Just(Fate::Lost),
            Just(Fate::Unheard),
            Just(Fate::Heard),
            Just(Fate::Elsewhere),
            Just(Fate::Works),
            Just(Fate::Crash),
            Just(Fate::Looks),
        ]
    }

    proptest! {
        /// A question is answered once by us at most, whatever is lost or killed;
        /// and where another has answered before anything arrived, we never say
        /// that it was us while nothing was sent.
        #[test]
        fn it_is_applied_at_most_once(fates in prop::collection::vec(fate(), 1..60)) {
            let mut standing = Delivery::Asked;
            let (mut stands, mut queued, mut applied, mut sends) = (true, false, 0, 0);
            let mut clock = 0;
            for fate in fates {
                clock += 11;
                let found = match (queued, stands) {
                    (true, _) => Found::Busy,
                    (false, true) => Found::Stands { failed: None },
                    (false, false) => Found::Gone,
                };
                match fate {
                    Fate::Elsewhere if !queued => stands = false,
                    Fate::Works if queued => {
                        queued = false;
                        stands = false;
                        applied += 1;
                    }
                    // Nothing but what is stored is known afterwards.
                    Fate::Crash | Fate::Elsewhere | Fate::Works => {}
                    Fate::Looks | Fate::Lost | Fate::Unheard | Fate::Heard => {
                        match next(&standing, Wish::Send, &found, at(clock)) {
                            Step::Wait => {}
                            Step::End(how) => {
                                if how == Ending::Elsewhere {
                                    prop_assert_eq!(sends, 0);
                                }
                                if how == Ending::Confirmed {
                                    prop_assert!(sends > 0 && !stands);
                                }
                                standing = Delivery::Over { how };
                            }
                            Step::Send => {
                                prop_assert!(stands && !queued, "sent to what does not stand");
                                sends += 1;
                                standing = sending(&standing);
                                let word = match fate {
                                    Fate::Lost | Fate::Looks => Heard::Nothing,
                                    Fate::Unheard => { queued = true; Heard::Nothing }
                                    Fate::Heard | Fate::Elsewhere | Fate::Works | Fate::Crash => { queued = true; Heard::Taken }
                                };
                                standing = heard(&standing, word, at(clock));
                            }
                        }
                    }
                }
                prop_assert!(applied <= 1);
                prop_assert!(sends <= TRIES);
            }
        }
    }
}
