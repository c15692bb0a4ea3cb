//! Expressions that are read once and evaluated against several arguments, on
//! one thread and within one budget.

use std::collections::BTreeSet;

use cel::Program;

use super::{Bindings, MAX_STEPS, Names, cost, execute, syntax};
use crate::bounded::on_thread;

/// Expressions that were read, or why not.
#[derive(Debug)]
pub(crate) struct Judge {
    programs: Vec<Result<Program, String>>,
    left: f64,
}

/// What an expression looks at, below one of its names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Members {
    /// All there is.
    All,
    /// These.
    Named(BTreeSet<String>),
}

/// Reads expressions and works with them where there is enough stack.
pub(crate) fn judging<T: Send>(
    exprs: &[&str],
    work: impl FnOnce(&mut Judge) -> T + Send,
) -> Result<T, String> {
    on_thread(|| {
        let programs = exprs.iter().map(|expr| syntax::read(expr, Names::Constraint)).collect();
        work(&mut Judge { programs, left: MAX_STEPS })
    })
}

impl Judge {
    /// Why an expression cannot be read.
    pub(crate) fn unreadable(&self, place: usize) -> Option<&str> {
        self.programs.get(place)?.as_ref().err().map(String::as_str)
    }

    /// Whether it holds; an error says why it could not be evaluated.
    pub(crate) fn holds(&mut self, place: usize, bindings: &Bindings<'_>) -> Result<bool, String> {
        match self.programs.get(place) {
            Some(Ok(program)) => execute(program, bindings, &mut self.left),
            Some(Err(why)) => Err(why.clone()),
            None => Err("There is no such expression.".to_owned()),
        }
    }

    /// What it looks at below `args`, `facts` or `steps`.
    pub(crate) fn members(&self, place: usize, root: &str) -> Members {
        let Some(Ok(program)) = self.programs.get(place) else {
            return Members::Named(BTreeSet::new());
        };
        cost::members(program.expression(), root).map_or(Members::All, Members::Named)
    }
}

impl Members {
    /// Whether it looks at this one.
    pub(crate) fn has(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.contains(name),
        }
    }

    /// Whether all it looks at are among these; not known where it is all.
    pub(crate) fn all_in(&self, is_there: impl Fn(&str) -> bool) -> bool {
        matches!(self, Self::Named(names) if !names.is_empty() && names.iter().all(|name| is_there(name)))
    }

    /// Whether it looks at none.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Named(names) if names.is_empty())
    }
}
