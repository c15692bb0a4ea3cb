//! The grammar of bash, and what it says held against the text itself.
//!
//! It is made for editors, which forgive: it passes over letters and line ends
//! that a shell acts upon. Whatever lies between two nodes must be blank.

use std::ops::{ControlFlow, Range};

use tree_sitter::{Node, ParseOptions, ParseState, Parser, Tree};

use super::part::Part;
use super::shell::{Shell, Unread};
use super::words;

/// Longer command lines than any that a person reads through.
pub(super) const LONGEST: usize = 64 * 1024;

/// Steps of a hundred that the parser may take: for a byte, and at least.
/// Hostile text can make it try many readings at once.
const STEPS_PER_BYTE: usize = 1;
const STEPS_AT_LEAST: usize = 2_000;

/// Starts of here-documents: the grammar forgets them from 127 on.
const MOST_DOCUMENTS: usize = 64;

/// Pipes: where a line with many of them has a
/// fault, the parser takes the square of their number to get over it, in steps
/// that it does not count.
const MOST_SIGNS: usize = 256;

/// The words of a line that is one plain command: nothing in it is expanded,
/// redirected or assigned.
pub(super) fn plain_words(text: &str) -> Option<Vec<String>> {
    let tree = parsed(text).ok()?;
    let root = tree.root_node();
    let mut cursor = root.walk();
    let mut found = root.children(&mut cursor);
    let (command, more) = (found.next()?, found.next());
    let surrounded = [0..command.start_byte(), command.end_byte()..text.len()];
    if more.is_some()
        || command.kind() != "command"
        || !surrounded.into_iter().all(|gap| text[gap].trim_matches([' ', '\t', '\n']).is_empty())
    {
        return None;
    }
    let mut shell = Shell::new(text, None, 0);
    fits(text, command, Between::Words).ok()?;
    let mut cursor = command.walk();
    let nodes: Vec<Node> = command.children(&mut cursor).collect();
    let mut argv = Vec::new();
    for node in nodes {
        if matches!(node.kind(), "variable_assignment" | "file_redirect" | "herestring_redirect") {
            return None;
        }
        let (word, part) = words::decoded(&mut shell, node).ok()?;
        if word.breaks || part != Part::reads() {
            return None;
        }
        argv.push(word.exact()?.to_owned());
    }
    (!argv.is_empty()).then_some(argv)
}

/// The tree of a line, where all of it follows the grammar.
pub(super) fn parsed(text: &str) -> Result<Tree, String> {
    if text.len() > LONGEST {
        return Err("is longer than a command that can be read".into());
    }
    if text.matches('|').count() > MOST_SIGNS || text.matches("<<").count() > MOST_DOCUMENTS {
        return Err("has more pipes or here-documents than a command that can be read".into());
    }
    if text.contains(['\0', '\r', '\u{b}', '\u{c}']) {
        return Err("has control characters in it".into());
    }
    let mut parser = Parser::new();
    let unread = || "could not be read".to_owned();
    parser.set_language(&tree_sitter_bash::LANGUAGE.into()).map_err(|_| unread())?;
    let most = STEPS_AT_LEAST + text.len() * STEPS_PER_BYTE;
    let mut steps = 0_usize;
    let mut count = |_: &ParseState| {
        steps += 1;
        if steps > most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    // The grammar's scanner, which is C, looks letters up in a table without its
    // bounds. To a shell all letters beyond ASCII are alike: parts of a word; so
    // the parser is shown a plain letter for each of their bytes, and words are
    // taken from the text itself.
    let bytes: Vec<u8> =
        text.bytes().map(|byte| if byte.is_ascii() { byte } else { b'Q' }).collect();
    let tree = parser.parse_with_options(
        &mut |at, _| bytes.get(at..).unwrap_or_default(),
        None,
        Some(ParseOptions::new().progress_callback(&mut count)),
    );
    let tree = tree.ok_or("is too tangled to be read")?;
    if tree.root_node().has_error() {
        return Err("is not a command line that can be read".into());
    }
    Ok(tree)
}

/// What may stand between the children of a node, besides blanks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Between {
    /// Nothing: they are words of one command.
    Words,
    /// Line ends: they are commands, or the shell's own words.
    Commands,
}

/// Holds a node's children against the text: what lies between them is
/// blank, and a continued line does not join two of them.
pub(super) fn fits(text: &str, node: Node, between: Between) -> Result<(), Unread> {
    let odd = || Part::unknown("is written in a way that shells read differently");
    let raw = |range: Range<usize>| text.get(range).unwrap_or_default();
    let mut at = node.start_byte();
    let mut cursor = node.walk();
    for child in node.children(&mut cursor) {
        let range = child.byte_range();
        if range.start < at {
            return Err(odd());
        }
        let gap = raw(at..range.start);
        let bare = gap.replace("\\\n", "");
        let continued = bare.len() != gap.len();
        let blank = |character| {
            matches!(character, ' ' | '\t') || (between == Between::Commands && character == '\n')
        };
        let first = at == node.start_byte();
        let joined = bare.is_empty() && !first;
        if !bare.chars().all(blank)
            || (continued && bare.is_empty())
            || (joined && between == Between::Words && !may_touch(child))
            || (child.kind() == "comment"
                && joined
                && at > 0
                && !raw(at - 1..at).ends_with([';', '\n']))
        {
            return Err(odd());
        }
        at = range.end;
    }
    if at > node.end_byte() || !raw(at..node.end_byte()).chars().all(char::is_whitespace) {
        return Err(odd());
    }
    Ok(())
}

/// A redirection needs no blank before it, unless its own number would then
/// belong to the word before.
fn may_touch(node: Node) -> bool {
    match node.kind() {
        "file_redirect" => node.child(0).is_none_or(|first| first.kind() != "file_descriptor"),
        "heredoc_redirect" | "herestring_redirect" => {
            node.child(0).is_none_or(|first| first.kind() != "file_descriptor")
        }
        _ => false,
    }
}
