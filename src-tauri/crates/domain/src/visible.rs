//! Text of others, made fit for a terminal or a notification: whatever could move the cursor,
//! turn the direction of writing or hide something is shown as its number.
//!
//! It changes what is shown, never what is stored or sent. Which characters those are is
//! said here alone: the window's list is generated from [`unseen`].

mod pictograms;

use std::fmt::Write as _;
use std::ops::RangeInclusive;

use unicode_general_category::{GeneralCategory, get_general_category};

/// The text with every character that acts instead of showing written as
/// `<U+…>`. Line ends and tabs stay.
pub fn block(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = '\0';
    for character in text.chars() {
        if matches!(character, '\n' | '\t') || !acts(character) || colours(before, character) {
            out.push(character);
        } else {
            mark(&mut out, character);
        }
        before = character;
    }
    out
}

/// The same for a place that has one line only.
pub fn line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = '\0';
    for character in text.chars() {
        match character {
            '\n' => out.push('⏎'),
            '\t' => out.push(' '),
            other if acts(other) && !colours(before, other) => mark(&mut out, other),
            other => out.push(other),
        }
        before = character;
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

/// All that is shown as its number, line ends and tabs too, as ranges of code
/// points; the halves of characters that only UTF-16 has are among them.
pub fn unseen() -> Vec<RangeInclusive<u32>> {
    let mut ranges: Vec<RangeInclusive<u32>> = Vec::new();
    for code in 0..=u32::from(char::MAX) {
        if char::from_u32(code).is_some_and(|character| !acts(character)) {
            continue;
        }
        match ranges.last_mut() {
            Some(last) if *last.end() + 1 == code => *last = *last.start()..=code,
            _ => ranges.push(code..=code),
        }
    }
    ranges
}

/// The pictures after which the selector of emoji is seen, as ranges of code points.
pub fn pictograms() -> Vec<RangeInclusive<u32>> {
    pictograms::PICTOGRAMS.iter().map(|(first, last)| *first..=*last).collect()
}

/// Whether a character is the selector that draws the picture before it in colour.
/// Anywhere else, and once more, it is drawn as nothing, and could hide something.
fn colours(before: char, character: char) -> bool {
    let drawn_as_text = |&(first, last): &(u32, u32)| (first..=last).contains(&u32::from(before));
    character == '\u{fe0f}' && pictograms::PICTOGRAMS.iter().any(drawn_as_text)
}

fn mark(out: &mut String, character: char) {
    let _ = write!(out, "<U+{:04X}>", u32::from(character));
}

/// Whether a character does something other than to be seen: it controls or
/// formats, ends a line or paragraph, or nobody knows what it looks like.
fn acts(character: char) -> bool {
    matches!(
        get_general_category(character),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
            | GeneralCategory::PrivateUse
            | GeneralCategory::Surrogate
            | GeneralCategory::Unassigned
    ) || matches!(
        character,
        // Letters, marks and a symbol that are drawn as nothing: the combining grapheme
        // joiner, fillers, the Braille blank, selectors of variants.
        '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{2800}' | '\u{3164}'
            | '\u{ffa0}' | '\u{180b}'..='\u{180f}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{e0100}'..='\u{e01ef}'
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

    /// Each line that is no comment, as the range it names.
    fn listed() -> Vec<RangeInclusive<u32>> {
        let number = |text: &str| {
            u32::from_str_radix(text.strip_prefix("U+").expect("U+"), 16).expect("hexadecimal")
        };
        include_str!("../tests/unseen.txt")
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| match line.split_once("..") {
                Some((first, last)) => number(first)..=number(last),
                None => number(line)..=number(line),
            })
            .collect()
    }

    #[test]
    fn whatever_formats_or_is_drawn_as_nothing_is_shown_as_its_number() {
        let mut count = 0;
        for character in listed().into_iter().flatten().filter_map(char::from_u32) {
            let shown = format!("a<U+{:04X}>b", u32::from(character));
            let text = format!("a{character}b");
            assert_eq!((block(&text), line(&text)), (shown.clone(), shown));
            assert!(json(&text).is_ascii(), "{character:?}");
            count += 1;
        }
        assert!(count > 4000, "{count}");
        let listed = listed();
        for character in '\0'..=char::MAX {
            if get_general_category(character) == GeneralCategory::Format {
                let code = u32::from(character);
                assert!(listed.iter().any(|range| range.contains(&code)), "{code:04X} is missing");
            }
        }
    }

    #[test]
    fn what_nobody_knows_the_look_of_is_shown_as_its_number() {
        let shown = block("\u{2800}\u{e000}\u{f0000}\u{378}\u{ffff}\u{10ffff}");
        assert_eq!(shown, "<U+2800><U+E000><U+F0000><U+0378><U+FFFF><U+10FFFF>");
    }

    #[test]
    fn the_ranges_are_those_characters_and_no_others() {
        let ranges = unseen();
        for character in '\0'..=char::MAX {
            let within = ranges.iter().any(|range| range.contains(&u32::from(character)));
            assert_eq!(within, acts(character), "{character:?}");
        }
        assert!(ranges.iter().any(|range| range.contains(&0xD800)), "halves of characters");
        assert!(ranges.is_sorted_by(|one, next| one.end() + 1 < *next.start()), "{ranges:?}");
    }

    #[test]
    fn ordinary_text_of_any_script_is_left_alone() {
        let plain = "Größe 3 µm: 写真 صورة 🙂\n\tzweite Zeile";
        assert_eq!(block(plain), plain);
        assert_eq!(line("a\nb\tc"), "a⏎b c");
    }

    #[test]
    fn the_selector_of_emoji_is_silent_where_it_is_seen_and_only_there() {
        let seen = "\u{26a0}\u{fe0f} Delete \u{2702}\u{fe0f}";
        assert_eq!((block(seen), line(seen)), (seen.to_owned(), seen.to_owned()));
        for (text, shown) in [
            ("\u{26a0}\u{fe0f}\u{fe0f}", "\u{26a0}\u{fe0f}<U+FE0F>"),
            ("1\u{fe0f}2", "1<U+FE0F>2"),
            ("a\u{fe0f}", "a<U+FE0F>"),
            ("\u{1f600}\u{fe0f}", "\u{1f600}<U+FE0F>"),
            ("\u{26a0}\u{fe0e}", "\u{26a0}<U+FE0E>"),
            ("\u{fe0f}", "<U+FE0F>"),
        ] {
            assert_eq!((block(text), line(text)), (shown.to_owned(), shown.to_owned()));
        }
        let ranges = pictograms();
        assert!(ranges.is_sorted_by(|one, next| one.end() + 1 < *next.start()), "{ranges:?}");
    }

    #[test]
    fn json_keeps_its_meaning() {
        let value = serde_json::json!({"k\u{202e}": "a\u{200b}\u{1b}\u{e0041}\u{85}"});
        let shown = json(&value.to_string());
        assert!(shown.is_ascii(), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).expect("json"), value);
    }
}
