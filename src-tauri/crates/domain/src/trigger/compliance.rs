//! Words and phrases the reviewer wants to be asked about, found in what a call
//! says and in what was answered since a person looked.
//!
//! Whole words only, in any case and script. Between the words of a phrase may
//! stand spaces, hyphens and underscores, so that a field `card_number` is a
//! card number; a single word that is a part of a longer name, such as
//! `gdpr_export.py`, is not meant. It does not understand what is said, and it
//! does not see through look-alike letters.

use serde_json::{Map, Value};

use super::values::{MAX_LOOKED_AT, head};
use super::{Evidence, TriggerKind, show, since};
use crate::trace::{Proposed, Trace};

/// The most bytes of answers that are looked through, newest first. Each was
/// the newest when the call after it was checked.
pub const MAX_ANSWERS: usize = 128 * 1024;
/// The deepest nesting that is looked at.
const MAX_DEPTH: usize = 64;
/// The most signs between two words of a phrase.
const MAX_GAP: usize = 8;
/// How much of the text around a word is shown, in bytes on each side.
const AROUND: usize = 120;

/// Where the words stand.
pub(super) fn found(trace: &Trace, proposed: &Proposed<'_>, words: &[String]) -> Option<Evidence> {
    let list = Phrases::new(words);
    if list.all.is_empty() {
        return None;
    }
    let mut hits = Vec::new();
    let mut own = Search { list: &list, left: MAX_LOOKED_AT, hits: Vec::new() };
    own.members(proposed.args, 0);
    hits.extend(own.hits.into_iter().map(|hit| (None, hit)));
    let mut left = MAX_ANSWERS;
    for call in since(trace).iter().rev() {
        let Some(output) = &call.output else { continue };
        let share = left.min(MAX_LOOKED_AT);
        if share == 0 || hits.len() >= show::MAX_EXHIBITS {
            break;
        }
        let mut search = Search { list: &list, left: share, hits: Vec::new() };
        search.value(output, 0);
        left -= share - search.left;
        hits.extend(search.hits.into_iter().map(|hit| (Some(call), hit)));
    }
    let (call, (word, _)) = hits.first()?;
    let tool = show::name(call.map_or(proposed.tool, |call| &call.tool));
    let word = show::clip(word, 100);
    let headline = match call {
        None => format!("What {tool} is given says “{word}”."),
        Some(_) => format!("What {tool} answered says “{word}”."),
    };
    let exhibits = hits
        .iter()
        .map(|(call, (word, around))| match call {
            None => show::of_proposed(&format!("“{word}” in the call"), around),
            Some(call) => {
                show::of_call(call, &format!("“{word}” in the answer of {}", call.tool), around)
            }
        })
        .collect();
    Some(show::evidence(TriggerKind::Compliance, &headline, exhibits))
}

/// Whether this can be looked for.
pub(super) fn is_phrase(word: &str) -> bool {
    !Phrases::new(&[word.to_owned()]).all.is_empty()
}

/// One phrase, ready to be compared.
struct Phrase<'w> {
    shown: &'w str,
    /// Its words, folded.
    words: Vec<String>,
    /// Its last word is only how a word begins.
    open: bool,
}

/// All phrases, with what lets a text be passed over quickly: almost nowhere in
/// a text stand three signs with which a word of the list begins.
struct Phrases<'w> {
    all: Vec<Phrase<'w>>,
    /// Phrases by how they begin, sorted.
    by_start: Vec<(usize, usize)>,
    /// The same beginnings, one bit each.
    starts: Box<[u64; STARTS / 64]>,
}

/// How many beginnings of three signs there are, in 32 kinds of signs.
const STARTS: usize = 32 * 32 * 32;
/// Every sign that is neither a letter nor a digit of ASCII.
const GAP: usize = 0;
/// The digits.
const DIGIT: usize = 27;
/// What is not ASCII.
const WIDE: usize = 31;

/// The kind of a byte, letters without their case.
const KINDS: [usize; 256] = {
    let mut kinds = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        kinds[byte] = match byte {
            0x41..=0x5a => byte - 0x40,
            0x61..=0x7a => byte - 0x60,
            0x30..=0x39 => DIGIT,
            0x80..=0xff => WIDE,
            _ => GAP,
        };
        byte += 1;
    }
    kinds
};

impl<'w> Phrases<'w> {
    fn new(words: &'w [String]) -> Self {
        let mut list =
            Self { all: Vec::new(), by_start: Vec::new(), starts: Box::new([0; STARTS / 64]) };
        for shown in words {
            let open = shown.trim_end().ends_with('*');
            let words: Vec<String> = shown
                .trim_end()
                .trim_end_matches('*')
                .split(between)
                .filter(|word| !word.is_empty())
                .map(|word| word.chars().flat_map(fold).collect())
                .collect();
            if words.first().is_some_and(|word: &String| word.starts_with(char::is_alphanumeric)) {
                list.add(Phrase { shown, words, open });
            }
        }
        list.by_start.sort_unstable();
        list
    }

    fn add(&mut self, phrase: Phrase<'w>) {
        let first = phrase.words.first().map_or("", String::as_str).as_bytes();
        let kind = |at: usize| first.get(at).map(|byte| KINDS[usize::from(*byte)]);
        for second in kind(1).map_or(0..32, |kind| kind..kind + 1) {
            // After a short word may stand anything.
            for third in kind(2).map_or(0..32, |kind| kind..kind + 1) {
                let start = (kind(0).unwrap_or(GAP) * 32 + second) * 32 + third;
                self.starts[start / 64] |= 1 << (start % 64);
                self.by_start.push((start, self.all.len()));
            }
        }
        self.all.push(phrase);
    }

    /// Every phrase that stands in the text, each time it does.
    fn find(&self, text: &str, hit: &mut dyn FnMut(usize, (usize, usize))) {
        let mut start = 0;
        // Two more signs, so that the last words have three to begin with.
        for (from, part) in [(0, text.as_bytes()), (text.len(), &[0, 0])] {
            for (read, byte) in part.iter().enumerate() {
                start = (start * 32 + KINDS[usize::from(*byte)]) % STARTS;
                if self.starts[start / 64] >> (start % 64) & 1 == 1 && from + read >= 2 {
                    self.at(text, from + read - 2, start, hit);
                }
            }
        }
    }

    fn at(&self, text: &str, at: usize, start: usize, hit: &mut dyn FnMut(usize, (usize, usize))) {
        let Some((before, rest)) = text.split_at_checked(at) else { return };
        if before.chars().next_back().is_some_and(is_word) {
            return;
        }
        let from = self.by_start.partition_point(|(other, _)| *other < start);
        let same = self.by_start[from..].iter().take_while(|(other, _)| *other == start);
        for (_, index) in same {
            if let Some(length) = self.all[*index].length(rest) {
                hit(*index, (at, at + length));
            }
        }
    }
}

impl Phrase<'_> {
    /// How much of the text this phrase is, if the text begins with it.
    fn length(&self, text: &str) -> Option<usize> {
        let mut rest = text;
        for (index, word) in self.words.iter().enumerate() {
            if index > 0 {
                let gap = rest.chars().take(MAX_GAP).take_while(|sign| between(*sign));
                let wide: usize = gap.map(char::len_utf8).sum();
                if wide == 0 {
                    return None;
                }
                rest = &rest[wide..];
            }
            rest = after(rest, word)?;
        }
        let ends = self.open || !rest.chars().next().is_some_and(is_word);
        ends.then_some(text.len() - rest.len())
    }
}

/// What follows a word that the text begins with.
fn after<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    // Nearly always both are ASCII, and most texts differ in the fourth sign.
    let alike = |(one, other): (&u8, u8)| one.to_ascii_lowercase() == other && other.is_ascii();
    let known = text.as_bytes().iter().zip(word.bytes()).take_while(|both| alike(*both)).count();
    let (mut text, mut word) = (&text[known..], &word[known..]);
    while !word.is_empty() {
        let sign = text.chars().next()?;
        if sign.is_ascii() {
            return None;
        }
        for folded in fold(sign) {
            word = word.strip_prefix(folded)?;
        }
        text = &text[sign.len_utf8()..];
        let further = text.chars().zip(word.chars());
        let same = further.take_while(|(one, other)| one.to_ascii_lowercase() == *other);
        let known: usize = same.map(|(one, _)| one.len_utf8()).sum();
        (text, word) = (&text[known..], &word[known..]);
    }
    Some(text)
}

fn between(sign: char) -> bool {
    sign.is_whitespace() || matches!(sign, '-' | '_' | '\u{2010}' | '\u{2011}')
}

fn is_word(sign: char) -> bool {
    // A mark that is set on a letter belongs to its word.
    sign.is_alphanumeric() || sign == '_' || matches!(sign, '\u{300}'..='\u{36f}')
}

fn fold(sign: char) -> impl Iterator<Item = char> {
    let sign = if sign == '’' { '\'' } else { sign };
    sign.to_lowercase()
}

/// A way through one value.
struct Search<'l, 'w> {
    list: &'l Phrases<'w>,
    /// How many bytes may still be looked at.
    left: usize,
    /// The words found, each once, with the text around.
    hits: Vec<(&'w str, String)>,
}

impl Search<'_, '_> {
    fn value(&mut self, value: &Value, depth: usize) {
        if self.left == 0 || depth > MAX_DEPTH {
            return;
        }
        match value {
            Value::String(text) => self.text(text),
            Value::Array(list) => {
                for item in list {
                    self.value(item, depth + 1);
                }
            }
            Value::Object(map) => self.members(map, depth + 1),
            Value::Null | Value::Bool(_) | Value::Number(_) => {
                self.left = self.left.saturating_sub(1);
            }
        }
    }

    fn members(&mut self, map: &Map<String, Value>, depth: usize) {
        for (name, value) in map {
            if self.left == 0 {
                return;
            }
            self.text(name);
            self.value(value, depth);
        }
    }

    fn text(&mut self, text: &str) {
        let text = head(text, self.left);
        self.left = self.left.saturating_sub(text.len().max(1));
        let visible;
        let text = if !may_hide(text.as_bytes()) || !text.contains(invisible) {
            text
        } else {
            visible = text.replace(invisible, "");
            &visible
        };
        let (list, hits) = (self.list, &mut self.hits);
        list.find(text, &mut |index, place| {
            let shown = list.all[index].shown;
            if hits.len() < show::MAX_EXHIBITS && hits.iter().all(|(other, _)| *other != shown) {
                hits.push((shown, around(text, place)));
            }
        });
    }
}

/// Whether signs may be among these that begin like one of the invisible.
fn may_hide(text: &[u8]) -> bool {
    text.iter().any(|byte| matches!(byte, 0xc2 | 0xe2 | 0xef))
}

/// Signs that part a word without being seen.
fn invisible(sign: char) -> bool {
    matches!(sign, '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}')
}

fn around(text: &str, (from, to): (usize, usize)) -> String {
    let start = text.ceil_char_boundary(from.saturating_sub(AROUND));
    let end = text.floor_char_boundary(to.saturating_add(AROUND).min(text.len()));
    let mut shown = String::new();
    shown.push_str(if start > 0 { "…" } else { "" });
    shown.push_str(text[start..end].trim());
    shown.push_str(if end < text.len() { "…" } else { "" });
    shown
}
