//! Calls of other tools than shells, and the words of plain commands.

use handoff_domain::effect::{Class, Reading, command_words, read};
use serde_json::{Value, json};

use crate::args;

fn called(tool: &str, value: Value) -> Reading {
    read(tool, &args(value), Some("/w"))
}

#[test]
fn sql_is_read_as_what_it_does() {
    use Class::{Irreversible, Read, Unknown, Write};
    for (class, text) in [
        (Read, "SELECT 1"),
        (Read, "select a, count(*) from t where b = 'x;y' group by a order by 2 desc limit 5"),
        (Read, "SELECT * FROM a JOIN b ON a.id = b.id WHERE a.x IN (1, 2) AND b.y IS NOT NULL"),
        (Read, "WITH t AS (SELECT 1 AS a) SELECT * FROM t"),
        (Read, "SELECT 1 UNION ALL SELECT 2"),
        (Read, "SELECT replace(a, 'x', 'y') FROM t"),
        (Read, "SELECT 'DELETE FROM users'"),
        (Read, "SELECT 1; SELECT 2;"),
        (Read, "EXPLAIN SELECT * FROM t"),
        (Read, "EXPLAIN ANALYZE SELECT * FROM t"),
        (Read, "EXPLAIN DELETE FROM t"),
        (Read, "SHOW TABLES"),
        (Read, "PRAGMA table_info(users)"),
        (Read, "SELECT a -- note\nFROM t"),
        (Read, "SELECT a /* note */ FROM t"),
        (Read, "SELECT CASE WHEN a > 1 THEN 'x' ELSE 'y' END FROM t"),
        (Write, "INSERT INTO t (a, b) VALUES (1, 2)"),
        (Write, "INSERT INTO t SELECT * FROM s"),
        (Write, "UPDATE t SET a = 1 WHERE id = 2"),
        (Write, "DELETE FROM t WHERE id = 2"),
        (Write, "CREATE TABLE t (id INT, name VARCHAR(10))"),
        (Irreversible, "UPDATE t SET a = 1"),
        (Irreversible, "DELETE FROM t"),
        (Irreversible, "DROP TABLE t"),
        (Irreversible, "DROP DATABASE d"),
        (Irreversible, "TRUNCATE t"),
        (Irreversible, "TRUNCATE TABLE t"),
        (Irreversible, "ALTER TABLE t DROP COLUMN a"),
        (Irreversible, "GRANT ALL ON t TO eve"),
        (Irreversible, "SELECT 1; DROP TABLE t"),
        (Irreversible, "SELECT 1 /* a */; DELETE FROM t; SELECT 2"),
        (Irreversible, "WITH d AS (DELETE FROM t WHERE id = 1 RETURNING *) SELECT * FROM d"),
        (Irreversible, "EXPLAIN ANALYZE DELETE FROM t"),
        (Unknown, "SELECT * INTO s FROM t"),
        (Unknown, "SELECT * FROM t FOR UPDATE"),
        (Unknown, "SELECT nextval('s')"),
        (Unknown, "SELECT pg_terminate_backend(1)"),
        (Unknown, "SELECT lo_unlink(1)"),
        (Unknown, "SELECT pg_read_file('/etc/passwd')"),
        (Unknown, "SELECT load_extension('x')"),
        (Unknown, "SELECT evil.count(1)"),
        (Unknown, "SELECT \"count\"(1)"),
        (Unknown, "UPDATE t SET a = evil() WHERE id = 1"),
        (Unknown, "COPY t TO PROGRAM 'sh'"),
        (Unknown, "CALL wipe()"),
        (Unknown, "VACUUM"),
        (Unknown, "ATTACH DATABASE 'x' AS y"),
        (Unknown, "PRAGMA journal_mode = DELETE"),
        (Unknown, "PRAGMA writable_schema(1)"),
        (Unknown, "SELEC 1"),
        (Unknown, "SELECT ("),
        (Unknown, "SELECT 'a"),
        (Unknown, "SELECT 'a\\'; DROP TABLE t; -- '"),
        (Unknown, "SELECT 1 /*! ; DROP TABLE t */"),
        (Unknown, "SELECT /* /* */ 1 */"),
        (Unknown, "SELECT 1 --1"),
        (Unknown, "SELECT 1 # x"),
        (Unknown, "SELECT $$a$$"),
        (Unknown, "SELECT [a'b] FROM t"),
        (Unknown, "DO LANGUAGE plpgsql 'x'"),
    ] {
        let found = called("sql", json!({ "query": text }));
        assert_eq!(found.class, class, "{text}: {}", found.why);
    }
    assert_eq!(called("query", json!({"sql": "SELECT 1"})).class, Class::Read);
    assert_eq!(
        called("query", json!({"sql": "SELECT 1", "query": "SELECT 2"})).class,
        Class::Unknown
    );
    assert_eq!(called("query", json!({"sql": "SELECT 1", "then": "x"})).class, Class::Unknown);
    assert_eq!(called("query", json!({"sql": ["SELECT 1"]})).class, Class::Unknown);
}

#[test]
fn a_file_that_other_programs_obey_is_no_mere_file() {
    let class = |path: &str| {
        let found = called("Write", json!({"file_path": path, "content": "x"}));
        (found.class, found.touches)
    };
    for path in [
        "evil/HEAD",
        "sub/.git",
        ".git/objects/x",
        "mirror.git/hooks/update",
        "mirror.git/config",
        "rust-toolchain",
        "rust-toolchain.toml",
        "app/.mvn/jvm.config",
        "/home/u/.kube/config",
        "/home/u/.docker/config.json",
        "/home/u/bin/ls",
        "~/bin/ls",
        ".pnpmfile.cjs",
        ".bazelrc",
        "tools/.BAZELRC",
        ".yarn/releases/yarn.cjs",
        ".terraform/providers/x",
        "/home/u/.config/gh/config.yml",
        "/home/u/.lesskey",
        ".venv/lib/python3/site-packages/x.pth",
        "node_modules/.bin/tsc",
        ".bashrc",
    ] {
        assert_eq!(class(path), (Class::Irreversible, None), "{path}");
    }
    // Whether a repository is around it, only the disk knows.
    for path in ["evil/config", "config", "evil/Config", "/w/config.worktree"] {
        assert_eq!(class(path), (Class::Unknown, None), "{path}");
    }
    for path in
        ["src/head.rs", "config/app.toml", "config.toml", ".gitignore", "bin/run", "docs/git/x"]
    {
        assert_eq!(class(path), (Class::Write, Some(vec![format!("/w/{path}")])), "{path}");
    }
    assert_eq!(called("create_directory", json!({"path": "config"})).class, Class::Write);
}

#[test]
fn a_patch_names_its_files_from_its_own_folder() {
    let patch = "*** Begin Patch\n*** Add File: a\n+x\n*** End Patch";
    let touches = |value| called("apply_patch", value).touches;
    assert_eq!(touches(json!({"input": patch})), Some(vec!["/w/a".to_owned()]));
    assert_eq!(touches(json!({"input": patch, "workdir": "/v"})), Some(vec!["/v/a".to_owned()]));
    assert_eq!(touches(json!({"patch": patch, "workdir": "v"})), Some(vec!["/w/v/a".to_owned()]));
    assert_eq!(touches(json!({"patch": patch, "workdir": 7})), None);
}

#[test]
fn a_web_request_reads_only_by_its_method() {
    let url = "https://example.com/x";
    for (class, value) in [
        (Class::Read, json!({"url": url, "method": "GET"})),
        (Class::Read, json!({"url": url, "method": "head", "headers": {"accept": "*/*"}})),
        (Class::Read, json!({"url": url, "method": "OPTIONS", "body": null})),
        (Class::Irreversible, json!({"url": url, "method": "POST"})),
        (Class::Irreversible, json!({"url": url, "method": "delete"})),
        (Class::Irreversible, json!({"url": url, "method": "PATCH", "body": "x"})),
        (Class::Irreversible, json!({"url": url, "method": "BREW"})),
        (Class::Unknown, json!({"url": url, "method": "GET", "body": "x"})),
        (Class::Unknown, json!({"url": url, "method": 7})),
        // It may do anything, as long as it does not say by which method.
        (Class::Unknown, json!({"url": url})),
        (Class::Unknown, json!({"url": url, "method": null})),
        (Class::Unknown, json!({"url": url, "method": ""})),
        (Class::Unknown, json!({"url": url, "method": "GET", "save_to": "/etc/passwd"})),
        (
            Class::Unknown,
            json!({"url": url, "method": "GET", "headers": {"X-HTTP-Method-Override": "DELETE"}}),
        ),
        (Class::Unknown, json!({"url": "file:///etc/passwd"})),
        (Class::Unknown, json!({"url": "gopher://x"})),
        (Class::Unknown, json!({})),
    ] {
        let found = called("http_request", value.clone());
        assert_eq!(found.class, class, "{value}: {}", found.why);
    }
}

#[test]
fn known_tools_count_by_name_and_shape() {
    let patch = |body: &str| json!({"input": format!("*** Begin Patch\n{body}\n*** End Patch\n")});
    for (class, tool, value) in [
        (Class::Read, "Read", json!({"file_path": "/w/a", "limit": 5})),
        (Class::Read, "Grep", json!({"pattern": "x", "-n": true})),
        (Class::Read, "WebFetch", json!({"url": "https://example.com", "prompt": "x"})),
        (Class::Read, "TodoWrite", json!({"todos": []})),
        (Class::Read, "update_plan", json!({"plan": []})),
        (Class::Read, "read_file", json!({"absolute_path": "/w/a"})),
        (Class::Read, "read_text_file", json!({"path": "/w/a"})),
        (Class::Read, "write_stdin", json!({"session_id": 1, "chars": ""})),
        (Class::Write, "Write", json!({"file_path": "/w/a", "content": "x"})),
        (Class::Write, "Edit", json!({"file_path": "a", "old_string": "x", "new_string": "y"})),
        (Class::Write, "write_file", json!({"path": "/w/a", "content": "x"})),
        (
            Class::Write,
            "replace",
            json!({"file_path": "/w/a", "old_string": "x", "new_string": "y"}),
        ),
        (Class::Write, "move_file", json!({"source": "a", "destination": "b"})),
        (Class::Write, "apply_patch", patch("*** Update File: a\n@@\n-x\n+y\n*** Add File: b\n+z")),
        (Class::Irreversible, "apply_patch", patch("*** Delete File: a")),
        (
            Class::Irreversible,
            "Write",
            json!({"file_path": "/home/x/.ssh/authorized_keys", "content": "x"}),
        ),
        (
            Class::Irreversible,
            "Write",
            json!({"file_path": ".git/hooks/pre-commit", "content": "x"}),
        ),
        (Class::Irreversible, "Write", json!({"file_path": "/w/../etc/passwd", "content": "x"})),
        (Class::Irreversible, "KillShell", json!({"shell_id": "1"})),
        (Class::Unknown, "apply_patch", json!({"input": "nonsense"})),
        (Class::Unknown, "apply_patch", json!({"command": "rm -r build"})),
        (Class::Unknown, "apply_patch", patch("*** Run: rm x")),
        (Class::Unknown, "Read", json!({"file_path": "/w/a", "then": "delete"})),
        (Class::Unknown, "Read", json!({"path": "/w/a"})),
        (Class::Unknown, "Read", json!({"file_path": ["/w/a"]})),
        (Class::Unknown, "read", json!({"file_path": "/w/a"})),
        (Class::Unknown, "WebFetch", json!({"url": "file:///etc/passwd"})),
        (Class::Unknown, "mcp__fs__read_text_file", json!({"path": "/w/a"})),
        (Class::Unknown, "mcp__x__bash", json!({"command": "ls"})),
        (Class::Unknown, "Task", json!({"prompt": "x"})),
        (Class::Read, "ToolSearch", json!({"query": "select:mcp__x__y", "max_results": 5})),
        (Class::Read, "Agent", json!({"description": "d", "prompt": "p", "subagent_type": "x"})),
        (
            Class::Unknown,
            "Agent",
            json!({"description": "d", "prompt": "p", "isolation": "worktree"}),
        ),
        (Class::Unknown, "Agent", json!({"prompt": "p"})),
        (Class::Read, "AskUserQuestion", json!({"questions": []})),
        (
            Class::Read,
            "mcp__handoff__handoff_check",
            json!({"tool": "Bash", "args": {"command": "rm x"}}),
        ),
        (Class::Read, "mcp__handoff__handoff_wait", json!({"handoff_id": "h-1"})),
        (Class::Unknown, "mcp__handoff__handoff_wait", json!({"command": "rm x"})),
        (Class::Unknown, "mcp__other__handoff_wait", json!({"handoff_id": "h-1"})),
        (Class::Unknown, "mcp__handoff__approve", json!({"tool_name": "Bash", "input": {}})),
        (Class::Unknown, "write_stdin", json!({"session_id": 1, "chars": "rm x\n"})),
        (Class::Unknown, "get_everything", json!({})),
        (Class::Unknown, "", json!({})),
    ] {
        let found = called(tool, value.clone());
        assert_eq!(found.class, class, "{tool} {value}: {}", found.why);
        assert!(found.why.ends_with('.'), "{}", found.why);
    }
    let edit = called("Edit", json!({"file_path": "a", "old_string": "x", "new_string": "y"}));
    assert_eq!(edit.touches, Some(vec!["/w/a".to_owned()]));
}

#[test]
fn shells_take_a_text_or_words_and_a_folder() {
    for (class, tool, value) in [
        (Class::Read, "Bash", json!({"command": "ls", "description": "List"})),
        (Class::Read, "exec_command", json!({"cmd": "ls", "workdir": "/x", "yield_time_ms": 100})),
        (Class::Read, "shell", json!({"command": ["ls", "-la"]})),
        (Class::Read, "shell", json!({"command": ["bash", "-lc", "ls | wc -l"]})),
        (Class::Read, "shell", json!({"command": ["grep", "a; rm x", "f"]})),
        (Class::Read, "run_shell_command", json!({"command": "git status"})),
        (Class::Irreversible, "shell", json!({"command": ["rm", "x"]})),
        (Class::Irreversible, "shell", json!({"command": ["bash", "-lc", "ls; rm x"]})),
        (Class::Unknown, "shell", json!({"command": ["ls; rm x"]})),
        (Class::Unknown, "shell", json!({"command": []})),
        (Class::Unknown, "shell", json!({"command": ["ls", 1]})),
        (Class::Unknown, "shell", json!({"command": "ls", "cmd": "rm x"})),
        (Class::Unknown, "shell", json!({"command": "ls", "env": {"LD_PRELOAD": "x"}})),
        (Class::Unknown, "shell", json!({"command": "ls", "shell": "/tmp/evil"})),
        (Class::Unknown, "shell", json!({})),
        (Class::Unknown, "Shell", json!({"command": "ls"})),
    ] {
        let found = called(tool, value.clone());
        assert_eq!(found.class, class, "{tool} {value}: {}", found.why);
    }
    let touched = |value: Value| called("exec_command", value).touches;
    assert_eq!(touched(json!({"cmd": "touch a", "workdir": "/x"})), Some(vec!["/x/a".to_owned()]));
    assert_eq!(touched(json!({"cmd": "touch a", "workdir": "x"})), Some(vec!["/w/x/a".to_owned()]));
    assert_eq!(touched(json!({"cmd": "touch a", "workdir": "x", "cwd": "y"})), None);
}

#[test]
fn only_a_plain_command_has_words() {
    let words = |value: Value| command_words("bash", &args(value)).map(|(words, _)| words);
    let some = |all: &[&str]| Some(all.iter().map(ToString::to_string).collect::<Vec<_>>());
    for (text, expected) in [
        ("npm test", some(&["npm", "test"])),
        ("  npm   test  ", some(&["npm", "test"])),
        ("npm run 'a b' \"c\" d\\ e", some(&["npm", "run", "a b", "c", "d e"])),
        ("./run.sh -x", some(&["./run.sh", "-x"])),
        ("npm test; rm x", None),
        ("npm test\nrm x", None),
        ("npm test &", None),
        ("npm test | tee x", None),
        ("npm test > x", None),
        ("npm test 2>&1", None),
        ("npm test <<< x", None),
        ("CI=1 npm test", None),
        ("npm test $x", None),
        ("npm test \"$x\"", None),
        ("npm test $(ls)", None),
        ("npm test `ls`", None),
        ("npm test *", None),
        ("npm test {a,b}", None),
        ("npm test ~", None),
        ("npm test # x", None),
        ("(npm test)", None),
        ("! npm test", None),
        ("npm test \\\n x", some(&["npm", "test", "x"])),
        ("npm test\r", None),
        ("npm test \u{a0}x", None),
        ("\\ #npm test", None),
        ("a=b", None),
        ("", None),
    ] {
        assert_eq!(words(json!({ "command": text })), expected, "{text:?}");
    }
    assert_eq!(words(json!({"command": ["npm", "test; rm x"]})), some(&["npm", "test; rm x"]));
    assert_eq!(words(json!({"command": ["bash", "-lc", "npm test"]})), some(&["npm", "test"]));
    assert_eq!(words(json!({"command": ["bash", "-lc", "npm test; rm x"]})), None);
    assert_eq!(words(json!({"command": "npm test", "env": {"A": "b"}})), None);
    assert_eq!(command_words("Read", &args(json!({"command": "npm test"}))), None);
}
