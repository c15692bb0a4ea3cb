//! A client's settings with our hooks in them, and without.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;

use crate::Client;
use crate::install::{Change, install, settings_below, uninstall};

const PROGRAM: &str = "/usr/bin/handoff";

/// Settings of a user who has hooks of their own, four spaces to a level.
const MINE: &str = r#"{
    "model": "opus",
    "hooks": {
        "PreToolUse": [
            {
                "matcher": "Bash",
                "hooks": [
                    {
                        "type": "command",
                        "command": "my-own-check --hook claude-code"
                    }
                ]
            }
        ]
    },
    "zebra": 1,
    "alpha": 2
}
"#;

fn room(content: Option<&str>) -> (TempDir, PathBuf) {
    let folder = TempDir::new().expect("a folder");
    let path = settings_below(Client::ClaudeCode, folder.path());
    if let Some(content) = content {
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(&path, content).expect("written");
    }
    (folder, path)
}

fn put_in(client: Client, path: &std::path::Path) -> Change {
    install(client, path.to_owned(), PROGRAM, None).expect("it can be put in")
}

#[test]
fn a_file_that_was_not_there_has_every_gate_and_fails_closed() {
    for client in Client::ALL {
        let (_folder, path) = room(None);
        assert_eq!(put_in(client, &path).make().expect("made"), None, "nothing to keep");
        let settings: Value =
            serde_json::from_str(&fs::read_to_string(&path).expect("there")).expect("JSON");
        let gates: &[&str] = match client {
            Client::ClaudeCode | Client::Codex => &["PreToolUse", "PermissionRequest"],
            Client::Gemini => &["BeforeTool"],
        };
        for gate in gates {
            let entry = &settings["hooks"][gate][0];
            assert_eq!(entry["matcher"], "*", "{client:?}");
            let hook = &entry["hooks"][0];
            let command = format!("{PROGRAM} hook {} --answer-within 3570", client.name());
            assert_eq!(hook["command"], command);
            let longer = if client == Client::Gemini { 3_600_000 } else { 3600 };
            assert_eq!(hook["timeout"], longer);
            let blocks = client == Client::ClaudeCode;
            assert_eq!(hook["onFailure"] == "block", blocks, "{client:?}");
        }
        let end = &settings["hooks"]["SessionEnd"][0]["hooks"][0];
        assert!(end["command"].as_str().is_some_and(|line| line.ends_with(" 4")), "{client:?}");
    }
}

#[test]
fn the_users_own_stays_as_it_is_and_comes_back_as_it_was() {
    for client in Client::ALL {
        let (_folder, path) = room(Some(MINE));
        let change = put_in(client, &path);
        assert!(change.diff().contains("+++"), "{}", change.diff());
        assert!(!change.diff().contains("\n-"), "nothing is taken away: {}", change.diff());
        let backup = change.make().expect("made").expect("a copy");
        assert_eq!(fs::read_to_string(backup).expect("there"), MINE);
        let again = put_in(client, &path);
        assert!(!again.is_any(), "the same again changes nothing: {}", again.diff());
        let out = uninstall(client, path.clone()).expect("it can be taken out");
        out.make().expect("made");
        assert_eq!(fs::read_to_string(&path).expect("there"), MINE, "{client:?}");
    }
}

#[cfg(unix)]
#[test]
fn nobody_can_read_more_of_the_settings_than_before() {
    use std::os::unix::fs::PermissionsExt as _;
    for mode in [0o600, 0o640] {
        let (_folder, path) = room(Some(MINE));
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("set");
        let copy = put_in(Client::ClaudeCode, &path).make().expect("made").expect("a copy");
        for file in [&path, &copy] {
            let found = fs::metadata(file).expect("there").permissions().mode();
            assert_eq!(found & 0o777, mode, "{}", file.display());
        }
    }
}

#[test]
fn another_program_or_name_takes_the_place_of_the_one_before() {
    let (_folder, path) = room(Some(MINE));
    put_in(Client::ClaudeCode, &path).make().expect("made");
    let moved = install(Client::ClaudeCode, path.clone(), "/opt/my apps/handoff", Some("night"))
        .expect("it can be put in");
    moved.make().expect("made");
    let text = fs::read_to_string(&path).expect("there");
    assert!(!text.contains(PROGRAM), "{text}");
    assert!(text.contains("'/opt/my apps/handoff' hook claude-code --agent night"), "{text}");
    let out = uninstall(Client::ClaudeCode, path.clone()).expect("it can be taken out");
    out.make().expect("made");
    assert_eq!(fs::read_to_string(&path).expect("there"), MINE);
}

#[test]
fn what_is_not_understood_is_left_alone() {
    for (content, why) in [
        ("{ // a comment\n}", "it is not valid JSON"),
        ("[]", "no object"),
        (r#"{"hooks": []}"#, "`hooks` in it is no object"),
        (r#"{"hooks": {"PreToolUse": {}}}"#, "`hooks.PreToolUse` is no list"),
    ] {
        let (_folder, path) = room(Some(content));
        let fault = install(Client::ClaudeCode, path.clone(), PROGRAM, None).expect_err(content);
        assert!(fault.to_string().contains(why), "{fault}");
        assert_eq!(fs::read_to_string(&path).expect("there"), content);
    }
}

#[test]
fn a_copy_never_takes_the_place_of_another() {
    let (_folder, path) = room(Some(MINE));
    let first = put_in(Client::ClaudeCode, &path).make().expect("made").expect("a copy");
    fs::write(&path, "{}").expect("written");
    let second = put_in(Client::ClaudeCode, &path).make().expect("made").expect("a copy");
    assert_ne!(first, second);
    assert_eq!(fs::read_to_string(first).expect("there"), MINE);
    assert_eq!(fs::read_to_string(second).expect("there"), "{}");
}

#[test]
fn a_file_that_was_made_for_the_hooks_goes_with_them() {
    let (_folder, path) = room(None);
    put_in(Client::ClaudeCode, &path).make().expect("made");
    let out = uninstall(Client::ClaudeCode, path.clone()).expect("it can be taken out");
    assert!(out.diff().contains("+++ /dev/null"), "{}", out.diff());
    assert_eq!(out.make().expect("made"), None, "there is nothing to keep");
    assert!(!path.exists());
    // One that the user had, though nothing was in it, stays.
    let (_folder, path) = room(Some("{}\n"));
    put_in(Client::ClaudeCode, &path).make().expect("made");
    uninstall(Client::ClaudeCode, path.clone()).expect("taken out").make().expect("made");
    assert_eq!(fs::read_to_string(&path).expect("there"), "{}\n");
}

#[test]
fn there_is_nothing_to_take_out_where_nothing_is() {
    let (_folder, path) = room(None);
    assert!(!uninstall(Client::ClaudeCode, path.clone()).expect("nothing").is_any());
    assert!(!path.exists());
    let (_folder, path) = room(Some(MINE));
    assert!(!uninstall(Client::ClaudeCode, path).expect("nothing").is_any());
}
