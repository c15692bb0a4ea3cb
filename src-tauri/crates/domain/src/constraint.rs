//! Constraints as CEL expressions over `args`, `facts` and `steps`
//! (CONTRACT §1), and the conditions of the reviewer's rules, over other names
//! ([`Names`]).
//!
//! The expressions come from agents and from people in a hurry, and the evaluator neither bounds its
//! stack nor its time. So nothing runs that is not known to end soon: the text
//! is bounded before it is parsed ([`syntax`]), the work is counted before it
//! is done ([`cost`]), and both happen on a thread with a stack that is large
//! enough for the largest expression let through. A thread cannot be stopped
//! from outside; this one never needs to be.
//!
//! A constraint that cannot be evaluated does not hold. Whether that matters
//! is the reviewer's decision, not one of this module.

mod condition;
mod cost;
mod judge;
mod syntax;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use cel::{Context, Env, Program};
use serde_json::Value;

use crate::bounded::on_thread;
use crate::validate::names::clip_long;

pub use condition::Condition;
pub(crate) use judge::{Judge, judging};
pub use syntax::{MAX_BRACKETS, MAX_BYTES, MAX_OPERATORS, Names};

/// The most expressions one handoff may have.
pub const MAX_EXPRESSIONS: usize = 100;

/// The work all constraints of one evaluation may take together, in steps of
/// the evaluator: a fraction of a second.
pub const MAX_STEPS: f64 = 500_000.0;

/// The functions of expressions. They are the same for all, and making them
/// takes far longer than most evaluations.
static FUNCTIONS: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// What the names of an expression stand for.
#[derive(Debug, Clone, Default)]
pub struct Bindings<'p> {
    /// The arguments of the tool call.
    pub args: BTreeMap<&'p str, &'p Value>,
    /// The facts known so far.
    pub facts: BTreeMap<&'p str, &'p Value>,
    /// The outputs of the plan's steps, by id; `None` where there is none yet.
    pub steps: BTreeMap<&'p str, Option<&'p Value>>,
    /// For a rule: the `agent`, the `task` and the `tool` of the call.
    pub call: BTreeMap<&'p str, &'p str>,
}

/// Whether an expression is one that can be evaluated; else what is wrong.
pub fn check(expr: &str) -> Result<(), String> {
    check_all(&[expr]).pop().unwrap_or_else(|| Err("It could not be read.".to_owned()))
}

/// The same for several expressions, on one thread.
pub fn check_all(exprs: &[&str]) -> Vec<Result<(), String>> {
    let checked = on_thread(|| {
        exprs.iter().map(|expr| syntax::read(expr, Names::Constraint).map(drop)).collect()
    });
    checked.unwrap_or_else(|why| exprs.iter().map(|_| Err(why.clone())).collect())
}

/// Whether an expression holds; an error says why it could not be evaluated.
pub fn evaluate(expr: &str, bindings: &Bindings<'_>) -> Result<bool, String> {
    judging(&[expr], |judge| judge.holds(0, bindings))?
}

fn execute(program: &Program, bindings: &Bindings<'_>, left: &mut f64) -> Result<bool, String> {
    let cost = cost::steps(program.expression(), bindings);
    if cost > *left {
        return Err("Evaluating it would take too long: it goes over too much data.".to_owned());
    }
    *left -= cost;
    let mut context = Context::with_env(Arc::clone(&FUNCTIONS));
    for (name, value) in cost::needed(program.expression(), bindings) {
        context.add_variable_from_value(name, value);
    }
    outcome(program, &context)
}

fn outcome(program: &Program, context: &Context<'_, '_>) -> Result<bool, String> {
    match program.execute(context) {
        Ok(cel::Value::Bool(holds)) => Ok(holds),
        Ok(other) => Err(format!(
            "It gives a value of type {} where true or false is needed.",
            other.type_of()
        )),
        Err(error) => Err(clip_long(&explain(&error))),
    }
}

fn explain(error: &cel::ExecutionError) -> String {
    #[expect(clippy::wildcard_enum_match_arm, reason = "a foreign enum that may grow")]
    match error {
        cel::ExecutionError::NoSuchKey(name) => format!("There is no `{name}` here."),
        cel::ExecutionError::NoSuchOverload(_)
        | cel::ExecutionError::UnsupportedBinaryOperator(..)
        | cel::ExecutionError::ValuesNotComparable(..) => {
            format!("It puts together values of types that do not fit: {error}.")
        }
        _ => format!("It cannot be evaluated: {error}."),
    }
}
