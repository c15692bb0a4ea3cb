//! Why an agent should stop and ask although its level lets it go on
//! (DESIGN §6): rules over what it is about to do and what it has done.
//!
//! A trigger sees no clock and no self-reported confidence. It never permits
//! anything: it can only hold.

mod arguments;
mod chain;
mod churn;
mod compliance;
mod errors;
mod facts;
mod places;
mod rephrased;
mod scope;
mod show;
mod targets;
mod values;
mod wording;
mod words;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::trace::{Call, Proposed, Trace};

pub use compliance::MAX_ANSWERS;
pub use values::MAX_LOOKED_AT;
pub(crate) use values::{plain, same_json};

/// The most words and phrases of a list.
pub const MAX_WORDS: usize = 500;
/// The most characters of one of them.
pub const MAX_WORD: usize = 100;

/// What made an agent stop.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema, TS,
)]
#[serde(rename_all = "snake_case")]
pub enum TriggerKind {
    /// An argument that the tool's schema requires is missing or of the wrong shape.
    MissingArgument,
    /// Two outputs name the same fact with different values.
    Contradiction,
    /// What is about to be written differs from a fact found earlier.
    FactMismatch,
    /// A word that the reviewer wants to be asked about.
    Compliance,
    /// A limit on amounts, counts or targets.
    Limit,
    /// The reviewer had it taken back, or left its step out.
    Overruled,
    /// The same question, rephrased and asked again and again.
    Rephrased,
    /// A tool or a target that the task did not declare.
    Scope,
    /// More calls in a row than the bound.
    ChainLength,
    /// The same read again and again while nothing changed.
    ContextChurn,
    /// The same error again and again.
    RepeatedError,
}

/// What a trigger shows the reviewer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct Evidence {
    /// Which trigger.
    pub trigger: TriggerKind,
    /// What is the matter, in one sentence.
    pub headline: String,
    /// What shows it, side by side.
    pub exhibits: Vec<Exhibit>,
}

/// One piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
pub struct Exhibit {
    /// The action it comes from; none for the proposed call itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub action: Option<String>,
    /// What it is.
    pub label: String,
    /// What it says, at most 500 characters.
    pub text: String,
}

/// Which triggers are on, and from when they hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each trigger has its switch")]
pub struct Triggers {
    /// Hold calls whose arguments break the tool's schema.
    pub missing_argument: bool,
    /// Hold after outputs that contradict each other.
    pub contradiction: bool,
    /// Hold what differs from a fact found earlier.
    pub fact_mismatch: bool,
    /// Hold what contains one of `words`.
    pub compliance: bool,
    /// The words and phrases to be asked about, matched as whole words in any
    /// case; one that ends in `*` is how a word begins.
    pub words: Vec<String>,
    /// Hold a question that is asked again in other words.
    pub rephrased: bool,
    /// How many retries in other words are let pass: 1 to 20. The next is held.
    pub rephrased_retries: u32,
    /// How alike two questions are to be the same: 50 to 100 percent.
    pub rephrased_alike: u32,
    /// Hold tools and targets that the task did not declare.
    pub scope: bool,
    /// Hold a chain of calls that is too long.
    pub chain_length: bool,
    /// The most calls without a person having looked: 1 to 10,000. The next is
    /// held.
    pub chain_bound: u32,
    /// Hold reads that go round in circles.
    pub context_churn: bool,
    /// The time at which the same read is held: its 2nd to 100th.
    pub churn_reads: u32,
    /// Hold after the same error again and again.
    pub repeated_error: bool,
    /// After how many times the same error holds the tool's next call: 1 to 100.
    pub error_times: u32,
}

/// The triggers that hold a call, each with its evidence; limits, which are
/// rules of the reviewer, are [`crate::rule`]'s.
///
/// What calls did counts until a person has looked at the task: only the latest
/// [`Trace::since_decision`] calls raise a question again, and facts alone are
/// looked for in the whole trace. Of one value at most [`MAX_LOOKED_AT`] bytes
/// of text are looked at, of all answers together the newest [`MAX_ANSWERS`].
pub fn fired(trace: &Trace, proposed: &Proposed<'_>, set: &Triggers) -> Vec<Evidence> {
    looked_at(trace, proposed, set).0
}

/// The same, with how far the call went towards the bounds.
pub fn looked_at(
    trace: &Trace,
    proposed: &Proposed<'_>,
    set: &Triggers,
) -> (Vec<Evidence>, Measured) {
    let mut found = Vec::new();
    let mut ask = |on: bool, trigger: &dyn Fn() -> Option<Evidence>| {
        if on {
            found.extend(trigger());
        }
    };
    ask(set.missing_argument, &|| arguments::missing(proposed));
    ask(set.contradiction, &|| facts::contradiction(trace));
    ask(set.fact_mismatch, &|| facts::mismatch(trace, proposed));
    ask(set.compliance, &|| compliance::found(trace, proposed, &set.words));
    ask(set.scope, &|| scope::outside(trace, proposed));
    let mut measure = |on: bool, trigger: &dyn Fn() -> Measure| {
        on.then(|| {
            let (measured, evidence) = trigger();
            found.extend(evidence);
            measured
        })
    };
    let measured = Measured {
        rephrased: measure(set.rephrased, &|| {
            rephrased::retried(trace, proposed, set.rephrased_retries, set.rephrased_alike)
        }),
        chain: measure(set.chain_length, &|| chain::too_long(trace, proposed, set.chain_bound)),
        churn: measure(set.context_churn, &|| churn::circles(trace, proposed, set.churn_reads)),
        errors: measure(set.repeated_error, &|| errors::again(trace, proposed, set.error_times)),
    };
    found.sort_by_key(|evidence| evidence.trigger);
    (found, measured)
}

/// How far a call went towards the bounds of the triggers that have one; none
/// where the trigger was off. With this a replay can move the bounds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    /// Retries in other words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rephrased: Option<u32>,
    /// Calls since a person looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<u32>,
    /// Which time the same read it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub churn: Option<u32>,
    /// How often the same error came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors: Option<u32>,
}

impl Measured {
    /// Whether the bounds of `set` hold such a call; none where that was not
    /// measured, or the trigger has no bound.
    pub fn holds(&self, kind: TriggerKind, set: &Triggers) -> Option<bool> {
        match kind {
            TriggerKind::Rephrased => self.rephrased.map(|made| made > set.rephrased_retries),
            TriggerKind::ChainLength => self.chain.map(|made| made >= set.chain_bound),
            TriggerKind::ContextChurn => self.churn.map(|reads| reads >= set.churn_reads),
            TriggerKind::RepeatedError => self.errors.map(|times| times >= set.error_times),
            TriggerKind::MissingArgument
            | TriggerKind::Contradiction
            | TriggerKind::FactMismatch
            | TriggerKind::Compliance
            | TriggerKind::Limit
            | TriggerKind::Overruled
            | TriggerKind::Scope => None,
        }
    }
}

/// What a trigger with a bound found: how much, and the evidence where that is
/// too much.
type Measure = (u32, Option<Evidence>);

/// The calls made since a person looked, as far as the trace goes back.
fn since(trace: &Trace) -> &[Call] {
    let most = usize::try_from(trace.since_decision).unwrap_or(usize::MAX);
    &trace.calls[trace.calls.len().saturating_sub(most)..]
}

impl Triggers {
    /// What cannot be set, in a sentence with what can.
    pub fn fault(&self) -> Option<String> {
        if self.words.len() > MAX_WORDS {
            return Some(format!("There can be {MAX_WORDS} words and phrases to be asked about."));
        }
        let usable =
            |word: &String| word.chars().count() <= MAX_WORD && compliance::is_phrase(word);
        if let Some(word) = self.words.iter().find(|word| !usable(word)) {
            return Some(format!(
                "“{}” cannot be looked for: a word or phrase begins with a letter or a number, and \
                 has at most {MAX_WORD} characters.",
                show::clip(word, 40),
            ));
        }
        let bounds = [
            (
                self.rephrased_retries,
                1,
                20,
                "Between 1 and 20 retries in other words are let pass.",
            ),
            (self.rephrased_alike, 50, 100, "Questions are the same from 50 to 100 percent on."),
            (self.chain_bound, 1, 10_000, "A chain is held after 1 to 10,000 calls."),
            (self.churn_reads, 2, 100, "The same read is held at its 2nd to 100th time."),
            (self.error_times, 1, 100, "The same error holds after 1 to 100 times."),
        ];
        let beyond =
            bounds.iter().find(|(value, least, most, _)| !(*least..=*most).contains(value));
        beyond.map(|(_, _, _, says)| (*says).to_owned())
    }
}

impl Default for Triggers {
    fn default() -> Self {
        Self {
            missing_argument: true,
            contradiction: true,
            fact_mismatch: true,
            compliance: true,
            words: words::default(),
            rephrased: true,
            rephrased_retries: 2,
            rephrased_alike: 80,
            scope: true,
            chain_length: true,
            chain_bound: 50,
            context_churn: true,
            churn_reads: 3,
            repeated_error: true,
            error_times: 3,
        }
    }
}
