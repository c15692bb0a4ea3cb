//! What a shell command line would run, read with the grammar of bash.
//!
//! It refuses to guess: a kind of node it does not know, a gap between two
//! parts that holds more than blanks, or a word that another shell could take
//! differently makes the whole line unknown. The grammar is made for editors,
//! which forgive; so what it says is held against the text itself.

use std::ops::{ControlFlow, Range};

use tree_sitter::{Node, ParseOptions, Parser};

use super::argv::{self, Place};
use super::here;
use super::names;
use super::part::Part;
use super::redirect;
use super::word::Word;
use super::words;

/// Longer command lines than any that a person reads through.
pub(super) const LONGEST: usize = 64 * 1024;

/// How deep commands may lie in each other, `sh -c` counted in.
pub(super) const DEEPEST: usize = 24;

/// Steps of a hundred that the parser may take: for a byte, and at least.
/// Hostile text can make it try many readings at once.
const STEPS_PER_BYTE: usize = 1;
const STEPS_AT_LEAST: usize = 2_000;

/// A command line that is being read.
pub(super) struct Shell<'a> {
    pub(super) text: &'a str,
    /// Where it would run; none once that depends on what happens.
    pub(super) folder: Option<String>,
    pub(super) depth: usize,
    /// Functions that it defines itself.
    functions: Vec<String>,
}

/// Cannot be read, and why.
pub(super) type Unread = Part;

/// Reads a command line.
pub(super) fn line(text: &str, folder: Option<&str>, depth: usize) -> Part {
    match parsed(text) {
        Err(why) => Part::unknown(why),
        Ok(tree) => {
            let mut shell = Shell::new(text, folder, depth);
            match shell.sequence(tree.root_node()) {
                Ok(part) => part,
                Err(part) => part,
            }
        }
    }
}

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
    shell.gaps(command, Between::Words).ok()?;
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

fn parsed(text: &str) -> Result<tree_sitter::Tree, String> {
    if text.len() > LONGEST {
        return Err("is longer than a command that can be read".into());
    }
    if text.contains(['\0', '\r', '\u{b}', '\u{c}']) {
        return Err("has control characters in it".into());
    }
    let mut parser = Parser::new();
    let unread = || "could not be read".to_owned();
    parser.set_language(&tree_sitter_bash::LANGUAGE.into()).map_err(|_| unread())?;
    let most = STEPS_AT_LEAST + text.len() * STEPS_PER_BYTE;
    let mut steps = 0_usize;
    let mut count = |_: &tree_sitter::ParseState| {
        steps += 1;
        if steps > most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let bytes = text.as_bytes();
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

impl<'a> Shell<'a> {
    fn new(text: &'a str, folder: Option<&str>, depth: usize) -> Self {
        Self { text, folder: folder.map(str::to_owned), depth, functions: Vec::new() }
    }

    pub(super) fn raw(&self, range: Range<usize>) -> &'a str {
        self.text.get(range).unwrap_or_default()
    }

    /// Holds a node's children against the text: what lies between them is
    /// blank, and a continued line does not join two of them.
    pub(super) fn gaps(&self, node: Node, between: Between) -> Result<(), Unread> {
        let odd = || Part::unknown("is written in a way that shells read differently");
        let mut at = node.start_byte();
        let mut cursor = node.walk();
        for child in node.children(&mut cursor) {
            let range = child.byte_range();
            if range.start < at {
                return Err(odd());
            }
            let gap = self.raw(at..range.start);
            let bare = gap.replace("\\\n", "");
            let continued = bare.len() != gap.len();
            let blank = |character| {
                matches!(character, ' ' | '\t')
                    || (between == Between::Commands && character == '\n')
            };
            let first = at == node.start_byte();
            let joined = bare.is_empty() && !first;
            if !bare.chars().all(blank)
                || (continued && bare.is_empty())
                || (joined && between == Between::Words && !may_touch(child))
                || (child.kind() == "comment"
                    && joined
                    && at > 0
                    && !self.raw(at - 1..at).ends_with([';', '\n']))
            {
                return Err(odd());
            }
            at = range.end;
        }
        if at > node.end_byte() || !self.raw(at..node.end_byte()).chars().all(char::is_whitespace) {
            return Err(odd());
        }
        Ok(())
    }

    /// Commands one after the other, with whatever words of the shell stand
    /// around them.
    pub(super) fn sequence(&mut self, node: Node) -> Result<Part, Unread> {
        self.gaps(node, Between::Commands)?;
        let mut whole = Part::reads();
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
                && !self.ends_here(before)
            {
                return Err(Part::unknown("has two commands with nothing between them"));
            }
            let folder = self.folder.clone();
            whole = first_named(whole, self.part(child)?);
            if self.folder != folder {
                // It may have failed, and the next would run where the last did.
                self.folder = None;
            }
            before = Some(child);
        }
        Ok(whole)
    }

    /// A here-document ends with its own line end.
    fn ends_here(&self, node: Node) -> bool {
        let mut last = Some(node);
        while let Some(node) = last {
            if node.kind() == "heredoc_redirect" {
                return true;
            }
            let count = u32::try_from(node.child_count()).unwrap_or(0);
            last = count.checked_sub(1).and_then(|index| node.child(index));
        }
        false
    }

    /// One node of the tree, with a folder of its own.
    fn apart(&mut self, node: Node) -> Result<Part, Unread> {
        let folder = self.folder.clone();
        let part = self.part(node);
        self.folder = folder;
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
            "subshell" | "pipeline" => {
                let folder = self.folder.clone();
                let part = self.sequence(node);
                self.folder = folder;
                part
            }
            "compound_statement" | "do_group" | "if_statement" | "elif_clause" | "else_clause"
            | "while_statement" | "negated_command" => self.sequence(node),
            "for_statement" => self.for_each(node),
            "case_statement" | "case_item" => self.case(node),
            "redirected_statement" => self.redirected(node),
            "command" => self.command(node),
            "test_command" => words::test(self, node),
            "declaration_command" => self.declaration(node),
            "variable_assignment" => words::assignment(self, node, false),
            "variable_assignments" => {
                self.gaps(node, Between::Words)?;
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
        self.gaps(node, Between::Commands)?;
        let mut whole = Part::reads();
        let mut cursor = node.walk();
        let children: Vec<Node> = node.children(&mut cursor).collect();
        let mut folder = self.folder.clone();
        for child in children {
            match child.kind() {
                "&&" => {}
                "||" => {
                    if self.folder != folder {
                        self.folder = None;
                    }
                }
                "comment" => return Err(Part::unknown("has a comment inside a command")),
                _ => whole = first_named(whole, self.part(child)?),
            }
            if child.kind() == "||" {
                folder.clone_from(&self.folder);
            }
        }
        Ok(whole)
    }

    fn for_each(&mut self, node: Node) -> Result<Part, Unread> {
        self.gaps(node, Between::Commands)?;
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
        self.gaps(node, Between::Commands)?;
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
                "case_item" => self.part(child)?,
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
                _ => self.part(child)?,
            };
            whole = first_named(whole, part);
        }
        Ok(whole)
    }

    fn function(&mut self, node: Node) -> Result<Part, Unread> {
        self.gaps(node, Between::Commands)?;
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
                    self.functions.push(name.to_owned());
                }
                // It counts as if it were run, whether it is or not.
                "compound_statement" | "subshell" => {
                    whole = first_named(whole, self.apart(child)?);
                    self.folder = None;
                }
                _ => return Err(Part::unknown("has a function that is not read")),
            }
        }
        Ok(whole)
    }

    fn declaration(&mut self, node: Node) -> Result<Part, Unread> {
        self.gaps(node, Between::Words)?;
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
        self.gaps(node, Between::Words)?;
        let mut cursor = node.walk();
        let children: Vec<Node> = node.children(&mut cursor).collect();
        let shown = self.raw(node.start_byte()..self.shown_end(node));
        let (mut whole, mut more) = (Part::reads(), Vec::new());
        // The file is opened where the command starts, not where it leads to.
        for child in children.iter().filter(|child| is_redirect(**child)) {
            let part = match child.kind() {
                "heredoc_redirect" => here::document(self, *child)?,
                _ => redirect::read(self, *child, &mut more)?,
            };
            whole = whole.and(part.named(shown));
        }
        for child in children.iter().filter(|child| !is_redirect(**child)) {
            let part = match child.kind() {
                "command" => self.command_with(*child, more.clone())?,
                _ if more.is_empty() => self.part(*child)?,
                _ => return Err(Part::unknown("has words after a redirection")),
            };
            whole = first_named(whole, part);
        }
        Ok(whole)
    }

    /// Where the first line of it ends.
    fn shown_end(&self, node: Node) -> usize {
        let raw = self.raw(node.byte_range());
        node.start_byte() + raw.find('\n').unwrap_or(raw.len())
    }

    fn command(&mut self, node: Node) -> Result<Part, Unread> {
        self.command_with(node, Vec::new())
    }

    fn command_with(&mut self, node: Node, more: Vec<Word>) -> Result<Part, Unread> {
        self.gaps(node, Between::Words)?;
        let shown = self.raw(node.byte_range());
        let mut cursor = node.walk();
        let (mut argv, mut whole, mut after) = (Vec::new(), Part::reads(), Vec::new());
        for child in node.children(&mut cursor).collect::<Vec<_>>() {
            match child.kind() {
                "variable_assignment" => {
                    let part = words::assignment(self, child, true)?;
                    whole = whole.and(part.named(shown));
                }
                "file_redirect" | "herestring_redirect" => {
                    let part = redirect::read(self, child, &mut after)?;
                    whole = whole.and(part.named(shown));
                }
                _ => {
                    let (word, part) =
                        words::decoded(self, child).map_err(|part| part.named(shown))?;
                    whole = whole.and(part.named(shown));
                    argv.push(word);
                }
            }
        }
        argv.extend(after);
        argv.extend(more);
        let Some(name) = argv.first() else { return Ok(whole) };
        if let Some(name) = name.exact()
            && self.functions.iter().any(|known| known == name)
        {
            return Ok(whole);
        }
        let mut place = Place { folder: self.folder.clone(), depth: self.depth };
        let part = argv::judged(&argv, &mut place);
        self.folder = place.folder;
        Ok(first_named(whole, part.named(shown)))
    }
}

/// The two together, where the first has nothing to say.
fn first_named(whole: Part, part: Part) -> Part {
    if whole == Part::reads() { part } else { whole.and(part) }
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
