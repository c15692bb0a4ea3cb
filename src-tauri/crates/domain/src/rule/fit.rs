//! Whether a call fits what a rule names, apart from its condition.
//!
//! There are three answers, because a path with `..` in it is neither surely
//! within a folder nor surely outside.

use serde_json::{Map, Number, Value};

use super::{CallFacts, Does, Leads, Pattern, Rule, When};

/// How well a call fits; earlier is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    No,
    /// It cannot be told.
    Unclear,
    Yes,
}

impl Fit {
    fn certain(fits: bool) -> Self {
        if fits { Self::Yes } else { Self::No }
    }
}

/// Arguments that name the folder a command runs in.
const FOLDERS: [&str; 5] = ["cwd", "workdir", "working_directory", "directory", "dir_path"];

/// Arguments of a shell that change nothing of what its words do: the text
/// that the words were parsed from, what is said about it, and how long to
/// wait for it.
const SILENT: [&str; 9] = [
    "command",
    "cmd",
    "description",
    "justification",
    "timeout",
    "timeout_ms",
    "timeout_seconds",
    "max_output_tokens",
    "yield_time_ms",
];

/// Whether a rule covers a call, its condition apart: never where it lets
/// something go and the call does not certainly fit.
pub(super) fn covers(rule: &Rule, call: &CallFacts<'_>) -> bool {
    let fit = fit(rule, call);
    if rule.lets_go() { fit == Fit::Yes } else { fit != Fit::No }
}

fn fit(rule: &Rule, call: &CallFacts<'_>) -> Fit {
    let is_other =
        |named: &Option<String>, given: &str| named.as_deref().is_some_and(|named| named != given);
    if is_other(&rule.agent, call.agent)
        || is_other(&rule.tool, call.tool)
        || rule.until.is_some_and(|until| call.at >= until)
        || (rule.lets_go() && !names_every_argument(rule, call))
    {
        return Fit::No;
    }
    let When { args, argv, cwd, expr: _ } = &rule.when;
    let mut worst = Fit::Yes;
    for (name, pattern) in args {
        let one = call.args.get(name).map_or(Fit::No, |value| pattern.fit(value, call.leads));
        worst = worst.min(one);
        if worst == Fit::No {
            return Fit::No;
        }
    }
    if let Some(words) = argv {
        worst = worst.min(Fit::certain(call.argv == Some(words.as_slice())));
    }
    if let Some(folder) = cwd {
        worst = worst.min(match call.cwd {
            Some(given) if given == folder => Fit::Yes,
            // A call that names no folder runs in some folder all the same.
            Some("") | None => Fit::Unclear,
            Some(_) => Fit::No,
        });
    }
    worst
}

fn names_every_argument(rule: &Rule, call: &CallFacts<'_>) -> bool {
    let When { args, argv, cwd, expr } = &rule.when;
    if rule.does != Does::Allow && args.is_empty() && argv.is_none() && expr.is_some() {
        // The condition alone says which calls are meant.
        return true;
    }
    call.args.iter().all(|(name, value)| {
        args.contains_key(name)
            || (argv.is_some()
                && (SILENT.contains(&name.as_str())
                    || (FOLDERS.contains(&name.as_str())
                        && value.as_str().zip(cwd.as_deref()).is_some_and(|(value, folder)| {
                            value == folder || leads_to(value, folder)
                        }))))
    })
}

/// Whether this relative folder, from wherever the call comes, is the end of
/// that one: that they are the same, the call's own folder says.
fn leads_to(relative: &str, folder: &str) -> bool {
    let rest = folder.strip_suffix(relative);
    is_plain(&format!("/{relative}")) && rest.is_some_and(|rest| rest.ends_with('/'))
}

impl Pattern {
    fn fit(&self, value: &Value, leads: Option<&Leads>) -> Fit {
        match self {
            Self::Any => Fit::Yes,
            Self::Is(wanted) => Fit::certain(is_same(wanted, value)),
            Self::OneOf(wanted) => Fit::certain(wanted.iter().any(|one| is_same(one, value))),
            Self::Between(least, most) => match value {
                Value::Number(number) => number.as_f64().map_or(Fit::Unclear, |number| {
                    Fit::certain(*least <= number && number <= *most)
                }),
                Value::Null
                | Value::Bool(_)
                | Value::String(_)
                | Value::Array(_)
                | Value::Object(_) => Fit::Unclear,
            },
            Self::Within(folder) => match value.as_str() {
                Some(path) if is_plain(path) => lies_within(path, folder, leads),
                _ => Fit::Unclear,
            },
        }
    }
}

/// Whether a path lies in a folder, by where it leads. A folder that leads
/// elsewhere is not the one that the rule was made for.
fn lies_within(path: &str, folder: &str, leads: Option<&Leads>) -> Fit {
    let written = Fit::certain(is_within(path, folder));
    let Some(leads) = leads else { return written };
    let to = |path: &str| leads.get(path).and_then(Option::as_deref);
    match (to(path), to(folder)) {
        // What it leads to may be read as another path, or as more than one.
        (Some(path), _) if !is_plain(path) => Fit::Unclear,
        (Some(path), Some(same)) if same == folder => {
            let really = Fit::certain(is_within(path, folder));
            if really == Fit::No && written == Fit::Yes { Fit::Unclear } else { really }
        }
        _ => Fit::Unclear,
    }
}

/// Whether this is the path of something directly or deeper in a folder, both
/// written plainly: absolute, and nothing in them that any tool could read as
/// a step up, as another place or as more than one path.
pub fn is_within(path: &str, folder: &str) -> bool {
    is_plain(path)
        && is_plain(folder)
        && path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// Whether a path is absolute and can only be read in one way.
pub(super) fn is_plain(path: &str) -> bool {
    let Some(rest) = path.strip_prefix('/') else { return false };
    let plain = |part: &str| {
        !part.is_empty()
            && part != "."
            && part != ".."
            && !part.starts_with('~')
            && part.trim() == part
    };
    rest.split('/').all(plain)
        && !path.chars().any(|sign| {
            sign.is_control()
                || matches!(sign, '\\' | '$' | '`' | '*' | '?' | '{' | '}' | '<' | '>' | '|' | '"')
        })
        && !hides_a_sign(path)
        // Most paths are ASCII, and paths are what a replay looks at most.
        && (path.is_ascii() || (!looks_like_dots(path) && crate::visible::line(path) == path))
}

/// Signs that some file systems and tools make `.` or `/` of.
fn looks_like_dots(path: &str) -> bool {
    path.contains(['\u{2024}', '\u{2025}', '\u{2026}', '\u{ff0e}', '\u{fe52}'])
        || path.contains(['\u{2044}', '\u{2215}', '\u{29f8}', '\u{ff0f}', '\u{ff3c}'])
}

/// Whether a dot, a slash or the end of the text is written as a URL would.
fn hides_a_sign(path: &str) -> bool {
    let signs = ["%2e", "%2f", "%5c", "%00", "%25"];
    path.contains('%') && {
        let lower = path.to_ascii_lowercase();
        signs.iter().any(|sign| lower.contains(sign))
    }
}

/// Whether two values are the same JSON.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => is_same_number(one, other),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len()
                && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => is_same_object(one, other),
        _ => one == other,
    }
}

fn is_same_object(one: &Map<String, Value>, other: &Map<String, Value>) -> bool {
    one.len() == other.len()
        && one.iter().all(|(name, value)| other.get(name).is_some_and(|it| is_same(value, it)))
}

/// `60` and `60.0` are one number; beyond 2^53, where a fraction stands for
/// many whole numbers, only the same way of writing is the same.
fn is_same_number(one: &Number, other: &Number) -> bool {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if one == other {
        return true;
    }
    if one.is_f64() == other.is_f64() && !one.is_f64() {
        return false;
    }
    match (one.as_f64(), other.as_f64()) {
        #[expect(clippy::float_cmp, reason = "exactly the same number is meant")]
        (Some(one), Some(other)) => one == other && one.abs() <= EXACT,
        _ => false,
    }
}
