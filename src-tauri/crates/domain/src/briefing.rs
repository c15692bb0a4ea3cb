//! How long a card takes to read, and what did not come with it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::payload::Payload;

/// Words a person reads in a minute, silently and with understanding.
pub const WORDS_PER_MINUTE: usize = 238;

/// A summary with more words is flagged, not refused.
pub const SUMMARY_WORDS: usize = 90;

/// A layer of the case that an agent can hand over.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, TS,
)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// What was done so far.
    History,
    /// What the person behind the task wants.
    Intent,
    /// What must hold, whatever is decided.
    Constraints,
}

/// The words of a text, in any script: where a script writes without spaces,
/// two of its signs count as a word.
pub fn words(text: &str) -> usize {
    let mut count = 0;
    let mut dense = 0_usize;
    for part in text.split_whitespace() {
        let (signs, others): (Vec<char>, Vec<char>) =
            part.chars().filter(|sign| sign.is_alphanumeric()).partition(|sign| is_dense(*sign));
        dense += signs.len();
        count += usize::from(!others.is_empty());
    }
    count + dense.div_ceil(2)
}

/// The words of the summary.
pub fn summary_words(payload: &Payload) -> usize {
    words(&payload.summary)
}

/// The seconds it takes to read what the first screen shows: the question, the
/// briefing and the names and risks of the options.
pub fn reading_seconds(payload: &Payload) -> u32 {
    let mut count = words(&payload.pending_question.text) + words(&payload.summary);
    if let Some(briefing) = &payload.briefing {
        count += briefing.intent.as_deref().map_or(0, words);
        count += briefing
            .entities
            .iter()
            .map(|entity| words(&entity.label) + words(&entity.value))
            .sum::<usize>();
        count +=
            briefing.constraints.iter().map(|constraint| words(&constraint.text)).sum::<usize>();
        count += briefing
            .sentiment
            .iter()
            .filter_map(|mood| mood.note.as_deref())
            .map(words)
            .sum::<usize>();
        count += briefing.not_included.iter().map(|left_out| words(left_out)).sum::<usize>();
    }
    count += payload
        .options
        .iter()
        .map(|option| words(&option.label) + words(&option.risk.why))
        .sum::<usize>();
    u32::try_from((count * 60).div_ceil(WORDS_PER_MINUTE)).unwrap_or(u32::MAX)
}

/// The layers that were not handed over.
pub fn missing_layers(payload: &Payload) -> Vec<Layer> {
    let briefing = payload.briefing.as_ref();
    let mut missing = Vec::new();
    if payload.actions_taken.is_empty() {
        missing.push(Layer::History);
    }
    if briefing.is_none_or(|briefing| briefing.intent.is_none()) {
        missing.push(Layer::Intent);
    }
    if briefing.is_none_or(|briefing| briefing.constraints.is_empty()) {
        missing.push(Layer::Constraints);
    }
    missing
}

/// Whether a layer is missing, so that the reviewer starts without it.
pub fn is_cold(payload: &Payload) -> bool {
    !missing_layers(payload).is_empty()
}

/// Scripts without spaces between words: Han, kana, Thai, Lao, Khmer, Burmese.
fn is_dense(sign: char) -> bool {
    matches!(
        u32::from(sign),
        0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF | 0x3040..=0x30FF | 0x3400..=0x9FFF
            | 0xF900..=0xFAFF | 0x20000..=0x3FFFF
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_words_in_any_script() {
        for (text, count) in [
            ("", 0),
            ("  \n ", 0),
            ("one", 1),
            ("One charge of 149.00 EUR – a duplicate.", 7),
            ("don't over-count", 2),
            ("Größe über Füße", 3),
            ("二つのフォルダ", 4),
            ("— …", 0),
        ] {
            assert_eq!(words(text), count, "for {text:?}");
        }
    }
}
