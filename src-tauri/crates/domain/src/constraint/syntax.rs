//! Which expressions are read at all: short ones, with few operators and
//! brackets, known names, and no loop within a loop.
//!
//! The bounds on the text come first, because the parser recurses once for
//! each operator and bracket; the rest is checked on the parsed expression.

use cel::Program;
use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr};

use crate::validate::names::{clip, clip_long, listing};

/// The longest expression, in bytes.
pub const MAX_BYTES: usize = 512;

/// The most operators in an expression.
pub const MAX_OPERATORS: usize = 64;

/// The deepest nesting of brackets of any kind.
pub const MAX_BRACKETS: usize = 16;

/// The names that stand for something in an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// `args`, `facts` and `steps`: a constraint of a handoff.
    Constraint,
    /// `agent`, `task`, `tool`, `args` and `facts`: a rule of the reviewer.
    Rule,
}

impl Names {
    /// The names themselves.
    pub fn all(self) -> &'static [&'static str] {
        match self {
            Self::Constraint => &["args", "facts", "steps"],
            Self::Rule => &["agent", "task", "tool", "args", "facts"],
        }
    }
}

const TYPES: [&str; 10] =
    ["bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint"];

const FUNCTIONS: [&str; 25] = [
    "bool",
    "bytes",
    "contains",
    "double",
    "duration",
    "dyn",
    "endsWith",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getFullYear",
    "getHours",
    "getMilliseconds",
    "getMinutes",
    "getMonth",
    "getSeconds",
    "int",
    "size",
    "startsWith",
    "string",
    "timestamp",
    "type",
    "uint",
    "has",
];

/// Parses an expression over these names, or says why not.
pub(super) fn read(expr: &str, names: Names) -> Result<Program, String> {
    bounds(expr)?;
    let program = Program::compile(expr).map_err(|errors| {
        let first = errors.errors.first().map_or("it cannot be read", |error| error.msg.as_str());
        let place = errors.errors.first().map_or(1, |error| error.pos.1.max(1));
        format!("This is no CEL: {} (character {place}).", clip_long(first.trim_end_matches('.')))
    })?;
    Walk { names, loops: Vec::new(), in_loop: false }.visit(program.expression())?;
    Ok(program)
}

fn bounds(expr: &str) -> Result<(), String> {
    if expr.len() > MAX_BYTES {
        return Err(format!("It has {} bytes; at most {MAX_BYTES} are evaluated.", expr.len()));
    }
    if expr.trim().is_empty() {
        return Err("It is empty.".to_owned());
    }
    let mut operators = 0_usize;
    let mut depth = 0_usize;
    let mut deepest = 0_usize;
    for token in tokens(expr) {
        match token {
            Token::Open => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            Token::Close => depth = depth.saturating_sub(1),
            Token::Operator => operators += 1,
        }
    }
    if deepest > MAX_BRACKETS {
        return Err(format!(
            "Its brackets are nested {deepest} deep; at most {MAX_BRACKETS} are read."
        ));
    }
    if operators > MAX_OPERATORS {
        return Err(format!("It has {operators} operators; at most {MAX_OPERATORS} are read."));
    }
    Ok(())
}

enum Token {
    Open,
    Close,
    Operator,
}

/// What weighs on the parser's stack. Text in quotes is skipped where it is
/// closed in the simplest way; where it is not, it counts as code, so that no
/// spelling of a text can hide an operator.
fn tokens(expr: &str) -> impl Iterator<Item = Token> {
    let bytes = expr.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() {
            let sign = bytes[at];
            let next = bytes.get(at + 1).copied();
            at += 1;
            match sign {
                b'"' | b'\'' => {
                    let text = &bytes[at..];
                    let end = text.iter().position(|byte| *byte == sign);
                    // An empty text may be the start of a tripled quote.
                    if let Some(end) = end.filter(|end| *end > 0 && !text[..*end].contains(&b'\\'))
                    {
                        at += end + 1;
                    }
                }
                b'(' | b'[' | b'{' => return Some(Token::Open),
                b')' | b']' | b'}' => return Some(Token::Close),
                b'&' | b'|' | b'=' | b'!' | b'<' | b'>' => {
                    if matches!(
                        (sign, next),
                        (b'&', Some(b'&')) | (b'|', Some(b'|')) | (_, Some(b'='))
                    ) {
                        at += 1;
                    }
                    return Some(Token::Operator);
                }
                b'+' | b'-' | b'*' | b'/' | b'%' | b'?' => return Some(Token::Operator),
                b'.' if next.is_none_or(|next| !next.is_ascii_digit()) => {
                    return Some(Token::Operator);
                }
                _ if sign.is_ascii_alphabetic() || sign == b'_' => {
                    let start = at - 1;
                    while bytes
                        .get(at)
                        .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
                    {
                        at += 1;
                    }
                    if &bytes[start..at] == b"in" {
                        return Some(Token::Operator);
                    }
                }
                _ => {}
            }
        }
        None
    })
}

struct Walk<'e> {
    names: Names,
    /// The variables of the loops around.
    loops: Vec<&'e str>,
    in_loop: bool,
}

impl<'e> Walk<'e> {
    fn visit(&mut self, expr: &'e IdedExpr) -> Result<(), String> {
        match &expr.expr {
            Expr::Unspecified | Expr::Literal(_) => Ok(()),
            Expr::Ident(name) => self.name(name),
            Expr::Select(select) => self.visit(&select.operand),
            Expr::Call(call) => self.call(call),
            Expr::List(list) => list.elements.iter().try_for_each(|item| self.visit(item)),
            Expr::Map(map) => map.entries.iter().try_for_each(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => {
                    self.visit(&entry.key)?;
                    self.visit(&entry.value)
                }
                EntryExpr::StructField(field) => self.visit(&field.value),
            }),
            Expr::Struct(made) => Err(format!(
                "It makes a value of the type `{}`, which is not known.",
                clip(&made.type_name)
            )),
            Expr::Comprehension(comprehension) => {
                self.visit(&comprehension.iter_range)?;
                if self.in_loop {
                    return Err(
                        "It has a loop within a loop; only one may run at a time.".to_owned()
                    );
                }
                self.in_loop = true;
                let before = self.loops.len();
                self.loops.push(&comprehension.iter_var);
                self.loops.extend(comprehension.iter_var2.as_deref());
                self.loops.push(&comprehension.accu_var);
                self.visit(&comprehension.accu_init)?;
                self.visit(&comprehension.loop_cond)?;
                self.visit(&comprehension.loop_step)?;
                self.visit(&comprehension.result)?;
                self.loops.truncate(before);
                self.in_loop = false;
                Ok(())
            }
        }
    }

    fn call(&mut self, call: &'e CallExpr) -> Result<(), String> {
        let name = call.func_name.as_str();
        // No function of a user can be named so: these are the operators.
        let is_operator = name.starts_with(['_', '!', '-', '@'])
            && name.contains(['_', '@', '!', '-'])
            && !name.chars().all(|sign| sign.is_ascii_alphanumeric() || sign == '_');
        if !is_operator && !FUNCTIONS.contains(&name) {
            return Err(format!(
                "It calls `{}`, which is not known; known are {}.",
                clip(name),
                FUNCTIONS.join(", ")
            ));
        }
        call.target.iter().try_for_each(|target| self.visit(target))?;
        call.args.iter().try_for_each(|arg| self.visit(arg))
    }

    fn name(&self, name: &str) -> Result<(), String> {
        if self.names.all().contains(&name) || TYPES.contains(&name) || self.loops.contains(&name) {
            return Ok(());
        }
        Err(format!(
            "It names `{}`, which is not known; known are {}.",
            clip(name),
            listing(self.names.all())
        ))
    }
}
