//! The small languages of `sed` and `awk`: whether a script only prints.

use super::part::Part;
use super::paths;
use super::word::Word;

/// Reads the arguments of `sed`.
pub(super) fn sed(args: &[Word], folder: Option<&str>) -> Part {
    let unread = || Part::unknown("gives sed an option that is not read");
    let mut rest = args.iter();
    let (mut scripts, mut paths, mut in_place, mut ended) = (Vec::new(), Vec::new(), false, false);
    let mut copies = Vec::new();
    let mut no_copy = false;
    while let Some(word) = rest.next() {
        if ended || !word.may_be_option() || word.is("-") {
            paths.push(word);
            continue;
        }
        let Some(text) = word.exact() else { return unread() };
        // To one sed the option after an operand is an option, to another a file.
        if no_copy && !paths.is_empty() {
            return unread();
        }
        // To that other one `-i ''` is one option: no copy is kept.
        if text.ends_with('i') && !text.starts_with("--") {
            let after = rest.clone().next();
            if after.is_some_and(|word| word.is("")) {
                rest.next();
                no_copy = true;
            }
        }
        match text {
            "--" => ended = true,
            "-i" | "--in-place" => in_place = true,
            "-e" | "--expression" => match rest.next() {
                Some(script) => scripts.push(script.clone()),
                None => return unread(),
            },
            "--quiet" | "--silent" | "--regexp-extended" | "--null-data" | "--separate"
            | "--unbuffered" | "--posix" => {}
            _ => {
                if let Some(script) = text.strip_prefix("--expression=") {
                    scripts.push(Word::plain(script));
                } else if let Some(suffix) =
                    text.strip_prefix("-i").filter(|suffix| !suffix.contains(['/', '*']))
                {
                    // A copy is kept beside each file.
                    copies.push(suffix.to_owned());
                    in_place = true;
                } else if text.starts_with("--")
                    || !text.chars().skip(1).all(|c| "nErsuzi".contains(c))
                {
                    let bundle = text
                        .strip_suffix('e')
                        .map(|rest| rest.chars().skip(1).all(|c| "nErsuz".contains(c)));
                    match (bundle, rest.next()) {
                        (Some(true), Some(script)) => scripts.push(script.clone()),
                        _ => return unread(),
                    }
                } else if text.ends_with('i') {
                    in_place = true;
                } else if text.contains('i') {
                    return unread();
                }
            }
        }
    }
    if scripts.is_empty() {
        if paths.is_empty() {
            return unread();
        }
        scripts.push(paths.remove(0).clone());
    }
    if !scripts.iter().all(|script| script.exact().is_some_and(sed_prints)) {
        return Part::unknown("has a sed script that may write or run something");
    }
    if !in_place {
        return Part::reads();
    }
    let all = paths.into_iter().map(|word| {
        let kept = copies.iter().map(|suffix| {
            let copy = Word { text: format!("{}{suffix}", word.text), ..word.clone() };
            paths::written(&copy, folder, "writes over")
        });
        kept.fold(paths::written(word, folder, "changes"), Part::and)
    });
    all.fold(Part::reads(), Part::and)
}

/// Whether a sed script has only commands that print and change lines.
fn sed_prints(script: &str) -> bool {
    let mut rest = script;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ';', '\n', '}', '{']);
        if rest.is_empty() {
            return true;
        }
        let Some(after) = sed_addresses(rest) else { return false };
        rest = after.trim_start_matches([' ', '\t', '!']);
        let Some(command) = rest.chars().next() else { return false };
        rest = &rest[command.len_utf8()..];
        match command {
            '{' | 'p' | 'd' | '=' | 'n' | 'N' | 'D' | 'P' | 'g' | 'G' | 'h' | 'H' | 'x' | 'l'
            | 'z' => {}
            'q' | 'Q' => rest = rest.trim_start_matches(|c: char| c.is_ascii_digit()),
            's' => {
                let Some(after) = delimited(rest, 2) else { return false };
                let flags = after.chars().take_while(|c| "gpiIM0123456789".contains(*c)).count();
                rest = &after[flags..];
            }
            'y' => match delimited(rest, 2) {
                Some(after) => rest = after,
                None => return false,
            },
            // The rest of the line is text.
            'a' | 'i' | 'c' => {
                let line = rest.find('\n').unwrap_or(rest.len());
                if rest[..line].contains('\\') && line < rest.len() {
                    return false;
                }
                rest = &rest[line..];
            }
            _ => return false,
        }
        let ends = rest.trim_start_matches([' ', '\t']);
        if !(ends.is_empty() || ends.starts_with([';', '\n', '}']) || command == '{') {
            return false;
        }
    }
}

/// What follows the addresses before a command.
fn sed_addresses(script: &str) -> Option<&str> {
    let mut rest = script;
    for _ in 0..2 {
        if let Some(pattern) = rest.strip_prefix('/') {
            rest = delimited(&rest[..rest.len()], 1).filter(|_| !pattern.is_empty())?;
            rest = rest.trim_start_matches(['I', 'M']);
        } else if let Some(after) = rest.strip_prefix('$') {
            rest = after;
        } else {
            rest = rest.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '~' | '+'));
        }
        match rest.trim_start_matches(' ').strip_prefix(',') {
            Some(after) => rest = after.trim_start_matches(' '),
            None => break,
        }
    }
    Some(rest)
}

/// What follows `/…/` or `/…/…/`, whatever letter stands for the stroke.
fn delimited(text: &str, parts: usize) -> Option<&str> {
    let stroke = text.chars().next().filter(|c| c.is_ascii_punctuation() && *c != '\\')?;
    let mut left = parts;
    let mut rest = text[stroke.len_utf8()..].chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '\n' => return None,
            '\\' if rest.next().is_none_or(|next| next == '\n') => return None,
            _ if character == stroke => {
                left -= 1;
                if left == 0 {
                    let after: usize = rest.map(char::len_utf8).sum();
                    return text.get(text.len() - after..);
                }
            }
            '[' if left == parts && !bracketed(&mut rest, stroke) => return None,
            _ => {}
        }
    }
    None
}

/// Reads the arguments of `awk`.
pub(super) fn awk(args: &[Word]) -> Part {
    let unread = || Part::unknown("has an awk script that may write or run something");
    let mut rest = args.iter();
    while let Some(word) = rest.next() {
        if !word.may_be_option() {
            let prints = word.exact().is_some_and(awk_prints);
            return if prints { Part::reads() } else { unread() };
        }
        match word.exact() {
            Some("-F" | "-v") => {
                if rest.next().is_none_or(|value| value.breaks) {
                    return unread();
                }
            }
            Some(text) if text.starts_with("-F") => {}
            Some(text) if text.starts_with("-v") && text.contains('=') => {}
            _ => return unread(),
        }
    }
    unread()
}

/// Words of awk that a value may follow.
const KEYWORDS: [&str; 16] = [
    "print", "printf", "return", "in", "case", "do", "else", "delete", "exit", "BEGIN", "END",
    "next", "func", "function", "switch", "default",
];

/// Whether an awk script has nothing in it that opens a file or runs a program.
fn awk_prints(script: &str) -> bool {
    if ["system", "getline", "@", "\\\n", "\r", "/inet"].iter().any(|word| script.contains(word)) {
        return false;
    }
    let mut rest = script.chars().peekable();
    let mut before = '\n';
    let (mut printing, mut word, mut last) = (false, String::new(), String::new());
    while let Some(character) = rest.next() {
        if character.is_alphanumeric() || character == '_' {
            word.push(character);
            before = character;
            continue;
        }
        if matches!(word.as_str(), "print" | "printf") {
            printing = true;
        }
        if !word.is_empty() {
            last = std::mem::take(&mut word);
        }
        match character {
            '/' if "\n(,;{}!~&|".contains(before) => {
                if !closes(&mut rest, '/') {
                    return false;
                }
                before = ')';
                continue;
            }
            '"' if !closes(&mut rest, '"') => return false,
            // A pattern, or a division? Where that is in doubt, it is not read.
            '/' if !(before.is_alphanumeric() || "_]\"".contains(before))
                || (before.is_alphabetic() && KEYWORDS.contains(&last.as_str())) =>
            {
                return false;
            }
            '#' => return false,
            '>' if printing => return false,
            '|' if rest.next_if_eq(&'|').is_none() => return false,
            // After a comma and the like, a statement goes on in the next line.
            ';' | '{' | '}' => printing = false,
            _ => {}
        }
        if !matches!(character, ' ' | '\t') {
            before = character;
        }
    }
    true
}

/// Goes past the end of a string or a pattern.
fn closes(rest: &mut std::iter::Peekable<std::str::Chars>, stroke: char) -> bool {
    while let Some(character) = rest.next() {
        match character {
            '\\' if rest.next().is_none() => return false,
            '\n' => return false,
            '[' if stroke == '/' && !bracketed(rest, stroke) => return false,
            _ if character == stroke => return true,
            _ => {}
        }
    }
    false
}

/// Goes past the end of a bracket in a pattern. Programs differ on where one
/// ends that has the stroke in it, or a bracket that is no class of letters.
fn bracketed(rest: &mut std::iter::Peekable<std::str::Chars>, stroke: char) -> bool {
    let _not = rest.next_if_eq(&'^');
    if rest.peek() == Some(&']') {
        return false;
    }
    while let Some(character) = rest.next() {
        match character {
            ']' => return true,
            '\n' => return false,
            '\\' if rest.next().is_none_or(|next| next == '\n') => return false,
            '[' => {
                if rest.next() != Some(':') {
                    return false;
                }
                while rest.next_if(char::is_ascii_alphabetic).is_some() {}
                if rest.next() != Some(':') || rest.next() != Some(']') {
                    return false;
                }
            }
            _ if character == stroke => return false,
            _ => {}
        }
    }
    false
}
