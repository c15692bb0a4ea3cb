//! Text of others, made fit for a terminal or a notification: whatever could move the cursor,
//! turn the direction of writing or hide something is shown as its number.
//!
//! It changes what is shown, never what is stored or sent.

use std::fmt::Write as _;

/// The text with every character that acts instead of showing written as
/// `<U+…>`. Line ends and tabs stay.
pub fn block(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '\n' | '\t') || !acts(character) {
            out.push(character);
        } else {
            mark(&mut out, character);
        }
    }
    out
}

/// The same for a place that has one line only.
pub fn line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => out.push('⏎'),
            '\t' => out.push(' '),
            other if acts(other) => mark(&mut out, other),
            other => out.push(other),
        }
    }
    out
}

/// The same for JSON: its meaning does not change, its look is honest.
pub fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character != '\n' && acts(character) {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(character);
        }
    }
    out
}

fn mark(out: &mut String, character: char) {
    let _ = write!(out, "<U+{:04X}>", u32::from(character));
}

/// Whether a character does something other than to be seen.
fn acts(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            // Soft hyphen, combining grapheme joiner, Arabic letter mark.
            '\u{ad}' | '\u{34f}' | '\u{61c}'
            // Fillers that look like nothing.
            | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{3164}' | '\u{ffa0}'
            // Mongolian selectors, zero widths, joiners and marks.
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
            // Line and paragraph ends, embeddings, overrides, isolates.
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            // Tags and the supplement of variation selectors.
            | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_links_and_turned_text_are_shown_as_numbers() {
        let hostile = "a\u{1b}]8;;http://x\u{7}b\u{202e}c\u{200b}\u{9b}2J\rd";
        let shown = block(hostile);
        assert_eq!(shown, "a<U+001B>]8;;http://x<U+0007>b<U+202E>c<U+200B><U+009B>2J<U+000D>d");
    }

    #[test]
    fn ordinary_text_of_any_script_is_left_alone() {
        let plain = "Größe 3 µm: 写真 صورة 🙂\n\tzweite Zeile";
        assert_eq!(block(plain), plain);
        assert_eq!(line("a\nb\tc"), "a⏎b c");
    }

    #[test]
    fn json_keeps_its_meaning() {
        let value = serde_json::json!({"k\u{202e}": "a\u{200b}\u{1b}\u{e0041}\u{85}"});
        let shown = json(&value.to_string());
        assert!(shown.is_ascii(), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).expect("json"), value);
    }
}
