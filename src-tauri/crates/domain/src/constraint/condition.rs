//! An expression that is read once and evaluated again and again: the condition
//! of a rule, of which there may be a thousand.

use std::sync::Arc;

use cel::Program;

use super::{Bindings, MAX_STEPS, Names, cost, execute, syntax};
use crate::bounded::on_thread;

/// An expression, ready to be evaluated.
#[derive(Debug, Clone)]
pub struct Condition {
    program: Arc<Program>,
}

impl Condition {
    /// Reads an expression over these names, or says why not.
    pub fn read(expr: &str, names: Names) -> Result<Self, String> {
        let program = on_thread(|| syntax::read(expr, names))??;
        Ok(Self { program: Arc::new(program) })
    }

    /// Whether it looks at this name.
    pub fn uses(&self, name: &str) -> bool {
        cost::uses(self.program.expression(), name)
    }

    /// Which of these hold, on one thread and within one budget; an error says
    /// why one could not be evaluated.
    pub fn each(conditions: &[&Self], bindings: &Bindings<'_>) -> Vec<Result<bool, String>> {
        let done = on_thread(|| {
            let mut left = MAX_STEPS;
            let hold = |condition: &&Self| execute(&condition.program, bindings, &mut left);
            conditions.iter().map(hold).collect()
        });
        done.unwrap_or_else(|why| vec![Err(why); conditions.len()])
    }
}
