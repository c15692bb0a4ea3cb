//! Rules as reviewers make them, each with the call it was made for.

use chrono::TimeDelta;
use handoff_domain::action::Effect;
use handoff_domain::rule::{Does, Kept, Pattern, Rule, Rules, When};
use serde_json::{Value, json};

use crate::calls::{Call, now};

/// Patterns are given as JSON: `{ "path": { "within": "/work" } }`.
fn rule(name: &str, agent: Option<&str>, tool: Option<&str>, args: Value, does: Does) -> Rule {
    let args = serde_json::from_value(args).expect("patterns");
    Rule {
        name: name.to_owned(),
        agent: agent.map(str::to_owned),
        tool: tool.map(str::to_owned),
        when: When { args, cwd: (does == Does::Allow).then(String::new), ..When::default() },
        until: (does == Does::Allow).then(|| now() + TimeDelta::days(30)),
        does,
        uses: None,
    }
}

pub fn allow(name: &str, agent: &str, tool: &str, args: Value) -> Rule {
    rule(name, Some(agent), Some(tool), args, Does::Allow)
}

pub fn counts(name: &str, agent: Option<&str>, tool: &str, effect: Effect, args: Value) -> Rule {
    rule(name, agent, Some(tool), args, Does::Counts { effect })
}

pub fn hold(name: &str, tool: Option<&str>, why: &str) -> Rule {
    rule(name, None, tool, json!({}), Does::Hold { why: why.to_owned() })
}

fn allowed(tool: &str, patterns: Value, given: Value) -> (Rule, Call) {
    (allow(&format!("allow {tool}"), "helper", tool, patterns), Call::new("helper", tool, given))
}

/// Exactly these arguments.
fn exact(tool: &str, given: Value) -> (Rule, Call) {
    let patterns = given.as_object().expect("object").iter();
    let patterns: serde_json::Map<String, Value> =
        patterns.map(|(name, value)| (name.clone(), json!({ "is": value }))).collect();
    allowed(tool, Value::Object(patterns), given)
}

fn command(argv: &[&str], cwd: &str) -> (Rule, Call) {
    let call = Call::command("bash", argv, cwd);
    let mut rule = counts("command", Some("coder"), "bash", Effect::Read, json!({}));
    rule.when.argv.clone_from(&call.argv);
    rule.when.cwd.clone_from(&call.cwd);
    (rule, call)
}

fn with_expr((mut rule, call): (Rule, Call), expr: &str) -> (Rule, Call) {
    rule.when.expr = Some(expr.to_owned());
    (rule, call)
}

fn in_folder((mut rule, mut call): (Rule, Call), folder: &str) -> (Rule, Call) {
    rule.when.cwd = Some(folder.to_owned());
    call.cwd = Some(folder.to_owned());
    (rule, call)
}

/// The rules with their calls; no two cover each other's.
#[expect(clippy::too_many_lines, reason = "a table")]
pub fn all() -> Vec<(Rule, Call)> {
    let crm = |args: Value| counts("lookup", None, "crm.find", Effect::Read, args);
    vec![
        exact("note.add", json!({ "order": "A-1007", "text": "Customer called." })),
        exact("mail.label", json!({ "id": 42, "label": "done" })),
        exact("flag.set", json!({ "name": "beta", "on": true })),
        exact("cart.empty", json!({})),
        exact("tags.replace", json!({ "id": "x1", "tags": ["a", "b"] })),
        exact("profile.patch", json!({ "id": 9, "set": { "city": "Köln", "zip": null } })),
        exact("rate.set", json!({ "rate": 0.25 })),
        exact("doc.publish", json!({ "doc": "faq", "draft": false, "version": 3 })),
        exact("file.touch", json!({ "path": "/work/app/notes.txt" })),
        exact("calendar.move", json!({ "event": "standup", "to": "2026-11-03T09:00:00Z" })),
        exact("sheet.cell", json!({ "sheet": "Q4", "cell": "B2", "value": 1200 })),
        exact("queue.pause", json!({ "queue": "emails" })),
        exact("ticket.assign", json!({ "ticket": 881, "to": "maria" })),
        exact("price.round", json!({ "sku": "ABC-1", "to": 9.99 })),
        exact("issue.close", json!({ "repo": "shop/web", "number": 17, "comment": null })),
        in_folder(exact("file.format", json!({ "path": "src/main.rs" })), "/work/app"),
        in_folder(exact("npm.lock", json!({ "fund": false })), "/work/shop"),
        allowed(
            "file.write",
            json!({ "path": { "within": "/work/app" }, "mode": { "is": "append" } }),
            json!({ "path": "/work/app/log/today.txt", "mode": "append" }),
        ),
        allowed(
            "file.copy",
            json!({ "from": { "within": "/work/in" }, "to": { "within": "/work/out" } }),
            json!({ "from": "/work/in/a.csv", "to": "/work/out/a.csv" }),
        ),
        allowed(
            "refund.draft",
            json!({ "amount": { "between": [0, 20] }, "order": { "is": "A-1" } }),
            json!({ "amount": 12.5, "order": "A-1" }),
        ),
        allowed(
            "label.set",
            json!({ "label": { "one_of": ["spam", "news"] }, "id": { "is": 5 } }),
            json!({ "label": "news", "id": 5 }),
        ),
        allowed(
            "slot.hold",
            json!({ "minutes": { "one_of": [15, 30] }, "room": { "is": "R1" } }),
            json!({ "minutes": 30, "room": "R1" }),
        ),
        allowed(
            "note.pin",
            json!({ "board": { "is": "ops" }, "text": { "any": null } }),
            json!({ "board": "ops", "text": "Read me" }),
        ),
        with_expr(
            allowed(
                "stock.move",
                json!({ "sku": { "is": "S-1" }, "count": { "any": null } }),
                json!({ "sku": "S-1", "count": 3 }),
            ),
            "args.count > 0 && args.count <= 3",
        ),
        with_expr(exact("draft.save", json!({ "id": "d-1" })), "task == 'task-1'"),
        command(&["npm", "test"], "/work/app"),
        command(&["cargo", "test", "--offline"], "/work/desk"),
        command(&["cat", "README.md"], "/work/app"),
        command(&["git", "status", "--short"], "/work/app"),
        command(&["ls", "-la"], "/work/app/src"),
        command(&["make", "check"], "/work/tool"),
        command(&["pytest", "-q", "tests/unit"], "/work/api"),
        command(&["./scripts/lint.sh"], "/work/api"),
        command(&["go", "vet", "./..."], "/work/go"),
        command(&["grep", "-rn", "TODO list", "src"], "/work/app"),
        command(&["node", "build.mjs", "--out", "/tmp/x"], "/work/web"),
        (
            crm(json!({ "id": { "is": "C-1" } })),
            Call::new("helper", "crm.find", json!({ "id": "C-1" })),
        ),
        (
            counts(
                "mail",
                None,
                "mail.send",
                Effect::Reversible,
                json!({ "to": { "is": "me@x.org" }, "text": { "is": "hi" } }),
            ),
            Call::new("helper", "mail.send", json!({ "to": "me@x.org", "text": "hi" })),
        ),
        with_expr(
            (
                counts("select", None, "sql.ask", Effect::Read, json!({})),
                Call::new("helper", "sql.ask", json!({ "query": "select 1" })),
            ),
            "args.query == 'select 1'",
        ),
        with_expr(
            (
                counts("list", None, "crm.list", Effect::Read, json!({})),
                Call::new("helper", "crm.list", json!({})),
            ),
            "size(args) == 0",
        ),
        in_folder(
            (
                counts(
                    "render",
                    None,
                    "doc.render",
                    Effect::Read,
                    json!({ "file": { "is": "a.md" } }),
                ),
                Call::new("helper", "doc.render", json!({ "file": "a.md" })),
            ),
            "/work/docs",
        ),
    ]
}

/// A thousand rules over twenty agents and fifty tools; each hundredth is for
/// every agent, and each tenth has a condition.
pub fn thousand() -> Rules {
    Rules::new((0..1000_i64).map(|id| {
        let (agent, tool) = (format!("agent-{}", (id / 50) % 20), format!("tool-{}", id % 50));
        let path = if id == 353 { "/work/a.txt".to_owned() } else { format!("/work/{id}") };
        let mut rule =
            allow("many", &agent, &tool, json!({ "path": { "is": path }, "n": { "any": null } }));
        if id % 100 == 99 {
            rule = hold("many", Some(&tool), "Look.");
            rule.when.expr = Some("args.n > 100".to_owned());
        } else if id % 10 == 3 {
            rule.when.expr = Some("args.n > 2".to_owned());
        }
        Kept { id: id + 380, rule, used: 0 }
    }))
}

/// Whether any value of an argument fits.
pub fn is_any(pattern: &Pattern) -> bool {
    *pattern == Pattern::Any
}
