//! Words of a command line, with their quotes taken off as the shell would.
//!
//! Every letter is looked at again: where the grammar took for a plain letter
//! what a shell would act upon, the line cannot be read.

use tree_sitter::Node;

use super::grammar::{self, Between};
use super::names;
use super::part::Part;
use super::shell::{Shell, Unread};
use super::word::Word;

fn odd() -> Unread {
    Part::unknown("has a word that shells read differently")
}

/// A word, and what working it out does.
pub(super) fn decoded(shell: &mut Shell, node: Node) -> Result<(Word, Part), Unread> {
    let mut word = Word::default();
    let part = add(shell, node, &mut word, true)?;
    Ok((word, part))
}

fn add(shell: &mut Shell, node: Node, word: &mut Word, first: bool) -> Result<Part, Unread> {
    let raw = shell.raw(node.byte_range());
    match node.kind() {
        "command_name" => match node.child(0) {
            Some(inner) if inner.byte_range() == node.byte_range() => {
                add(shell, inner, word, first)
            }
            _ => Err(odd()),
        },
        "word" | "number" => {
            letters(raw, word, first)?;
            Ok(Part::reads())
        }
        "raw_string" => {
            let inner = raw.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
            let inner = inner.filter(|inner| !inner.contains('\'')).ok_or_else(odd)?;
            word.push(inner);
            Ok(Part::reads())
        }
        "ansi_c_string" => {
            let inner = raw.strip_prefix("$'").and_then(|rest| rest.strip_suffix('\''));
            ansi(inner.ok_or_else(odd)?, word)?;
            Ok(Part::reads())
        }
        "string" => string(shell, node, word),
        "concatenation" => joined(shell, node, word, first),
        "brace_expression" => {
            word.open = true;
            word.breaks |= word.text.is_empty();
            Ok(Part::reads())
        }
        "simple_expansion" | "expansion" | "arithmetic_expansion" => {
            expansion(shell, node)?;
            // To another shell this is a subscript, which it works out.
            if shell.raw(node.end_byte()..shell.text.len()).starts_with('[') {
                return Err(odd());
            }
            word.open = true;
            word.breaks = true;
            Ok(Part::reads())
        }
        "command_substitution" => {
            let part = substitution(shell, node)?;
            word.open = true;
            word.breaks = true;
            Ok(part)
        }
        "process_substitution" => {
            Err(Part::unknown("runs a command in the place of a file, which is not read"))
        }
        "$" | "==" | "=~" if raw == node.kind() => {
            if word.text.is_empty() && !first {
                return Err(odd());
            }
            word.push(raw);
            Ok(Part::reads())
        }
        _ => Err(odd()),
    }
}

/// Pieces of one word, with nothing between them.
fn joined(shell: &mut Shell, node: Node, word: &mut Word, first: bool) -> Result<Part, Unread> {
    let mut cursor = node.walk();
    let mut children = node.children(&mut cursor).collect::<Vec<_>>().into_iter().peekable();
    let (mut at, mut part) = (node.start_byte(), Part::reads());
    while let Some(child) = children.next() {
        if child.start_byte() != at {
            return Err(odd());
        }
        let closes = |next: &Node| {
            shell.raw(child.byte_range()) == "{" && shell.raw(next.byte_range()) == "}"
        };
        // Empty braces are letters to a shell, and a mark to some programs.
        if let Some(next) = children.next_if(closes) {
            word.push("{}");
            at = next.end_byte();
            continue;
        }
        part = part.and(add(shell, child, word, first && at == node.start_byte())?);
        at = child.end_byte();
    }
    if at == node.end_byte() { Ok(part) } else { Err(odd()) }
}

/// Letters outside quotes.
fn letters(raw: &str, word: &mut Word, first: bool) -> Result<(), Unread> {
    let mut rest = raw.chars().enumerate();
    while let Some((at, character)) = rest.next() {
        match character {
            '\\' => match rest.next() {
                Some((_, '\n')) | None => return Err(odd()),
                Some((_, escaped)) => word.push(escaped.encode_utf8(&mut [0; 4])),
            },
            // No file has a name that starts so.
            '?' if word.text.starts_with("https://") || word.text.starts_with("http://") => {
                word.push("?");
            }
            // A brace may give words of their own; each starts as this one does.
            '*' | '?' | '[' | '{' | '^' => {
                word.breaks |= character == '{' && word.text.is_empty();
                word.open = true;
            }
            '~' if first && at == 0 => {
                word.home = true;
                word.push("~");
            }
            // As in `of=~/x`, where some shells put the home folder in.
            '~' if word.text.ends_with(['=', ':']) => word.open = true,
            // Another shell puts a program's path here.
            '=' if first && at == 0 && raw.len() > 1 => return Err(odd()),
            '#' if first && at == 0 => return Err(odd()),
            '`' | '$' | '"' | '\'' | '(' | ')' | '<' | '>' | '|' | ';' | '&' => return Err(odd()),
            blank if blank.is_whitespace() || blank.is_control() => return Err(odd()),
            plain => word.push(plain.encode_utf8(&mut [0; 4])),
        }
    }
    Ok(())
}

/// What is between `$'` and `'`.
fn ansi(inner: &str, word: &mut Word) -> Result<(), Unread> {
    let mut rest = inner.chars();
    while let Some(character) = rest.next() {
        let plain = match character {
            '\'' => return Err(odd()),
            '\\' => match rest.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some(quoted @ ('\\' | '\'' | '"')) => quoted,
                // Codes of letters hide what a word says.
                _ => return Err(odd()),
            },
            plain => plain,
        };
        word.push(plain.encode_utf8(&mut [0; 4]));
    }
    Ok(())
}

/// A word in double quotes, where only `$`, backticks and some escapes count.
fn string(shell: &mut Shell, node: Node, word: &mut Word) -> Result<Part, Unread> {
    let range = node.byte_range();
    let raw = shell.raw(range.clone());
    if raw.len() < 2 || !raw.starts_with('"') || !raw.ends_with('"') {
        return Err(odd());
    }
    let (mut at, end) = (range.start + 1, range.end - 1);
    let mut part = Part::reads();
    let mut cursor = node.walk();
    for child in node.children(&mut cursor).collect::<Vec<_>>() {
        if matches!(child.kind(), "string_content" | "\"" | "$") {
            continue;
        }
        if child.start_byte() < at {
            return Err(odd());
        }
        quoted(shell.raw(at..child.start_byte()), word)?;
        match child.kind() {
            "simple_expansion" | "expansion" | "arithmetic_expansion" => {
                expansion(shell, child)?;
                // `"$@"` is as many words as there are.
                word.breaks |= shell.raw(child.byte_range()).contains('@');
            }
            "command_substitution" => part = part.and(substitution(shell, child)?),
            _ => return Err(odd()),
        }
        word.open = true;
        at = child.end_byte();
    }
    quoted(shell.raw(at..end), word)?;
    Ok(part)
}

/// Letters inside double quotes.
fn quoted(raw: &str, word: &mut Word) -> Result<(), Unread> {
    let mut rest = raw.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '\\' => match rest.next() {
                Some('\n') => {}
                Some(escaped @ ('$' | '`' | '"' | '\\')) => {
                    word.push(escaped.encode_utf8(&mut [0; 4]));
                }
                Some(kept) => {
                    word.push("\\");
                    word.push(kept.encode_utf8(&mut [0; 4]));
                }
                None => return Err(odd()),
            },
            '"' | '`' => return Err(odd()),
            '$' if rest.peek().is_some_and(|next| !" .,;:/%)|&^~=+]}\n\\".contains(*next)) => {
                return Err(odd());
            }
            plain => word.push(plain.encode_utf8(&mut [0; 4])),
        }
    }
    Ok(())
}

/// Makes sure that a variable is only put in, and nothing worked out that could
/// run something: `${x@P}` and subscripts do.
fn expansion(shell: &Shell, node: Node) -> Result<(), Unread> {
    let raw = shell.raw(node.byte_range());
    let unread = || Part::unknown(format!("has `{raw}` in it, which is not read"));
    if node.kind() == "arithmetic_expansion" {
        // A variable's text would be worked out as well, and can run commands.
        let plain = |c: char| c.is_ascii_digit() || " +-*/%()<>=!&|^~".contains(c);
        let inner = raw.strip_prefix("$((").and_then(|rest| rest.strip_suffix("))"));
        return match inner {
            Some(inner) if inner.chars().all(plain) => Ok(()),
            _ => Err(unread()),
        };
    }
    let name = raw.strip_prefix('$').ok_or_else(odd)?;
    let is_name = |name: &str| {
        matches!(name, "?" | "#" | "$" | "!" | "@" | "*" | "0")
            || (!name.is_empty()
                && !name.starts_with('0')
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
    };
    let Some(inner) = name.strip_prefix('{') else {
        return if is_name(name) { Ok(()) } else { Err(unread()) };
    };
    let inner = inner.strip_suffix('}').ok_or_else(unread)?;
    let inner = inner.strip_prefix('#').filter(|rest| !rest.is_empty()).unwrap_or(inner);
    let ends = inner.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let (name, rest) = inner.split_at(ends.unwrap_or(inner.len()));
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./,*% :#+".contains(c);
    let operator = rest.is_empty()
        || rest.starts_with(":-")
        || rest.starts_with(":+")
        || rest.starts_with(['-', '+', '%', '#', '/']);
    if is_name(name) && operator && rest.chars().all(plain) { Ok(()) } else { Err(unread()) }
}

/// `$(…)` or backticks: runs what is in it.
pub(super) fn substitution(shell: &mut Shell, node: Node) -> Result<Part, Unread> {
    let raw = shell.raw(node.byte_range());
    if let Some(rest) = raw.strip_prefix('`') {
        // Inside, a backslash and a comment end elsewhere than outside.
        let inner = rest.strip_suffix('`').ok_or_else(odd)?;
        if inner.contains(['`', '\\', '#']) {
            return Err(Part::unknown("has backticks that are not read"));
        }
    } else if !raw.starts_with("$(") || !raw.ends_with(')') {
        return Err(odd());
    }
    let mut cursor = node.walk();
    let children: Vec<Node> = node.children(&mut cursor).collect();
    if children.iter().any(|child| child.kind() == "comment") {
        return Err(Part::unknown("has a comment inside a command"));
    }
    if let [_, only, _] = children.as_slice()
        && only.kind() == "file_redirect"
    {
        return super::redirect::read(shell, *only, &mut Vec::new());
    }
    shell.apart(|shell| shell.sequence(node))
}

/// `name=value`, for the shell itself or for what it starts.
pub(super) fn assignment(shell: &mut Shell, node: Node, exported: bool) -> Result<Part, Unread> {
    let mut cursor = node.walk();
    let children: Vec<Node> = node.children(&mut cursor).collect();
    let unread = || Part::unknown("sets a variable in a way that is not read");
    let (name, value) = match children.as_slice() {
        [name, sign] if sign.kind() == "=" => (*name, None),
        [name, sign, value] if matches!(sign.kind(), "=" | "+=") => (*name, Some(*value)),
        _ => return Err(unread()),
    };
    if name.kind() != "variable_name" || name.end_byte() != children[1].start_byte() {
        return Err(unread());
    }
    let raw = shell.raw(name.byte_range());
    let named = if exported { names::environment(raw) } else { names::assigned(raw) };
    let Some(value) = value else { return Ok(named) };
    if value.start_byte() != children[1].end_byte() {
        return Err(unread());
    }
    if value.kind() == "array" {
        grammar::fits(shell.text, value, Between::Commands)?;
        let mut part = named;
        let mut cursor = value.walk();
        for child in value.children(&mut cursor).collect::<Vec<_>>() {
            if child.is_named() {
                part = part.and(decoded(shell, child)?.1);
            }
        }
        return Ok(part);
    }
    Ok(named.and(decoded(shell, value)?.1))
}

/// `[ … ]` and `[[ … ]]`.
pub(super) fn test(shell: &mut Shell, node: Node) -> Result<Part, Unread> {
    let raw = shell.raw(node.byte_range());
    let bracketed = (raw.starts_with("[[") && raw.ends_with("]]"))
        || (raw.starts_with('[') && raw.ends_with(']') && !raw.starts_with("[["));
    if !bracketed {
        return Err(Part::unknown("works out a sum, which is not read"));
    }
    condition(shell, node, raw.starts_with("[["), DEEPEST_TEST)
}

const DEEPEST_TEST: usize = 16;

fn condition(shell: &mut Shell, node: Node, double: bool, left: usize) -> Result<Part, Unread> {
    let unread = || Part::unknown("has a test that is not read");
    if left == 0 {
        return Err(unread());
    }
    grammar::fits(shell.text, node, Between::Commands)?;
    let mut part = Part::reads();
    let mut cursor = node.walk();
    for child in node.children(&mut cursor).collect::<Vec<_>>() {
        let raw = shell.raw(child.byte_range());
        match child.kind() {
            "binary_expression"
            | "unary_expression"
            | "parenthesized_expression"
            | "negation_expression" => {
                part = part.and(condition(shell, child, double, left - 1)?);
            }
            // These look into a variable's subscript, which can run commands; in
            // double brackets numbers are worked out, which can as well.
            "test_operator" => {
                let sums = ["-eq", "-ne", "-lt", "-le", "-gt", "-ge"];
                if matches!(raw, "-v" | "-R") || (double && sums.contains(&raw)) {
                    return Err(unread());
                }
            }
            "[" | "]" | "[[" | "]]" | "(" | ")" | "!" | "&&" | "||" | "==" | "=" | "!=" | "<"
            | ">" | "=~" => {
                if !double && matches!(raw, "<" | ">" | "&&" | "||" | "(" | ")") {
                    return Err(unread());
                }
            }
            "regex" => {
                let plain = |c: char| c.is_ascii_alphanumeric() || "^$.*+-_[]/?:,@".contains(c);
                let expands = |pair: &[u8]| pair[0] == b'$' && pair[1] != b' ';
                if !raw.chars().all(plain) || raw.as_bytes().windows(2).any(expands) {
                    return Err(unread());
                }
            }
            "extglob_pattern" => {
                let plain = |c: char| c.is_ascii_alphanumeric() || "-_.*?/".contains(c);
                if !raw.chars().all(plain) {
                    return Err(unread());
                }
            }
            _ if child.is_named() => {
                let (word, inner) = decoded(shell, child)?;
                if word.may_be_worked_out() || matches!(word.exact(), Some("-v" | "-R")) {
                    return Err(unread());
                }
                part = part.and(inner);
            }
            _ => return Err(unread()),
        }
    }
    Ok(part)
}
