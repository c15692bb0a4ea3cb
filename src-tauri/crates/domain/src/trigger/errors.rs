//! The same tool failing again and again with the same error.
//!
//! Numbers, times, hashes and names of temporary files differ from run to run
//! and do not make another error. A success of the very call that failed ends
//! the series.

use serde_json::Value;

use super::values::{MAX_LOOKED_AT, head, same_json};
use super::{Measure, TriggerKind, show, since};
use crate::action::ActionStatus;
use crate::trace::{Call, Proposed, Trace};

/// Names under which answers hold their error.
const ERRORS: [&str; 7] = ["error", "errors", "stderr", "message", "detail", "details", "reason"];
/// Words by which a line of a long output is about an error.
const MARKS: [&str; 10] = [
    "error",
    "fail",
    "panic",
    "exception",
    "denied",
    "refused",
    "cannot",
    "not found",
    "fatal",
    "invalid",
];
/// The most lines of an output that are compared.
const MAX_LINES: usize = 8;
/// An error of fewer words says too little to be the same for other arguments.
const BARE_WORDS: usize = 4;

/// A series of one error.
struct Series<'t> {
    error: String,
    calls: Vec<&'t Call>,
}

/// The same error of the proposed tool, `times` or more since a person looked;
/// and how many times it was.
pub(super) fn again(trace: &Trace, proposed: &Proposed<'_>, times: u32) -> Measure {
    let mut all: Vec<Series<'_>> = Vec::new();
    for call in since(trace).iter().filter(|call| call.tool == proposed.tool) {
        match call.status {
            ActionStatus::Failed => {
                let text = said(call.output.as_ref());
                let error = normal(&text);
                // "exit code 1" is another error for another command.
                let bare = error.split(' ').count() < BARE_WORDS;
                let fits = |series: &&mut Series<'_>| {
                    series.error == error
                        && (!bare
                            || series.calls.iter().all(|old| same_json(&old.args, &call.args)))
                };
                match all.iter_mut().find(fits) {
                    Some(series) => series.calls.push(call),
                    None => all.push(Series { error, calls: vec![call] }),
                }
            }
            ActionStatus::Done => all.retain(|series| {
                !series.calls.iter().any(|failed| same_json(&failed.args, &call.args))
            }),
            ActionStatus::Running | ActionStatus::Undone => {}
        }
    }
    let Some(worst) = all.iter().max_by_key(|series| series.calls.len()) else { return (0, None) };
    let count = worst.calls.len();
    let measured = u32::try_from(count).unwrap_or(u32::MAX);
    let (Some(first), Some(latest)) = (worst.calls.first(), worst.calls.last()) else {
        return (0, None);
    };
    if measured < times {
        return (measured, None);
    }
    let tool = show::name(proposed.tool);
    let text = said(latest.output.as_ref());
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("no words of its own");
    let headline = format!(
        "{tool} failed {count} times with the same error: {}",
        show::clip(line.trim(), 200)
    );
    let mut exhibits = vec![show::of_call(latest, "the error", &text)];
    let shown = worst.calls.iter().rev().take(show::MAX_EXHIBITS - 2);
    exhibits.extend(shown.map(|call| show::of_call(call, "failed", &show::args_of(call))));
    if count > show::MAX_EXHIBITS - 2 {
        exhibits.push(show::of_call(first, "failed first", &show::args_of(first)));
    }
    (measured, Some(show::evidence(TriggerKind::RepeatedError, &headline, exhibits)))
}

/// What a failed call says of its error.
fn said(output: Option<&Value>) -> String {
    match output {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => head(text, MAX_LOOKED_AT).to_owned(),
        Some(Value::Object(map)) => {
            let inner = ERRORS.iter().filter_map(|name| map.get(*name)).find(|value| match value {
                Value::String(text) => !text.trim().is_empty(),
                Value::Object(map) => !map.is_empty(),
                Value::Array(list) => !list.is_empty(),
                Value::Null | Value::Bool(_) | Value::Number(_) => false,
            });
            match inner {
                Some(inner @ Value::Object(_)) => show::value(inner),
                Some(inner) => said(Some(inner)),
                None => show::value(&Value::Object(map.clone())),
            }
        }
        Some(other) => show::value(other),
    }
}

/// An error without what differs from run to run.
fn normal(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let about = |line: &&&str| {
        let low = line.to_lowercase();
        MARKS.iter().any(|mark| low.contains(mark))
    };
    let marked: Vec<&str> = lines.iter().filter(about).take(MAX_LINES).copied().collect();
    let lines = if marked.is_empty() || lines.len() <= 2 {
        lines.into_iter().take(MAX_LINES).collect()
    } else {
        marked
    };
    let mut words: Vec<String> = Vec::new();
    for word in lines.iter().flat_map(|line| line.split_whitespace()).take(400) {
        let says_which = words.last().is_some_and(|last| is_before_a_code(last));
        words.push(plain_word(word, says_which));
    }
    // A time takes one word or two, and "#" in a row is one.
    words.dedup_by(|later, former| later == "#" && former == "#");
    words.join(" ")
}

/// Words after which a number says which error it is.
fn is_before_a_code(word: &str) -> bool {
    let word = word.trim_end_matches([':', '=']);
    ["http", "status", "code", "errno", "error", "exit", "signal"]
        .iter()
        .any(|name| word == *name || word.ends_with(&format!("/{name}")))
        || word.starts_with("http/")
}

fn plain_word(word: &str, is_code: bool) -> String {
    let low = word.to_lowercase();
    if is_code {
        return low;
    }
    if let Some(path) = temporary(&low) {
        return path;
    }
    let low = without_uuids(&low);
    let mut out = String::new();
    for run in runs(&low) {
        let digits = run.bytes().any(|byte| byte.is_ascii_digit());
        let letters = run.bytes().any(|byte| byte.is_ascii_alphabetic());
        let hex = run.len() >= 6 && run.bytes().all(|byte| byte.is_ascii_hexdigit());
        let long = run.len() >= 16 && run.is_ascii();
        if digits && (!letters || hex || long || run.starts_with("0x") || is_span(run)) {
            out.push('#');
        } else {
            out.push_str(run);
        }
    }
    // 12:04:31.5, 2026-01-05T12:04:31Z, 10.0.0.7:8080 and a1b2-… are all one.
    if out.starts_with('#') && out.chars().all(|sign| "#:.-+tz,/_[]()\"'".contains(sign)) {
        return "#".to_owned();
    }
    out
}

/// Each number of the kind `8f14e45f-ceea-467f-9575-0a1b2c3d4e5f` as `0`.
fn without_uuids(word: &str) -> String {
    let inner = |sign: char| sign.is_ascii_hexdigit() || sign == '-';
    let is_uuid = |part: &&str| part.len() == 36 && part.matches('-').count() == 4;
    let parts: Vec<&str> = word.split(|sign| !inner(sign)).filter(is_uuid).collect();
    parts.into_iter().fold(word.to_owned(), |word, part| word.replace(part, "0"))
}

/// A number with its unit, or parts of a moment: `12ms`, `3s`, `05t12`.
fn is_span(run: &str) -> bool {
    let unit = run.trim_start_matches(|sign: char| sign.is_ascii_digit());
    unit.len() < run.len()
        && (["ms", "s", "us", "ns", "m", "h", "kb", "mb", "gb", "b", "z"].contains(&unit)
            || (unit.starts_with('t') && unit[1..].bytes().all(|byte| byte.is_ascii_digit())))
}

/// Where temporary files lie, a name of the run follows.
fn temporary(word: &str) -> Option<String> {
    let starts = ["/tmp/", "/var/folders/", "/var/tmp/", "/private/tmp/"];
    let (from, start) =
        starts.iter().filter_map(|start| Some((word.find(start)?, *start))).min()?;
    let (front, rest) = (&word[..from], &word[from + start.len()..]);
    // What lies deeper than the folder of the run is the same each time.
    let inner = rest.rsplit_once('/').map_or("", |(_, name)| name);
    let inner: String =
        inner.chars().map(|sign| if sign.is_ascii_digit() { '#' } else { sign }).collect();
    Some(format!("{front}{start}#/{inner}"))
}

/// Runs of letters and digits, and each other sign.
fn runs(word: &str) -> impl Iterator<Item = &str> {
    let mut rest = word;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let end = if first.is_alphanumeric() {
            rest.find(|sign: char| !sign.is_alphanumeric()).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (run, after) = rest.split_at(end);
        rest = after;
        Some(run)
    })
}

#[cfg(test)]
mod tests {
    use super::normal;

    #[test]
    fn what_differs_from_run_to_run_is_no_other_error() {
        for (one, other) in [
            ("timed out after 3004 ms", "timed out after 2999 ms"),
            ("timed out after 30s", "timed out after 31s"),
            (
                "request 8f14e45f-ceea-467f-9575-0a1b2c3d4e5f failed",
                "request 00000000-ceea-167f-9575-aa1b2c3d4e5f failed",
            ),
            (
                "2026-01-05T10:00:00Z connection refused",
                "2026-01-06T11:12:13.5Z connection refused",
            ),
            (
                "cannot write /tmp/run-8271/out.txt: denied",
                "cannot write /tmp/run-99/out.txt: denied",
            ),
            ("object at 0x7f3a2b not found", "object at 0x7fffee not found"),
            ("Error in line 12: unexpected `}`", "error in line 40: unexpected `}`"),
        ] {
            assert_eq!(normal(one), normal(other));
        }
    }

    #[test]
    fn what_says_which_error_it_is_stays() {
        for (one, other) in [
            ("HTTP 500 from the server", "HTTP 429 from the server"),
            ("error[E0308]: mismatched types", "error[E0425]: mismatched types"),
            ("exit code 1 of make", "exit code 127 of make"),
            ("no such file: src/a.rs", "no such file: src/b.rs"),
            ("cannot write /tmp/x/out.txt", "cannot write /tmp/x/log.txt"),
        ] {
            assert_ne!(normal(one), normal(other));
        }
    }
}
