//! Arguments against the schema an option came with.
//!
//! The schema comes from an agent, too: it is JSON Schema 2020-12 without a
//! reference to anything outside itself, its patterns run in linear time, and
//! the work of a check is counted before it is done. Whether arguments are
//! *wise* is what constraints are for.

mod bounds;
mod wording;

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::{Map, Value};

use crate::bounded::on_thread;
use crate::validate::{Fault, Faults};

/// The largest arguments schema, in nodes of JSON.
pub const MAX_SCHEMA_NODES: usize = 20_000;

/// The most patterns in one arguments schema.
pub const MAX_PATTERNS: usize = 100;

/// The most references in one arguments schema.
pub const MAX_REFERENCES: usize = 500;

/// The most meetings of a schema with a value that one check may take.
pub const MAX_VISITS: usize = 500_000;

/// The same for all checks of one payload together.
pub const MAX_PAYLOAD_VISITS: usize = 4 * MAX_VISITS;

/// What is wrong with arguments, with pointers into them. A schema that cannot
/// be used is a fault of the whole.
pub fn args_faults(schema: Option<&Value>, args: &Map<String, Value>) -> Vec<Fault> {
    let Some(schema) = schema else { return Vec::new() };
    let args = Value::Object(args.clone());
    bounded(|faults| match compile(schema) {
        Ok(validator) => {
            let mut left = MAX_VISITS;
            collect(schema, &validator, &args, ("", &mut left), faults);
        }
        Err(wrong) => faults.add("", wrong.message, wrong.hint),
    })
}

/// What is wrong with the schema of the action at `place`, and with the
/// arguments it came with; takes its part of the visits `left`.
pub(crate) fn check(
    schema: &Value,
    args: Option<&Value>,
    place: &str,
    left: &mut usize,
) -> Vec<Fault> {
    bounded(|faults| match compile(schema) {
        Ok(validator) => {
            if let Some(args) = args.filter(|args| args.is_object()) {
                collect(schema, &validator, args, (&format!("{place}/args"), left), faults);
            }
        }
        Err(wrong) => {
            faults.add(format!("{place}/args_schema{}", wrong.pointer), wrong.message, wrong.hint);
        }
    })
}

fn bounded(work: impl FnOnce(&mut Faults) + Send) -> Vec<Fault> {
    let mut faults = Faults::default();
    let done = on_thread(|| work(&mut faults));
    if let Err(why) = done {
        faults.add("", why, "Use a simpler schema.");
    }
    faults.into_list()
}

fn compile(schema: &Value) -> Result<Validator, Fault> {
    bounds::check_schema(schema)?;
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .with_pattern_options(
            PatternOptions::regex().size_limit(64 * 1024).dfa_size_limit(64 * 1024),
        )
        .should_validate_formats(true)
        .build(schema)
        .map_err(|error| wording::of_schema(&error))
}

fn collect(
    schema: &Value,
    validator: &Validator,
    args: &Value,
    (place, left): (&str, &mut usize),
    faults: &mut Faults,
) {
    if let Err(wrong) = bounds::check_work(schema, args, left) {
        faults.add(format!("{place}{}", wrong.pointer), wrong.message, wrong.hint);
        return;
    }
    for error in validator.iter_errors(args).take(crate::validate::MAX_FAULTS) {
        wording::of_args(&error, place, faults);
    }
}
