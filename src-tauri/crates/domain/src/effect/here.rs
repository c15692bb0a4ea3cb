//! Here-documents. Where one ends decides what is text and what is a command,
//! so the lines are counted again here.

use tree_sitter::Node;

use super::part::Part;
use super::redirect;
use super::shell::{Shell, Unread};

/// Reads a here-document, and the rest of the line that it starts on.
pub(super) fn document(shell: &mut Shell, node: Node) -> Result<Part, Unread> {
    let unread = || Part::unknown("has a here-document that is not read");
    let mut cursor = node.walk();
    let children: Vec<Node> = node.children(&mut cursor).collect();
    let (mut tabs, mut start, mut end, mut body) = (false, None, None, None);
    let mut part = Part::reads();
    let mut at = node.start_byte();
    for child in &children {
        // Up to the text, the line holds nothing but what is read here.
        if !matches!(child.kind(), "heredoc_body" | "heredoc_end") {
            let gap = shell.raw(at..child.start_byte());
            if !gap.chars().all(|c| matches!(c, ' ' | '\t')) {
                return Err(unread());
            }
            at = child.end_byte();
        }
        match child.kind() {
            "<<" | "&&" | "||" => {}
            "<<-" => tabs = true,
            "heredoc_start" => start = Some(*child),
            "heredoc_body" => body = Some(*child),
            "heredoc_end" => end = Some(*child),
            "file_redirect" => {
                let mut more = Vec::new();
                part = part.and(redirect::read(shell, *child, &mut more)?);
                if !more.is_empty() {
                    return Err(unread());
                }
            }
            "pipeline" => {
                part = part.and(shell.sequence(*child)?);
            }
            "command" | "redirected_statement" | "subshell" | "list" | "test_command" => {
                part = part.and(shell.part(*child)?);
            }
            _ => return Err(unread()),
        }
    }
    let (Some(start), Some(end)) = (start, end) else { return Err(unread()) };
    let raw = shell.raw(start.byte_range());
    let (word, quoted) = delimiter(raw).ok_or_else(unread)?;
    // One line, from the word to the line end, holds all that was read.
    let first = at + shell.text.get(at..).and_then(|rest| rest.find('\n')).ok_or_else(unread)?;
    if shell.raw(start.end_byte()..first).contains(['\\', '\n', '#', '<', '`'])
        || !shell.raw(at..first).trim().is_empty()
    {
        return Err(unread());
    }
    let (text, last) = lines(shell.text, first + 1, word, tabs).ok_or_else(unread)?;
    let wrong_end = last != end.byte_range().end
        || body.is_some_and(|body| body.start_byte() < first || body.end_byte() > end.start_byte());
    if wrong_end || (!quoted && acts(text)) {
        return Err(unread());
    }
    Ok(part)
}

/// The word that ends it, and whether it was quoted.
fn delimiter(raw: &str) -> Option<(&str, bool)> {
    let bare = raw
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''))
        .or_else(|| raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')));
    let word = bare.unwrap_or(raw);
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (!word.is_empty() && word.chars().all(plain)).then_some((word, bare.is_some()))
}

/// The text up to the first line that is the word, and where that line ends.
fn lines<'a>(all: &'a str, from: usize, word: &str, tabs: bool) -> Option<(&'a str, usize)> {
    let mut at = from;
    loop {
        let rest = all.get(at..)?;
        let length = rest.find('\n').unwrap_or(rest.len());
        let line = rest.get(..length)?;
        let bare = if tabs { line.trim_start_matches('\t') } else { line };
        if bare == word {
            return Some((all.get(from..at)?, at + length));
        }
        // The end of the text would end it too, which no careful hand relies on.
        if length == rest.len() {
            return None;
        }
        at += length + 1;
    }
}

/// Whether the shell would act on something in it.
fn acts(text: &str) -> bool {
    text.contains('`') || text.contains("$(") || text.contains("${") || text.contains("$[")
}
