//! What the schema validator found, in plain words with pointers.

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};

use crate::validate::{Fault, Faults, names, push_segment};

/// What is wrong with a schema that cannot be compiled.
pub(super) fn of_schema(error: &ValidationError<'_>) -> Fault {
    let pointer = error.instance_path().to_string();
    let message =
        format!("This is no JSON Schema of 2020-12: {}.", names::clip_long(&plain(error)));
    Fault { pointer, message, hint: "Give a schema that describes the arguments.".to_owned() }
}

/// Adds what is wrong with arguments, in the words of the fields.
pub(super) fn of_args(error: &ValidationError<'_>, place: &str, faults: &mut Faults) {
    let at = format!("{place}{}", error.instance_path());
    let found = names::describe(error.instance());
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the rest is worded by the validator itself"
    )]
    match error.kind() {
        Kind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            faults.add(
                below(&at, name),
                format!("`{name}` is missing."),
                "The schema of the arguments requires it.",
            );
        }
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
            for name in unexpected {
                faults.add(
                    below(&at, name),
                    format!("The schema knows no argument `{}`.", names::clip(name)),
                    "Leave it out, or use a name the schema has.",
                );
            }
        }
        Kind::Type { kind } => {
            faults.add(at, format!("This is {found}."), format!("Give {}.", types(kind)))
        }
        Kind::Enum { options } => {
            faults.add(at, format!("This is {found}."), format!("Give one of {options}."))
        }
        Kind::Constant { expected_value } => {
            faults.add(at, format!("This is {found}."), format!("Give {expected_value}."));
        }
        Kind::Minimum { limit } => {
            faults.add(at, format!("This is {found}."), format!("Give at least {limit}."))
        }
        Kind::Maximum { limit } => {
            faults.add(at, format!("This is {found}."), format!("Give at most {limit}."))
        }
        Kind::ExclusiveMinimum { limit } => {
            faults.add(at, format!("This is {found}."), format!("Give more than {limit}."));
        }
        Kind::ExclusiveMaximum { limit } => {
            faults.add(at, format!("This is {found}."), format!("Give less than {limit}."));
        }
        Kind::MultipleOf { multiple_of } => {
            faults.add(
                at,
                format!("This is {found}."),
                format!("Give a multiple of {multiple_of}."),
            );
        }
        Kind::MinLength { limit } => {
            faults.add(at, "This text is too short.", format!("Give at least {limit} characters."));
        }
        Kind::MaxLength { limit } => {
            faults.add(at, "This text is too long.", format!("Give at most {limit} characters."));
        }
        Kind::MinItems { limit } => {
            faults.add(at, "This list is too short.", format!("Give at least {limit} items."))
        }
        Kind::MaxItems { limit } => {
            faults.add(at, "This list is too long.", format!("Give at most {limit} items."))
        }
        Kind::UniqueItems => {
            faults.add(at, "This list has an item twice.", "Give every item once.")
        }
        Kind::Pattern { pattern } => faults.add(
            at,
            format!("This is {found}."),
            format!("Give a text that matches `{}`.", names::clip(pattern)),
        ),
        Kind::Format { format } => {
            faults.add(at, format!("This is {found}."), format!("Give a valid {format}."))
        }
        _ => faults.add(
            at,
            format!("The schema does not take this: {}.", names::clip_long(&plain(error))),
            "Change it as the schema of the arguments says.",
        ),
    }
}

fn below(pointer: &str, name: &str) -> String {
    let mut pointer = pointer.to_owned();
    push_segment(&mut pointer, name);
    pointer
}

/// The validator's own words, without the value, which may be of any size.
fn plain(error: &ValidationError<'_>) -> String {
    error.masked_with("the value").to_string()
}

fn types(kind: &TypeKind) -> String {
    let word = |name: &str| match name {
        "string" => "a text",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "`true` or `false`",
        "array" => "a list",
        "object" => "an object",
        _ => "null",
    };
    match kind {
        TypeKind::Single(one) => word(&one.to_string()).to_owned(),
        TypeKind::Multiple(several) => {
            let words: Vec<&str> = several.iter().map(|one| word(&one.to_string())).collect();
            words.join(" or ")
        }
    }
}
