//! What the schema validator found, in plain words with pointers.

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};

use crate::validate::{Fault, Faults, names, push_segment};

/// What is wrong with a schema that cannot be compiled.
pub(super) fn of_schema(error: &ValidationError<'_>) -> Fault {
    let pointer = error.instance_path().to_string();
    let found = names::describe(error.instance());
    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest says where, and that is enough")]
    let (message, hint) = match error.kind() {
        Kind::Referencing(_) => (
            format!("A reference leads nowhere: {}.", names::clip_long(&plain(error))),
            "Refer only to parts of this schema, such as `#/$defs/NAME`.",
        ),
        Kind::Format { format } if format == "regex" => (
            format!("The pattern is {found}, which cannot be used."),
            "Give a valid, short pattern without look-around and back-references.",
        ),
        _ => (
            format!("{} stands where JSON Schema 2020-12 has something else.", capital(&found)),
            "Give a schema that describes the arguments.",
        ),
    };
    Fault { pointer, message, hint: hint.to_owned() }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
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
            faults.add(at, format!("This is {found}."), format!("Give {}.", types(kind)));
        }
        Kind::Enum { options } => faults.add(
            at,
            format!("This is {found}."),
            format!("Give one of {}.", names::clip_long(&options.to_string())),
        ),
        Kind::Constant { expected_value } => {
            faults.add(
                at,
                format!("This is {found}."),
                format!("Give {}.", names::clip_long(&expected_value.to_string())),
            );
        }
        Kind::Minimum { limit } => {
            faults.add(at, format!("This is {found}."), format!("Give at least {limit}."));
        }
        Kind::Maximum { limit } => {
            faults.add(at, format!("This is {found}."), format!("Give at most {limit}."));
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
            faults.add(at, "This list is too short.", format!("Give at least {limit} items."));
        }
        Kind::MaxItems { limit } => {
            faults.add(at, "This list is too long.", format!("Give at most {limit} items."));
        }
        Kind::UniqueItems => {
            faults.add(at, "This list has an item twice.", "Give every item once.");
        }
        Kind::Pattern { pattern } => faults.add(
            at,
            format!("This is {found}."),
            format!("Give a text that matches `{}`.", names::clip(pattern)),
        ),
        Kind::Format { format } => {
            faults.add(at, format!("This is {found}."), format!("Give a valid {format}."));
        }
        Kind::AnyOf { .. } | Kind::OneOfNotValid { .. } => faults.add(
            at,
            format!("This is {found}, which fits none of the forms the schema allows."),
            "Change it to fit one of them.",
        ),
        Kind::FalseSchema => {
            faults.add(at, "The schema allows nothing here.", "Leave it out.");
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
