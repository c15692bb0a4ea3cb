//! How much work an expression is with certain data, before it is done; and
//! the data it needs.
//!
//! The count is an upper bound in steps of the evaluator: one for each node of
//! the expression and of the data it may walk over or copy, times the rounds
//! of the loop around. It may be far too high; it is never too low.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators};
use cel::objects::Key;
use serde_json::Value;

use super::{Bindings, Names};

/// An upper bound of the steps an evaluation takes.
pub(super) fn steps(expr: &IdedExpr, bindings: &Bindings<'_>) -> f64 {
    let taken: f64 = needs(expr).iter().map(|need| need.size(bindings).weight).sum();
    let mut count = Count { bindings, scope: Vec::new(), steps: taken };
    count.visit(expr);
    count.steps
}

/// The values of the names an expression uses, as far as it uses them.
pub(super) fn needed(expr: &IdedExpr, bindings: &Bindings<'_>) -> Vec<(String, cel::Value)> {
    let mut roots: BTreeMap<&str, HashMap<Key, cel::Value>> =
        ["args", "facts", "steps"].into_iter().map(|root| (root, HashMap::new())).collect();
    for need in needs(expr) {
        let Some(members) = roots.get_mut(need.root.as_str()) else { continue };
        for (name, value) in need.members(bindings) {
            members.insert(Key::from(name.to_owned()), value.to_cel());
        }
    }
    let texts = bindings.call.iter().map(|(name, text)| (*name, cel::Value::from(*text)));
    let maps = roots.into_iter().map(|(root, members)| (root, cel::Value::from(members)));
    // A text never takes the place of a map.
    texts.chain(maps).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Whether an expression uses this name.
pub(super) fn uses(expr: &IdedExpr, root: &str) -> bool {
    needs(expr).iter().any(|need| need.root == root)
}

/// The members of a root that an expression uses; `None` if it uses all.
pub(super) fn members(expr: &IdedExpr, root: &str) -> Option<BTreeSet<String>> {
    needs(expr).into_iter().filter(|need| need.root == root).map(|need| need.member).collect()
}

/// A member of a root: a plain value, or a step with or without an output.
#[derive(Debug, Clone, Copy)]
enum Member<'p> {
    Plain(&'p Value),
    Step(Option<&'p Value>),
}

impl<'p> Member<'p> {
    fn to_cel(self) -> cel::Value {
        match self {
            Self::Plain(value) => cel_value(value),
            Self::Step(output) => {
                let members: HashMap<Key, cel::Value> = output
                    .map(|output| (Key::from("output".to_owned()), cel_value(output)))
                    .into_iter()
                    .collect();
                members.into()
            }
        }
    }

    fn size(self) -> Size {
        match self {
            Self::Plain(value) => Size::of(value),
            Self::Step(output) => {
                output.map_or(Size::UNIT, |output| Size::of(output).plus(Size::UNIT))
            }
        }
    }

    /// The value below; `None` if there is none.
    fn at(self, path: &[Segment]) -> Option<&'p Value> {
        let (mut value, rest) = match (self, path) {
            (Self::Plain(value), rest) => (value, rest),
            (Self::Step(output), [Segment::Name(name), rest @ ..]) if name == "output" => {
                (output?, rest)
            }
            (Self::Step(_), _) => return None,
        };
        for segment in rest {
            value = match segment {
                Segment::Name(name) => value.get(name)?,
                Segment::Place(place) => value.get(place)?,
            };
        }
        Some(value)
    }
}

/// JSON as CEL has it: whole numbers are signed.
fn cel_value(value: &Value) -> cel::Value {
    match value {
        Value::Null => cel::Value::Null,
        Value::Bool(flag) => cel::Value::Bool(*flag),
        Value::Number(number) => number.as_i64().map_or_else(
            || cel::Value::Float(number.as_f64().unwrap_or(f64::NAN)),
            cel::Value::Int,
        ),
        Value::String(text) => cel::Value::from(text.as_str()),
        Value::Array(list) => cel::Value::from(list.iter().map(cel_value).collect::<Vec<_>>()),
        Value::Object(map) => {
            let members: HashMap<Key, cel::Value> = map
                .iter()
                .map(|(name, value)| (Key::from(name.clone()), cel_value(value)))
                .collect();
            members.into()
        }
    }
}

/// A root of which an expression uses one member, or all of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Need {
    root: String,
    member: Option<String>,
}

impl Need {
    fn members<'p>(&self, bindings: &Bindings<'p>) -> Vec<(&'p str, Member<'p>)> {
        let wanted = |name: &str| self.member.as_deref().is_none_or(|member| member == name);
        let plain = |values: &BTreeMap<&'p str, &'p Value>| {
            values
                .iter()
                .filter(|(name, _)| wanted(name))
                .map(|(name, value)| (*name, Member::Plain(value)))
                .collect()
        };
        match self.root.as_str() {
            "args" => plain(&bindings.args),
            "facts" => plain(&bindings.facts),
            "steps" => bindings
                .steps
                .iter()
                .filter(|(name, _)| wanted(name))
                .map(|(name, output)| (*name, Member::Step(*output)))
                .collect(),
            _ => Vec::new(),
        }
    }

    fn size(&self, bindings: &Bindings<'_>) -> Size {
        if let Some(text) = bindings.call.get(self.root.as_str()) {
            return Size::of_text(text);
        }
        let members = self.members(bindings);
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let items = members.len() as f64;
        let weight = members.iter().map(|(_, member)| member.size().weight + 1.0).sum::<f64>();
        Size { weight: weight + 1.0, items }
    }
}

fn needs(expr: &IdedExpr) -> BTreeSet<Need> {
    let mut found = BTreeSet::new();
    collect(expr, &mut Vec::new(), &mut found);
    // Where all is needed, one is not needed again.
    let whole: Vec<String> =
        found.iter().filter(|need| need.member.is_none()).map(|need| need.root.clone()).collect();
    found.retain(|need| need.member.is_none() || !whole.contains(&need.root));
    found
}

fn collect<'e>(expr: &'e IdedExpr, scope: &mut Vec<&'e str>, found: &mut BTreeSet<Need>) {
    if let Some(path) = path_of(expr).filter(|path| !scope.contains(&path.root)) {
        let member = path.segments.first().and_then(|segment| match segment {
            Segment::Name(name) => Some(name.clone()),
            Segment::Place(_) => None,
        });
        found.insert(Need { root: path.root.to_owned(), member });
        return;
    }
    if let Expr::Comprehension(comprehension) = &expr.expr {
        collect(&comprehension.iter_range, scope, found);
        let before = scope.len();
        scope.push(&comprehension.iter_var);
        scope.extend(comprehension.iter_var2.as_deref());
        scope.push(&comprehension.accu_var);
        for part in [
            &comprehension.accu_init,
            &comprehension.loop_cond,
            &comprehension.loop_step,
            &comprehension.result,
        ] {
            collect(part, scope, found);
        }
        scope.truncate(before);
    } else {
        for child in children(expr) {
            collect(child, scope, found);
        }
    }
}

/// The direct parts of an expression that is no loop.
fn children(expr: &IdedExpr) -> Vec<&IdedExpr> {
    match &expr.expr {
        Expr::Unspecified | Expr::Literal(_) | Expr::Ident(_) | Expr::Comprehension(_) => {
            Vec::new()
        }
        Expr::Select(select) => vec![&*select.operand],
        Expr::Call(call) => call.target.as_deref().into_iter().chain(&call.args).collect(),
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Map(map) => map.entries.iter().flat_map(|entry| parts(&entry.expr)).collect(),
        Expr::Struct(made) => made.entries.iter().flat_map(|entry| parts(&entry.expr)).collect(),
    }
}

fn parts(entry: &EntryExpr) -> Vec<&IdedExpr> {
    match entry {
        EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
        EntryExpr::StructField(field) => vec![&field.value],
    }
}

/// A root and the fixed way down from it.
struct Path<'e> {
    root: &'e str,
    segments: Vec<Segment>,
}

enum Segment {
    Name(String),
    Place(usize),
}

/// Whether a name stands for something that is given, in a constraint or in a
/// rule; the syntax has already refused those of the other kind.
fn is_root(name: &str) -> bool {
    [Names::Constraint, Names::Rule].iter().any(|names| names.all().contains(&name))
}

fn path_of(expr: &IdedExpr) -> Option<Path<'_>> {
    match &expr.expr {
        Expr::Ident(root) if is_root(root) => Some(Path { root, segments: Vec::new() }),
        Expr::Select(select) => {
            let mut path = path_of(&select.operand)?;
            path.segments.push(Segment::Name(select.field.clone()));
            Some(path)
        }
        Expr::Call(CallExpr { func_name, target: None, args }) if func_name == operators::INDEX => {
            let [of, at] = args.as_slice() else { return None };
            let segment = if let Expr::Literal(LiteralValue::String(name)) = &at.expr {
                Segment::Name(name.inner().to_owned())
            } else if let Expr::Literal(LiteralValue::Int(place)) = &at.expr {
                Segment::Place(usize::try_from(*place.inner()).ok()?)
            } else {
                return None;
            };
            let mut path = path_of(of)?;
            path.segments.push(segment);
            Some(path)
        }
        Expr::Unspecified
        | Expr::Call(_)
        | Expr::Comprehension(_)
        | Expr::Ident(_)
        | Expr::List(_)
        | Expr::Literal(_)
        | Expr::Map(_)
        | Expr::Struct(_) => None,
    }
}

/// How large a value may be.
#[derive(Debug, Clone, Copy)]
struct Size {
    /// Nodes, and a node for every 64 bytes of text.
    weight: f64,
    /// The rounds a loop over it takes.
    items: f64,
}

impl Size {
    const UNIT: Self = Self { weight: 1.0, items: 1.0 };

    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    fn of_text(text: &str) -> Self {
        Self { weight: 1.0 + text.len() as f64 / 64.0, items: 1.0 }
    }

    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    fn of(value: &Value) -> Self {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => Self::UNIT,
            Value::String(text) => Self::of_text(text),
            Value::Array(list) => Self {
                weight: 1.0 + list.iter().map(|item| Self::of(item).weight).sum::<f64>(),
                items: list.len() as f64,
            },
            Value::Object(map) => Self {
                weight: 1.0
                    + map
                        .iter()
                        .map(|(name, item)| 1.0 + name.len() as f64 / 64.0 + Self::of(item).weight)
                        .sum::<f64>(),
                items: map.len() as f64,
            },
        }
    }

    fn plus(self, other: Self) -> Self {
        Self { weight: self.weight + other.weight, items: self.items + other.items }
    }

    fn max(self, other: Self) -> Self {
        Self { weight: self.weight.max(other.weight), items: self.items.max(other.items) }
    }

    /// What any part of it may be.
    fn part(self) -> Self {
        Self { weight: self.weight, items: self.weight }
    }
}

struct Count<'e, 'b, 'p> {
    bindings: &'b Bindings<'p>,
    /// The variables of the loop around.
    scope: Vec<(&'e str, Size)>,
    steps: f64,
}

impl<'e> Count<'e, '_, '_> {
    fn visit(&mut self, expr: &'e IdedExpr) -> Size {
        self.steps += 1.0;
        if let Some(size) = self.fixed(expr) {
            return size;
        }
        match &expr.expr {
            Expr::Ident(name) => self
                .scope
                .iter()
                .rev()
                .find(|(known, _)| known == name)
                .map_or(Size::UNIT, |(_, size)| *size),
            Expr::Literal(LiteralValue::String(text)) => Size::of_text(text.inner()),
            Expr::Literal(_) | Expr::Unspecified => Size::UNIT,
            Expr::Select(select) => self.visit(&select.operand).part(),
            Expr::Call(call) => self.call(call),
            Expr::Comprehension(comprehension) => {
                let range = self.visit(&comprehension.iter_range);
                self.steps += range.weight;
                let rounds = range.items.max(1.0);
                let each = Size { weight: range.weight / rounds, items: range.weight / rounds };
                let before = self.scope.len();
                self.scope.push((&comprehension.iter_var, each));
                self.scope.extend(comprehension.iter_var2.as_deref().map(|name| (name, each)));
                // The list a loop builds grows in place: each round adds to it
                // once, and never walks over it.
                self.scope.push((&comprehension.accu_var, Size::UNIT));
                let outside = std::mem::replace(&mut self.steps, 0.0);
                self.visit(&comprehension.accu_init);
                self.visit(&comprehension.loop_cond);
                let made = self.visit(&comprehension.loop_step);
                self.visit(&comprehension.result);
                self.steps = outside + rounds * (self.steps + made.weight + each.weight);
                self.scope.truncate(before);
                Size { weight: rounds * made.weight, items: rounds }
            }
            Expr::List(_) | Expr::Map(_) | Expr::Struct(_) => {
                let parts: Vec<Size> =
                    children(expr).into_iter().map(|part| self.visit(part)).collect();
                #[expect(clippy::cast_precision_loss, reason = "at most 512 parts")]
                let items = parts.len() as f64;
                let weight = 1.0 + parts.iter().map(|part| part.weight).sum::<f64>();
                self.steps += weight;
                Size { weight, items }
            }
        }
    }

    fn call(&mut self, call: &'e CallExpr) -> Size {
        let parts: Vec<Size> = call
            .target
            .as_deref()
            .into_iter()
            .chain(&call.args)
            .map(|part| self.visit(part))
            .collect();
        let all = parts.iter().copied().fold(Size::UNIT, Size::plus);
        let largest = parts.iter().copied().fold(Size::UNIT, Size::max);
        self.steps += all.weight;
        match call.func_name.as_str() {
            operators::INDEX => largest.part(),
            operators::CONDITIONAL => largest,
            operators::ADD => all,
            operators::LOGICAL_AND
            | operators::LOGICAL_OR
            | operators::LOGICAL_NOT
            | operators::EQUALS
            | operators::NOT_EQUALS
            | operators::LESS
            | operators::LESS_EQUALS
            | operators::GREATER
            | operators::GREATER_EQUALS
            | operators::IN
            | operators::NOT_STRICTLY_FALSE
            | "size" => Size::UNIT,
            _ => all,
        }
    }

    /// The size of a value that is fixed before any evaluation.
    fn fixed(&self, expr: &IdedExpr) -> Option<Size> {
        let path = path_of(expr)?;
        if self.scope.iter().any(|(name, _)| *name == path.root) {
            return None;
        }
        let whole = |member| Need { root: path.root.to_owned(), member };
        let size = match path.segments.split_first() {
            Some((Segment::Name(name), rest)) => {
                let members = whole(Some(name.clone())).members(self.bindings);
                // What is not there ends the evaluation or is asked for by `has`.
                members.first().map_or(Size::UNIT, |(_, member)| match (member, rest) {
                    (Member::Step(_), []) => member.size(),
                    _ => member.at(rest).map_or(Size::UNIT, Size::of),
                })
            }
            Some((Segment::Place(_), _)) | None => whole(None).size(self.bindings),
        };
        Some(size)
    }
}
