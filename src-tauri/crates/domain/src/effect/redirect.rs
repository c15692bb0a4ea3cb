//! Redirections: which file a command's output goes to, or its input comes from.

use tree_sitter::Node;

use super::grammar::{self, Between};
use super::part::Part;
use super::paths;
use super::shell::{Shell, Unread};
use super::word::Word;
use super::words;

/// Reads one redirection. The grammar takes words after it for more targets;
/// to the shell they are words of the command, and so they go into `more`.
pub(super) fn read(shell: &mut Shell, node: Node, more: &mut Vec<Word>) -> Result<Part, Unread> {
    grammar::fits(shell.text, node, Between::Words)
        .or_else(|part| touching(shell, node).ok_or(part))?;
    let unread = || Part::unknown("has a redirection that is not read");
    let mut cursor = node.walk();
    let mut children = node.children(&mut cursor).collect::<Vec<_>>().into_iter().peekable();
    if let Some(descriptor) = children.next_if(|child| child.kind() == "file_descriptor") {
        let raw = shell.raw(descriptor.byte_range());
        if !raw.chars().all(|c| c.is_ascii_digit()) {
            return Err(unread());
        }
    }
    let operator = children.next().ok_or_else(unread)?.kind();
    let Some(target) = children.next() else {
        return if matches!(operator, ">&-" | "<&-") { Ok(Part::reads()) } else { Err(unread()) };
    };
    let (word, mut part) = words::decoded(shell, target)?;
    for extra in children {
        let (word, inner) = words::decoded(shell, extra)?;
        more.push(word);
        part = part.and(inner);
    }
    let number = word.exact().is_some_and(|text| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == '-')
    });
    let folder = shell.folder.clone();
    let found = match operator {
        "<<<" => Part::reads(),
        "<" => input(&word),
        "<&" | ">&" if number => Part::reads(),
        ">" | ">|" | "&>" | ">&" => paths::written(&word, folder.as_deref(), "overwrites"),
        ">>" | "&>>" => paths::written(&word, folder.as_deref(), "adds to"),
        _ => return Err(unread()),
    };
    Ok(part.and(found))
}

/// `>file`: nothing need stand between the sign and its target.
fn touching(shell: &Shell, node: Node) -> Option<()> {
    let mut cursor = node.walk();
    let mut at = node.start_byte();
    let mut words = 0;
    for child in node.children(&mut cursor) {
        let gap = shell.raw(at..child.start_byte());
        let sign = !child.is_named() || child.kind() == "file_descriptor";
        words += usize::from(!sign);
        if !gap.chars().all(|c| matches!(c, ' ' | '\t')) || (words > 1 && gap.is_empty()) {
            return None;
        }
        at = child.end_byte();
    }
    (at == node.end_byte()).then_some(())
}

fn input(word: &Word) -> Part {
    let text = word.text.as_str();
    if word.open && (text.is_empty() || text.starts_with("/d")) {
        return Part::unknown("reads what only the shell can name");
    }
    if ["/dev/tcp", "/dev/udp"].iter().any(|network| text.starts_with(network)) {
        return Part::irreversible("connects to another machine");
    }
    Part::reads()
}
