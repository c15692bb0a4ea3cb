//! What a shell command line would run, read with the grammar of bash.
//!
//! It refuses to guess: a kind of node it does not know, a gap between two
//! parts that holds more than blanks, or a word that another shell could take
//! differently makes the whole line unknown. The grammar is made for editors,
//! which forgive; so what it says is held against the text itself.

use std::ops::Range;

use tree_sitter::Node;

use super::argv::{self, Place};
use super::grammar::{self, Between};
use super::here;
use super::names;
use super::part::Part;
use super::redirect;
use super::word::Word;
use super::words;

/// How deep commands may lie in each other, `sh -c` counted in.
pub(super) const DEEPEST: usize = 24;

/// A command line that is being read.
pub(super) struct Shell<'a> {
    pub(super) text: &'a str,
    /// Where it would run; none once that depends on what happens.
    pub(super) folder: Option<String>,
    pub(super) depth: usize,
    /// Functions that it defines itself.
    functions: Vec<String>,
    /// How often the folder has changed, there and back counted twice.
    moves: usize,
    /// A function changes the folder: any word from then on may lead elsewhere.
    lost: bool,
    /// Where the last command of the last list began.
    last_began: Option<String>,
}

/// Cannot be read, and why.
pub(super) type Unread = Part;

/// Reads a command line.
pub(super) fn line(text: &str, folder: Option<&str>, depth: usize) -> Part {
    match grammar::parsed(text) {
        Err(why) => Part::unknown(why),
        Ok(tree) => {
            let root = tree.root_node();
            // The grammar passes over some letters that a shell does not.
            let around = [0..root.start_byte(), root.end_byte()..text.len()];
            let blank = |gap: Range<usize>| text[gap].trim_matches([' ', '\t', '\n']).is_empty();
            if !around.into_iter().all(blank) {
                return Part::unknown("is not a command line that can be read");
            }
            settled(Shell::new(text, folder, depth).sequence(root))
        }
    }
}

/// What cannot be read is unknown; the rest of the line is read all the same,
/// for a worse part of it decides.
pub(super) fn settled(part: Result<Part, Unread>) -> Part {
    part.unwrap_or_else(|unread| unread)
}

impl<'a> Shell<'a> {
    pub(super) fn new(text: &'a str, folder: Option<&str>, depth: usize) -> Self {
        Self {
            text,
            folder: folder.map(str::to_owned),
            depth,
            functions: Vec::new(),
            moves: 0,
            lost: false,
            last_began: None,
        }
    }

    /// What is read as a shell of its own would run it: where it goes, this one
    /// does not.
    pub(super) fn apart<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        let (folder, moves) = (self.folder.clone(), self.moves);
        let read = read(self);
        (self.folder, self.moves) = (folder, moves);
        read
    }

    pub(super) fn raw(&self, range: Range<usize>) -> &'a str {
        self.text.get(range).unwrap_or_default()
    }

    /// The same, as a part of the whole.
    fn fitting(&self, node: Node, between: Between) -> Part {
        grammar::fits(self.text, node, between).err().unwrap_or_else(Part::reads)
    }

    /// Commands one after the other, with whatever words of the shell stand
    /// around them.
    pub(super) fn sequence(&mut self, node: Node) -> Result<Part, Unread> {
        let mut whole = self.fitting(node, Between::Commands);
        let mut cursor = node.walk();
        let children: Vec<Node> = node.children(&mut cursor).collect();
        let mut before: Option<Node> = None;
        for child in children {
            if child.kind() == "comment" {
                continue;
            }
            if !child.is_named() {
                if child.kind() == ";;" {
                    return Err(Part::unknown("is not a command line that can be read"));
                }
                before = None;
                continue;
            }
            if let Some(before) = before
                && is_command(before)
                && is_command(child)
                && !self.raw(before.end_byte()..child.start_byte()).contains('\n')
                && !self.raw(before.byte_range()).ends_with('\n')
                && !ends_with_document(before)
            {
                whole = whole.and(Part::unknown("has two commands with nothing between them"));
            }
            whole = first_named(whole, settled(self.perhaps(child)));
            before = Some(child);
        }
        Ok(whole)
    }

    /// One node of the tree that may fail or not be run at all, where the next
    /// would run in the folder of the last.
    fn perhaps(&mut self, node: Node) -> Result<Part, Unread> {
        let moves = self.moves;
        let part = self.part(node);
        if self.moves != moves {
            self.folder = None;
        }
        part
    }

    /// Any one node of the tree.
    pub(super) fn part(&mut self, node: Node) -> Result<Part, Unread> {
        self.depth += 1;
        let part = if self.depth > DEEPEST {
            Err(Part::unknown("is nested too deep to be read"))
        } else {
            self.kind(node)
        };
        self.depth -= 1;
        part
    }

    fn kind(&mut self, node: Node) -> Result<Part, Unread> {
        match node.kind() {
            "comment" => Ok(Part::reads()),
            "list" => self.list(node),
            "subshell" => self.apart(|shell| shell.sequence(node)),
            // Some shells run the last of it themselves, and others none of it.
            "pipeline" | "compound_statement" | "do_group" | "if_statement" | "elif_clause"
            | "else_clause" | "negated_command" => self.sequence(node),
            "while_statement" => {
                self.round_again(node);
                self.sequence(node)
            }
            "for_statement" => {
                self.round_again(node);
                self.for_each(node)
            }
            "case_statement" | "case_item" => self.case(node),
            "redirected_statement" => self.redirected(node),
            "command" => Ok(self.command(node, Vec::new())),
            "test_command" => words::test(self, node),
            "declaration_command" => self.declaration(node),
            "variable_assignment" => words::assignment(self, node, false),
            "variable_assignments" => {
                grammar::fits(self.text, node, Between::Words)?;
                let mut whole = Part::reads();
                let mut cursor = node.walk();
                for child in node.children(&mut cursor).collect::<Vec<_>>() {
                    whole = whole.and(words::assignment(self, child, false)?);
                }
                Ok(whole)
            }
            "function_definition" => self.function(node),
            other => Err(Part::unknown(format!(
                "has a part that is not read ({})",
                other.replace('_', " ")
            ))),
        }
    }

    fn list(&mut self, node: Node) -> Result<Part, Unread> {
        let mut whole = self.fitting(node, Between::Commands);
        let mut cursor = node.walk();
        let children: Vec<Node> = node.children(&mut cursor).collect();
        let start = self.moves;
        let mut or = false;
        for child in children {
            match child.kind() {
                "&&" => or = false,
                // Any of what comes before it may have failed.
                "||" => {
                    if self.moves != start {
                        self.folder = None;
                    }
                    or = true;
                }
                "comment" => return Err(Part::unknown("has a comment inside a command")),
                kind => {
                    let began = self.folder.clone();
                    // After an `||` it is run or not, and what comes next is either way.
                    let part = if or { self.perhaps(child) } else { self.part(child) };
                    if kind != "list" {
                        self.last_began = began;
                    }
                    whole = first_named(whole, settled(part));
                }
            }
        }
        Ok(whole)
    }

    /// A loop: where it goes elsewhere, it begins there the next time.
    fn round_again(&mut self, node: Node) {
        let raw = self.raw(node.byte_range());
        let said: String = raw.chars().filter(|c| !matches!(c, '\\' | '\'' | '"')).collect();
        // A word may be written in ways that hide its letters.
        if said.contains("cd") || raw.contains("$'") {
            self.folder = None;
            self.moves += 1;
        }
    }

    fn for_each(&mut self, node: Node) -> Result<Part, Unread> {
        grammar::fits(self.text, node, Between::Commands)?;
        let mut whole = Part::reads();
        let mut cursor = node.walk();
        for child in node.children(&mut cursor).collect::<Vec<_>>() {
            let range = child.byte_range();
            let part = match child.kind() {
                "for" | "in" | ";" => continue,
                "variable_name" => names::assigned(self.raw(range)),
                "do_group" => self.part(child)?,
                "select" => Part::unknown("waits for a choice"),
                _ if child.is_named() => words::decoded(self, child)?.1,
                _ => return Err(Part::unknown("has a loop that is not read")),
            };
            whole = first_named(whole, part);
        }
        Ok(whole)
    }

    fn case(&mut self, node: Node) -> Result<Part, Unread> {
        grammar::fits(self.text, node, Between::Commands)?;
        let mut whole = Part::reads();
        let mut cursor = node.walk();
        let mut values = true;
        for child in node.children(&mut cursor).collect::<Vec<_>>() {
            let part = match child.kind() {
                "case" | "in" | "esac" | "|" | ";" | ";;" | "\n" | "comment" => continue,
                ")" => {
                    values = false;
                    continue;
                }
                "case_item" => self.perhaps(child)?,
                "extglob_pattern" => {
                    let simple = |character: char| {
                        character.is_ascii_alphanumeric() || "-_.*?/ ".contains(character)
                    };
                    if !self.raw(child.byte_range()).chars().all(simple) {
                        return Err(Part::unknown("has a pattern that is not read"));
                    }
                    continue;
                }
                _ if !child.is_named() => return Err(Part::unknown("has a case that is not read")),
                _ if values && !is_command(child) => words::decoded(self, child)?.1,
                _ => self.perhaps(child)?,
            };
            whole = first_named(whole, part);
        }
        Ok(whole)
    }

    fn function(&mut self, node: Node) -> Result<Part, Unread> {
        grammar::fits(self.text, node, Between::Commands)?;
        let mut cursor = node.walk();
        let mut whole = Part::reads();
        for child in node.children(&mut cursor).collect::<Vec<_>>() {
            match child.kind() {
                "function" | "(" | ")" => {}
                "word" => {
                    let name = self.raw(child.byte_range());
                    let plain =
                        |character: char| character.is_ascii_alphanumeric() || character == '_';
                    if argv::is_known(name) || !name.chars().all(plain) {
                        return Err(Part::unknown(format!(
                            "makes {name} something else than it is"
                        )));
                    }
                    // Elsewhere it may never be defined, or only in a shell of its own.
                    if is_always_defined(node) {
                        self.functions.push(name.to_owned());
                    }
                }
                // It counts as if it were run, whether it is or not.
                "compound_statement" | "subshell" => {
                    let part = self.apart(|shell| {
                        // Nobody knows where it will be called.
                        shell.folder = None;
                        let moves = shell.moves;
                        let part = shell.part(child);
                        shell.lost |= shell.moves != moves;
                        part
                    });
                    whole = first_named(whole, part?);
                    if self.lost {
                        self.folder = None;
                    }
                }
                _ => return Err(Part::unknown("has a function that is not read")),
            }
        }
        Ok(whole)
    }

    fn declaration(&mut self, node: Node) -> Result<Part, Unread> {
        grammar::fits(self.text, node, Between::Words)?;
        let mut cursor = node.walk();
        let mut whole = Part::reads();
        let mut exported = false;
        for child in node.children(&mut cursor).collect::<Vec<_>>() {
            let raw = self.raw(child.byte_range());
            let part = match child.kind() {
                "export" => {
                    exported = true;
                    continue;
                }
                "local" | "declare" | "typeset" | "readonly" => continue,
                "variable_assignment" => words::assignment(self, child, exported)?,
                "variable_name" if exported => names::environment(raw),
                "variable_name" => names::assigned(raw),
                "word" if raw == "-r" || raw == "-x" => {
                    exported |= raw == "-x";
                    continue;
                }
                _ => Part::unknown(format!("declares `{raw}`, which is not read")),
            };
            whole = first_named(whole, part.named(self.raw(node.byte_range())));
        }
        Ok(whole)
    }

    fn redirected(&mut self, node: Node) -> Result<Part, Unread> {
        grammar::fits(self.text, node, Between::Words)?;
        let mut cursor = node.walk();
        let children: Vec<Node> = node.children(&mut cursor).collect();
        let shown = self.raw(node.start_byte()..self.shown_end(node));
        // To the grammar what follows a list is the whole list's; to a shell it is
        // the last command's, and so in the folder that the list leads to.
        let listed = children.iter().any(|child| child.kind() == "list");
        let (mut whole, mut more) = (Part::reads(), Vec::new());
        let document = children.iter().any(|child| child.kind() == "heredoc_redirect");
        let lost = || Part::unknown("changes the folder beside a document in the command");
        let (moves, mut after) = (self.moves, None);
        if listed {
            for child in children.iter().filter(|child| !is_redirect(**child)) {
                whole = first_named(whole, settled(self.part(*child)));
            }
            after = std::mem::replace(&mut self.folder, self.last_began.take());
            if document && self.folder != after {
                whole = whole.and(lost().named(shown));
            }
        }
        for child in children.iter().filter(|child| is_redirect(**child)) {
            let part = match child.kind() {
                "heredoc_redirect" => settled(here::document(self, *child)),
                _ => settled(redirect::read(self, *child, &mut more)),
            };
            whole = whole.and(part.named(shown));
        }
        if listed {
            if !document {
                self.folder = after;
            }
            return match more.as_slice() {
                [] => Ok(whole),
                _ => Ok(whole.and(Part::unknown("has words after a redirection").named(shown))),
            };
        }
        for child in children.iter().filter(|child| !is_redirect(**child)) {
            let part = match child.kind() {
                "command" => self.command(*child, more.clone()),
                _ if more.is_empty() => settled(self.part(*child)),
                _ => Part::unknown("has words after a redirection"),
            };
            whole = first_named(whole, part);
        }
        // What follows on a document's line was read before its command.
        if document && self.moves != moves {
            whole = whole.and(lost().named(shown));
        }
        Ok(whole)
    }

    /// Where the first line of it ends.
    fn shown_end(&self, node: Node) -> usize {
        let raw = self.raw(node.byte_range());
        node.start_byte() + raw.find('\n').unwrap_or(raw.len())
    }

    fn command(&mut self, node: Node, more: Vec<Word>) -> Part {
        let shown = self.raw(node.byte_range());
        let mut whole = self.fitting(node, Between::Words);
        let mut cursor = node.walk();
        let (mut argv, mut after) = (Vec::new(), Vec::new());
        for child in node.children(&mut cursor).collect::<Vec<_>>() {
            match child.kind() {
                "variable_assignment" => {
                    let part = settled(words::assignment(self, child, true));
                    whole = whole.and(part.named(shown));
                }
                "file_redirect" | "herestring_redirect" => {
                    let part = settled(redirect::read(self, child, &mut after));
                    whole = whole.and(part.named(shown));
                }
                _ => {
                    let (word, part) =
                        words::decoded(self, child).unwrap_or_else(|part| (Word::anything(), part));
                    whole = whole.and(part.named(shown));
                    argv.push(word);
                }
            }
        }
        argv.extend(after);
        argv.extend(more);
        let Some(name) = argv.first() else { return whole };
        if let Some(name) = name.exact()
            && self.functions.iter().any(|known| known == name)
        {
            return whole;
        }
        let mut place = Place { folder: self.folder.clone(), depth: self.depth };
        let part = argv::judged(&argv, &mut place);
        if place.folder != self.folder {
            self.moves += 1;
            self.folder = place.folder.filter(|_| !self.lost);
        }
        first_named(whole, part.named(shown))
    }
}

/// Whether what comes after this definition has it.
fn is_always_defined(node: Node) -> bool {
    let alone = node.next_sibling().is_none_or(|next| next.kind() != "&");
    alone && node.parent().is_some_and(|parent| parent.kind() == "program")
}

/// The two together, where the first has nothing to say.
fn first_named(whole: Part, part: Part) -> Part {
    if whole == Part::reads() { part } else { whole.and(part) }
}

/// A here-document ends with its own line end.
fn ends_with_document(node: Node) -> bool {
    let mut last = Some(node);
    while let Some(node) = last {
        if node.kind() == "heredoc_redirect" {
            return true;
        }
        last = node.child_count().checked_sub(1).and_then(|index| node.child(index));
    }
    false
}

fn is_redirect(node: Node) -> bool {
    matches!(node.kind(), "file_redirect" | "heredoc_redirect" | "herestring_redirect")
}

fn is_command(node: Node) -> bool {
    matches!(
        node.kind(),
        "command"
            | "list"
            | "subshell"
            | "pipeline"
            | "compound_statement"
            | "if_statement"
            | "while_statement"
            | "for_statement"
            | "case_statement"
            | "negated_command"
            | "redirected_statement"
            | "test_command"
            | "declaration_command"
            | "variable_assignment"
            | "variable_assignments"
            | "function_definition"
    )
}
