//! The same question, asked of the same tool again and again in other words.
//!
//! Only reads with a text that asks are looked at. Another page, another id and
//! another name are other questions; the very same words are not a rephrasing
//! (that is churn's part).

use serde_json::{Map, Value};

use super::values::{head, same_json};
use super::wording::Wording;
use super::{Measure, TriggerKind, show, since};
use crate::action::Effect;
use crate::trace::{Call, Proposed, Trace};

/// Names of arguments that ask, the likeliest first.
const ASKS: [&str; 12] = [
    "query",
    "q",
    "search_query",
    "search",
    "question",
    "pattern",
    "prompt",
    "keywords",
    "terms",
    "term",
    "url",
    "uri",
];
/// Names of arguments that say where and how to look, which changes with the
/// words.
const AROUND: [&str; 28] = [
    "limit",
    "max_results",
    "num_results",
    "count",
    "top_k",
    "k",
    "n",
    "path",
    "glob",
    "include",
    "exclude",
    "type",
    "output_mode",
    "language",
    "lang",
    "region",
    "recency",
    "time_range",
    "sort",
    "case_sensitive",
    "case_insensitive",
    "-i",
    "-n",
    "head_limit",
    "multiline",
    "description",
    "verbose",
    "timeout",
];
/// The most bytes of a question that are compared.
const MAX_QUESTION: usize = 2000;

/// More retries in other words than `retries`, the proposed one among them;
/// `alike` says from how many percent on two wordings are one question. And how
/// many retries there are.
pub(super) fn retried(trace: &Trace, proposed: &Proposed<'_>, retries: u32, alike: u32) -> Measure {
    if proposed.effect != Effect::Read {
        return (0, None);
    }
    let Some((key, asked)) = question(proposed.args) else { return (0, None) };
    let now = Wording::new(asked);
    let mut variants: Vec<(&Call, &str, Wording)> = Vec::new();
    let mut before: Vec<(&Call, &str, Wording)> = Vec::new();
    for call in since(trace).iter().filter(|call| call.tool == proposed.tool) {
        let Some(args) = call.args.as_object() else { continue };
        if call.effect != Effect::Read || !asks_alike(args, proposed.args, key) {
            continue;
        }
        let Some(text) = args.get(key).and_then(Value::as_str) else { continue };
        let text = head(text, MAX_QUESTION);
        let wording = Wording::new(text);
        let known = before.iter().any(|(_, _, other)| other.is(&wording));
        if !wording.is(&now) && !known {
            before.push((call, text, wording));
        }
    }
    // Each retry starts from any of the others, and is another question from none.
    loop {
        let next = before.iter().position(|(_, _, wording)| {
            let group = || variants.iter().map(|(_, _, other)| other).chain([&now]);
            group().all(|other| !wording.asks_for_another_thing(other))
                && group().any(|other| wording.alike(other) >= alike)
        });
        let Some(next) = next else { break };
        variants.push(before.remove(next));
    }
    let made = u32::try_from(variants.len()).unwrap_or(u32::MAX);
    if made <= retries {
        return (made, None);
    }
    let headline = format!(
        "{} would be asked the same for the {} time in other words: “{}”.",
        show::name(proposed.tool),
        variants.len() + 1,
        show::clip(asked.trim(), 200),
    );
    variants.sort_by_key(|(call, _, _)| call.at);
    let shown = show::MAX_EXHIBITS - 1;
    let skip = variants.len().saturating_sub(shown);
    let mut exhibits: Vec<_> = variants
        .iter()
        .enumerate()
        .skip(skip)
        .map(|(index, (call, text, _))| {
            let label =
                if index == 0 { "asked first".to_owned() } else { format!("retry {index}") };
            show::of_call(call, &label, text)
        })
        .collect();
    exhibits.push(show::of_proposed(&format!("retry {}, proposed", variants.len()), asked));
    (made, Some(show::evidence(TriggerKind::Rephrased, &headline, exhibits)))
}

/// The argument that asks.
fn question(args: &Map<String, Value>) -> Option<(&'static str, &str)> {
    let asks = |key: &&'static str| Some((*key, args.get(*key)?.as_str()?));
    let (key, text) = ASKS.iter().find_map(asks)?;
    let text = head(text, MAX_QUESTION);
    (!text.trim().is_empty()).then_some((key, text))
}

/// Whether the other arguments make it another question: a page, a customer.
fn asks_alike(one: &Map<String, Value>, other: &Map<String, Value>, key: &str) -> bool {
    let counts = |name: &&String| *name != key && !AROUND.contains(&name.to_lowercase().as_str());
    one.keys().chain(other.keys()).filter(counts).all(|name| {
        match (one.get(name), other.get(name)) {
            (Some(one), Some(other)) => same_json(one, other),
            (Some(Value::Number(_)), None) | (None, Some(Value::Number(_))) => false,
            _ => true,
        }
    })
}
