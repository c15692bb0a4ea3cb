//! Each client's dialect, as a file that reads like a conversation.
//!
//! A case is a title after `##`, the client's event after `in`, what was decided
//! after `desk` (or `seen` where the event asks for nothing), and the answer
//! after `out`. `…` at the end of a text of the answer stands for anything.

use serde_json::{Value, json};

use crate::Client;
use crate::event::{self, Call, Event, Moment, Verdict};

const FILES: [(Client, &str); 3] = [
    (Client::ClaudeCode, include_str!("claude_code.md")),
    (Client::Codex, include_str!("codex.md")),
    (Client::Gemini, include_str!("gemini.md")),
];

#[derive(Debug, Default)]
struct Case<'f> {
    title: &'f str,
    input: &'f str,
    desk: Option<&'f str>,
    seen: Option<&'f str>,
    out: &'f str,
}

fn cases(file: &str) -> Vec<Case<'_>> {
    let mut cases = Vec::new();
    for line in file.lines() {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        if word == "##" {
            cases.push(Case { title: rest, ..Case::default() });
        }
        let Some(case) = cases.last_mut() else { continue };
        match word {
            "in" => case.input = rest,
            "desk" => case.desk = Some(rest),
            "seen" => case.seen = Some(rest),
            "out" => case.out = rest,
            _ => {}
        }
    }
    cases
}

#[test]
fn each_client_is_answered_in_its_own_words() {
    for (client, file) in FILES {
        let cases = cases(file);
        assert!(cases.len() > 8, "{client:?}: the file was not read");
        for case in cases {
            let place = format!("{}: {}", client.name(), case.title);
            let (form, event) = event::read(client, case.input.as_bytes());
            let out = match (event, case.desk, case.seen) {
                (Err(why), None, None) => crate::refused(client, &form, &why).out,
                (Ok(Event::Gate(moment, call)), Some(desk), None) => {
                    client.says(&form, &decided(client, moment, &call, desk))
                }
                (Ok(event), None, Some(seen)) => {
                    assert_eq!(shown(&event), seen, "{place}");
                    crate::noted(&Ok(())).out
                }
                other => panic!("{place}: {other:?}"),
            };
            let out: Value = serde_json::from_str(&out).expect("JSON");
            let wanted: Value =
                serde_json::from_str(case.out).unwrap_or_else(|error| panic!("{place}: {error}"));
            assert!(alike(&wanted, &out), "{place}:\n{out:#}\nis not\n{wanted:#}");
        }
    }
}

/// What the desk said, as it is written in the file.
fn decided(client: Client, moment: Moment, call: &Call, desk: &str) -> Verdict {
    let (word, rest) = desk.split_once(' ').unwrap_or((desk, ""));
    match word {
        "run" => Verdict::Run("It changes nothing.".to_owned()),
        "edit" => {
            let args: Value = serde_json::from_str(rest).expect("arguments");
            let args = args.as_object().expect("an object").clone();
            if client.can_carry(moment, &call.args, &args) {
                Verdict::Edited(args, "The reviewer decided on exactly this call.".to_owned())
            } else {
                Verdict::Deny(crate::words::cannot_carry(&args))
            }
        }
        "deny" => Verdict::Deny(rest.to_owned()),
        _ => panic!("{desk:?}"),
    }
}

fn shown(event: &Event) -> String {
    match event {
        Event::Done(call, ending) => {
            let how = if ending.failed { "failed" } else { "done" };
            format!("{} {} {how}: {}", call.tool, json!(call.args), ending.output)
        }
        Event::Stopped { busy: true, .. } => "stopped, busy".to_owned(),
        Event::Stopped { busy: false, .. } => "stopped".to_owned(),
        Event::Over { .. } => "over".to_owned(),
        Event::Aside => "nothing".to_owned(),
        Event::Gate(..) => "a gate".to_owned(),
    }
}

/// Equal, but for texts that end with `…`.
fn alike(wanted: &Value, found: &Value) -> bool {
    match (wanted, found) {
        (Value::String(wanted), Value::String(found)) => {
            wanted.strip_suffix('…').map_or(wanted == found, |begin| found.starts_with(begin))
        }
        (Value::Object(wanted), Value::Object(found)) => {
            wanted.len() == found.len()
                && wanted
                    .iter()
                    .all(|(name, wanted)| found.get(name).is_some_and(|found| alike(wanted, found)))
        }
        _ => wanted == found,
    }
}

#[test]
fn a_reason_that_codex_adds_makes_no_other_call() {
    let read = |name: &str, input: Value| {
        let event = json!({ "session_id": "s", "hook_event_name": name, "tool_name": "Bash",
            "tool_input": input });
        match event::read(Client::Codex, event.to_string().as_bytes()).1 {
            Ok(Event::Gate(_, call)) => call,
            other => panic!("{other:?}"),
        }
    };
    let first = read("PreToolUse", json!({ "command": "touch a" }));
    let second =
        read("PermissionRequest", json!({ "command": "touch a", "description": "It must." }));
    assert_eq!(second.args, first.args);
    assert_eq!(second.why.as_deref(), Some("It must."));
    // Before a call it would be an argument like any other.
    let argument = read("PreToolUse", json!({ "command": "touch a", "description": "d" }));
    assert_eq!((argument.args.len(), argument.why), (2, None));
}
