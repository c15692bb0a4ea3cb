//! The hooks in a client's own settings: put in, and taken out again.
//!
//! Only our own entries are touched. Everything else in the file stays as the
//! user has it, in its order; a file that is not understood is left alone.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use similar::TextDiff;
use tempfile::NamedTempFile;

use crate::Client;
use crate::ordered::{Object, Ordered};

/// How long a client waits for an answer, in seconds, as it is installed.
const TIMEOUT_S: u64 = 3600;

/// In what time the hook answers then: before the client gives up on it.
const ANSWER_S: u64 = 3570;

/// How long a client waits where nothing is asked, in seconds.
const NOTE_S: u64 = 30;

/// In what time the hook answers there.
const NOTED_S: u64 = 25;

/// The same at the end of a session: the client's own end waits for it.
const END_S: u64 = 5;
const ENDED_S: u64 = 4;

/// What follows `hook` and the client's name in our commands, and in no other.
const OURS: &str = "hook";

/// Why settings were not changed.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The file does not hold what the client would read there.
    #[error("{} is not changed: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The system refused.
    #[error("{} could not be {what}: {why}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// What the system says.
        why: io::Error,
    },
}

/// A change of a client's settings, not made yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The file.
    pub path: PathBuf,
    /// What it holds now; none where there is no file.
    pub before: Option<String>,
    /// What it would hold; none where there would be no file.
    pub after: Option<String>,
}

/// Where a client keeps the settings that have hooks in them, below the user's
/// home or a project's folder.
pub fn settings_below(client: Client, root: &Path) -> PathBuf {
    match client {
        Client::ClaudeCode => root.join(".claude").join("settings.json"),
        Client::Codex => root.join(".codex").join("hooks.json"),
        Client::Gemini => root.join(".gemini").join("settings.json"),
    }
}

/// The variable with which a user puts a client's own folder elsewhere.
pub fn folder_variable(client: Client) -> Option<&'static str> {
    match client {
        Client::ClaudeCode => Some("CLAUDE_CONFIG_DIR"),
        Client::Codex => Some("CODEX_HOME"),
        Client::Gemini => None,
    }
}

/// The same file in such a folder.
pub fn settings_in(client: Client, folder: &Path) -> PathBuf {
    settings_below(client, Path::new(""))
        .file_name()
        .map_or_else(PathBuf::new, |name| folder.join(name))
}

/// What putting the hooks in would change. `program` is this command, and
/// `agent` the name it goes by where that is not the client's.
pub fn install(
    client: Client,
    path: PathBuf,
    program: &str,
    agent: Option<&str>,
) -> Result<Change, Fault> {
    let (before, mut settings) = read(&path)?;
    let found = settings.clone();
    take_out(client, &mut settings).map_err(|why| refuse(&path, why))?;
    let wanted = entries(client, program, agent);
    let hooks = object(&mut settings, "hooks").map_err(|why| refuse(&path, why))?;
    for (event, entry) in wanted {
        let list = hooks.entry(event.to_owned()).or_insert_with(|| Ordered::List(Vec::new()));
        let Ordered::List(list) = list else {
            return Err(refuse(&path, format!("`hooks.{event}` is no list.")));
        };
        list.push(entry);
    }
    // What is there already is left as it is written.
    let after = if settings == found {
        before.clone()
    } else {
        Some(written(&settings, before.as_deref()))
    };
    Ok(Change { path, before, after })
}

/// What taking the hooks out would change.
pub fn uninstall(client: Client, path: PathBuf) -> Result<Change, Fault> {
    let (before, mut settings) = read(&path)?;
    let changed = take_out(client, &mut settings).map_err(|why| refuse(&path, why))?;
    let after = match (&before, changed) {
        // A file that held nothing else was made for our hooks: there was none before,
        // or a copy of it would lie beside it.
        (Some(_), true) if settings.is_empty() && !has_a_copy(&path) => None,
        (Some(_), true) => Some(written(&settings, before.as_deref())),
        (before, _) => before.clone(),
    };
    Ok(Change { path, before, after })
}

impl Change {
    /// Whether anything would change.
    pub fn is_any(&self) -> bool {
        self.before != self.after
    }

    /// What would change, line by line.
    pub fn diff(&self) -> String {
        let (before, after) =
            (self.before.as_deref().unwrap_or_default(), self.after.as_deref().unwrap_or_default());
        let name = self.path.display().to_string();
        let side = |text: &Option<String>| if text.is_some() { &name } else { "/dev/null" };
        let (old, new) = (side(&self.before), side(&self.after));
        TextDiff::from_lines(before, after).unified_diff().header(old, new).to_string()
    }

    /// Makes the change at once and whole, and keeps what was there in a file
    /// beside it, which is named.
    pub fn make(&self) -> Result<Option<PathBuf>, Fault> {
        // A link to the settings stays one.
        let path = self.path.canonicalize().unwrap_or_else(|_| self.path.clone());
        let Some(after) = &self.after else {
            return match std::fs::remove_file(&path) {
                Err(why) if self.before.is_some() => Err(Fault::Io { path, what: "removed", why }),
                Ok(()) | Err(_) => Ok(None),
            };
        };
        let io = |what| {
            let path = path.clone();
            move |why| Fault::Io { path, what, why }
        };
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(io("made"))?;
        let backup = match &self.before {
            Some(before) => Some(kept(&path, before).map_err(io("copied"))?),
            None => None,
        };
        let mut fresh = NamedTempFile::new_in(folder).map_err(io("written"))?;
        fresh.write_all(after.as_bytes()).map_err(io("written"))?;
        if let Ok(found) = std::fs::metadata(&path) {
            fresh.as_file().set_permissions(found.permissions()).map_err(io("written"))?;
        }
        fresh.as_file().sync_all().map_err(io("written"))?;
        fresh.persist(&path).map_err(|error| io("written")(error.error))?;
        Ok(backup)
    }
}

/// Our entries: for each event, what stands in its list.
fn entries(client: Client, program: &str, agent: Option<&str>) -> Vec<(&'static str, Ordered)> {
    let names = client.names();
    let agent = agent.map_or_else(String::new, |agent| format!(" --agent {}", quoted(agent)));
    let line = |within: u64| {
        format!("{} {OURS} {}{agent} --answer-within {within}", quoted(program), client.name())
    };
    let gated = |with_matcher: bool| {
        let mut hook = command(&line(ANSWER_S), unit(client, TIMEOUT_S));
        if client == Client::ClaudeCode {
            // Any other failure of the hook denies the call as well.
            hook.insert("onFailure".to_owned(), "block".into());
        }
        if matches!(client, Client::ClaudeCode | Client::Codex) {
            let said = "Waiting for the reviewer at the desk";
            hook.insert("statusMessage".to_owned(), said.into());
        }
        listed(with_matcher, hook)
    };
    let told = |with_matcher: bool, within: u64, timeout: u64| {
        listed(with_matcher, command(&line(within), unit(client, timeout)))
    };
    let noted = |with_matcher: bool| told(with_matcher, NOTED_S, NOTE_S);
    let mut wanted = vec![(names.before, gated(true))];
    wanted.extend(names.permission.map(|event| (event, gated(true))));
    wanted.push((names.done, noted(true)));
    wanted.extend(names.failed.map(|event| (event, noted(true))));
    wanted.push((names.stopped, noted(false)));
    wanted.push((names.begun, noted(false)));
    wanted.push((names.ended, told(false, ENDED_S, END_S)));
    wanted
}

fn command(line: &str, timeout: u64) -> Object {
    Object::from([
        ("type".to_owned(), "command".into()),
        ("command".to_owned(), line.into()),
        ("timeout".to_owned(), timeout.into()),
    ])
}

fn listed(with_matcher: bool, hook: Object) -> Ordered {
    let hooks = ("hooks".to_owned(), Ordered::List(vec![Ordered::Object(hook)]));
    let all = ("matcher".to_owned(), "*".into());
    Ordered::Object(if with_matcher { Object::from([all, hooks]) } else { Object::from([hooks]) })
}

/// Gemini counts in milliseconds.
fn unit(client: Client, seconds: u64) -> u64 {
    if client == Client::Gemini { seconds * 1000 } else { seconds }
}

/// Takes our entries out, and what is empty without them.
fn take_out(client: Client, settings: &mut Object) -> Result<bool, String> {
    let Some(hooks) = settings.get_mut("hooks") else { return Ok(false) };
    let Ordered::Object(events) = hooks else {
        return Err("`hooks` in it is no object.".to_owned());
    };
    let mut changed = false;
    for matchers in events.values_mut().filter_map(Ordered::as_list_mut) {
        matchers.retain_mut(|matcher| {
            let hooks = matcher.as_object_mut().and_then(|matcher| matcher.get_mut("hooks"));
            let Some(hooks) = hooks.and_then(Ordered::as_list_mut) else { return true };
            let had = hooks.len();
            hooks.retain(|hook| !is_ours(client, hook));
            let took_out = hooks.len() < had;
            changed |= took_out;
            !(took_out && hooks.is_empty())
        });
    }
    if changed {
        events.retain(|_, matchers| *matchers != Ordered::List(Vec::new()));
        if events.is_empty() {
            settings.shift_remove("hooks");
        }
    }
    Ok(changed)
}

/// Whether a hook is one of ours: our command, by whatever path, for this client.
fn is_ours(client: Client, hook: &Ordered) -> bool {
    let Some(command) = hook.get("command").and_then(Ordered::as_str) else { return false };
    let Some((program, rest)) = command.split_once(&format!(" {OURS} {}", client.name())) else {
        return false;
    };
    let program = program.trim_matches(['"', '\'']);
    let name = program.rsplit('/').next().unwrap_or(program);
    name == "handoff" && (rest.is_empty() || rest.starts_with(' '))
}

fn read(path: &Path) -> Result<(Option<String>, Object), Fault> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok((None, Object::new())),
        Err(why) => return Err(Fault::Io { path: path.to_owned(), what: "read", why }),
    };
    if text.trim().is_empty() {
        return Ok((Some(text), Object::new()));
    }
    match serde_json::from_str(&text) {
        Ok(Ordered::Object(settings)) => Ok((Some(text), settings)),
        Ok(_) => Err(refuse(path, "it is JSON, but no object.".to_owned())),
        Err(error) => {
            let why = format!("it is not valid JSON ({error}). Correct that first.");
            Err(refuse(path, why))
        }
    }
}

fn refuse(path: &Path, why: String) -> Fault {
    Fault::Unreadable { path: path.to_owned(), why }
}

fn object<'s>(settings: &'s mut Object, name: &str) -> Result<&'s mut Object, String> {
    let found = settings.entry(name.to_owned());
    let found = found.or_insert_with(|| Ordered::Object(Object::new()));
    found.as_object_mut().ok_or_else(|| format!("`{name}` in it is no object."))
}

/// As the user writes it: with as much indentation as there was, and a last
/// line that ends as it did.
fn written(settings: &Object, before: Option<&str>) -> String {
    let indent = before.and_then(indentation).unwrap_or("  ");
    let formatter = serde_json::ser::PrettyFormatter::with_indent(indent.as_bytes());
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
    // A map of values has a JSON form, and memory takes all of it.
    serde::Serialize::serialize(settings, &mut serializer).ok();
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    if before.is_none_or(|before| before.trim().is_empty() || before.ends_with('\n')) {
        text.push('\n');
    }
    text
}

fn indentation(text: &str) -> Option<&str> {
    let line = text.lines().skip(1).find(|line| !line.trim().is_empty())?;
    let indent = &line[..line.len() - line.trim_start().len()];
    (!indent.is_empty()).then_some(indent)
}

/// Whether a copy of what was there before our hooks lies beside the file.
fn has_a_copy(path: &Path) -> bool {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    path.with_file_name(format!("{name}.before-handoff")).exists()
}

/// A copy beside the file, under a name that nothing has yet, for the same people to
/// read: settings may have keys in them.
fn kept(path: &Path, content: &str) -> io::Result<PathBuf> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    for number in 0_u32.. {
        let suffix = if number == 0 { String::new() } else { format!("-{number}") };
        let backup = path.with_file_name(format!("{name}.before-handoff{suffix}"));
        match private().open(&backup) {
            Ok(mut file) => {
                file.set_permissions(std::fs::metadata(path)?.permissions())?;
                file.write_all(content.as_bytes())?;
                file.sync_all()?;
                return Ok(backup);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // The same was kept before.
                if std::fs::read_to_string(&backup).is_ok_and(|kept| kept == content) {
                    return Ok(backup);
                }
            }
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("there is no name left for the copy"))
}

/// Makes a file that nobody else can read.
fn private() -> std::fs::OpenOptions {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// As one word of a shell.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
