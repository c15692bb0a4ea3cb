//! Running the reviewer's own commands, and the undo commands that they have
//! allowed, word by word, with no shell between. Which command runs when is not
//! decided here.

use std::future::Future;
use std::pin::Pin;
use std::process::Stdio;
use std::time::Duration;

use handoff_engine::{CommandRunner, Ended};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStderr, Command};

/// How long a command may take.
const LIMIT: Duration = Duration::from_mins(1);

/// How long a command that has ended may take to be heard to its end.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// How much is kept of each output of an undo command, in bytes.
const OUTPUT: usize = 16 * 1024;

/// How much of its complaint is kept, in characters.
const COMPLAINT: usize = 200;

/// Runs commands on this machine.
#[derive(Debug, Clone, Copy)]
pub struct Commands;

impl CommandRunner for Commands {
    fn run(
        &self,
        argv: Vec<String>,
        about: Value,
    ) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> {
        Box::pin(within(LIMIT, argv, about))
    }

    fn run_in(
        &self,
        argv: Vec<String>,
        folder: String,
        limit: Duration,
    ) -> Pin<Box<dyn Future<Output = Ended> + Send>> {
        Box::pin(in_folder(argv, folder, limit))
    }
}

/// Runs a program in a folder, and keeps the end of what it says on both of its
/// outputs.
async fn in_folder(argv: Vec<String>, folder: String, limit: Duration) -> Ended {
    let Some((program, words)) = argv.split_first() else {
        return Ended::failed("The command has no name. Nothing was run.");
    };
    let mut command = Command::new(program);
    command
        .args(words)
        .current_dir(&folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            return Ended::failed(format!(
                "{program} could not be started in {folder}: {error}. Nothing was run."
            ));
        }
    };
    let group = Group::of(&child);
    let (mut said, mut complained) = (Vec::new(), Vec::new());
    let (mut stdout, mut stderr) = (child.stdout.take(), child.stderr.take());
    let ended = {
        let listening = async {
            tokio::join!(tail(&mut stdout, &mut said), tail(&mut stderr, &mut complained));
        };
        tokio::pin!(listening);
        let run = async {
            let (status, heard) = tokio::select! {
                status = child.wait() => (status, false),
                () = &mut listening => (child.wait().await, true),
            };
            if !heard {
                // What it started may live on and keep its end of the pipe.
                drop(tokio::time::timeout(LAST_WORDS, &mut listening).await);
            }
            status
        };
        tokio::time::timeout(limit, run).await
    };
    let outcome = match ended {
        Ok(status) => {
            group.has_ended();
            match status {
                Ok(status) if status.success() => Ok(()),
                Ok(status) => Err(format!("The program ended with {status}.")),
                Err(error) => Err(format!("The program was lost sight of: {error}.")),
            }
        }
        Err(_) => Err(format!(
            "The program took longer than {} s and was ended. It may have done some of its work.",
            limit.as_secs_f64()
        )),
    };
    Ended { outcome, output: both(&said, &complained) }
}

/// Reads to the end, and keeps the last part.
async fn tail(pipe: &mut Option<impl AsyncRead + Unpin>, kept: &mut Vec<u8>) {
    let Some(pipe) = pipe else { return };
    let mut some = [0; 8 * 1024];
    while let Ok(count @ 1..) = pipe.read(&mut some).await {
        kept.extend_from_slice(&some[..count]);
        kept.drain(..kept.len().saturating_sub(OUTPUT));
    }
}

fn both(said: &[u8], complained: &[u8]) -> String {
    let text = |bytes: &[u8]| {
        let cut = if bytes.len() >= OUTPUT { "…" } else { "" };
        format!("{cut}{}", String::from_utf8_lossy(bytes).trim_end())
    };
    let parts = [text(said), text(complained)];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

async fn within(limit: Duration, argv: Vec<String>, about: Value) -> Result<(), String> {
    match tokio::time::timeout(limit, run(&argv, &about)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(format!("it took longer than {} s and was ended", limit.as_secs())),
    }
}

async fn run(argv: &[String], about: &Value) -> Result<(), String> {
    let (program, words) = argv.split_first().ok_or("it has no name")?;
    let mut command = Command::new(program);
    command
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    let mut child = command.spawn().map_err(|error| format!("it could not be started: {error}"))?;
    let group = Group::of(&child);
    let (input, stderr) = (child.stdin.take(), child.stderr.take());
    let mut complaint = Complaint { stderr, tail: Vec::new() };
    let feed = async {
        if let Some(mut input) = input {
            // A command that reads nothing has no use for it.
            drop(input.write_all(about.to_string().as_bytes()).await);
        }
    };
    let both = async { tokio::join!(feed, complaint.listen()) };
    let status = tokio::select! {
        status = child.wait() => status,
        ((), ()) = both => child.wait().await,
    };
    group.has_ended();
    let status = status.map_err(|error| error.to_string())?;
    if status.success() {
        return Ok(());
    }
    // What it started may live on and keep its end of the pipe.
    drop(tokio::time::timeout(LAST_WORDS, complaint.listen()).await);
    let last = complaint.last_line();
    Err(format!("it ended with {status}: {last}").trim_end_matches([':', ' ']).to_owned())
}

/// What a command says on its standard error.
struct Complaint {
    stderr: Option<ChildStderr>,
    tail: Vec<u8>,
}

impl Complaint {
    /// Listens to the end; may be given up and gone on with.
    async fn listen(&mut self) {
        let Some(stderr) = &mut self.stderr else { return };
        let mut some = [0; 1024];
        while let Ok(count @ 1..) = stderr.read(&mut some).await {
            self.tail.extend_from_slice(&some[..count]);
            let enough = 8 * COMPLAINT;
            self.tail.drain(..self.tail.len().saturating_sub(enough));
        }
        self.stderr = None;
    }

    fn last_line(&self) -> String {
        let text = String::from_utf8_lossy(&self.tail);
        let last = text.trim().lines().next_back().unwrap_or_default();
        last.chars().take(COMPLAINT).collect()
    }
}

/// A command with all that it starts: ended together, unless it ends itself.
struct Group {
    #[cfg(unix)]
    leader: Option<rustix::process::Pid>,
}

impl Group {
    fn of(child: &Child) -> Self {
        #[cfg(unix)]
        let leader = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(rustix::process::Pid::from_raw);
        Self {
            #[cfg(unix)]
            leader,
        }
    }

    /// What it started and left running is its own affair.
    fn has_ended(mut self) {
        #[cfg(unix)]
        let _ = self.leader.take();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(leader) = self.leader {
            let killed = rustix::process::kill_process_group(leader, rustix::process::Signal::KILL);
            if let Err(error) = killed {
                tracing::debug!(%error, "a command that is ended was gone already");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;

    async fn ran(words: &[&str]) -> Result<(), String> {
        let argv = words.iter().map(|word| (*word).to_owned()).collect();
        Commands.run(argv, json!({ "id": "h-1" })).await
    }

    #[tokio::test]
    async fn words_reach_the_program_as_they_are() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("told");
        let script = format!("cat > {}; [ \"$1\" = '$(x); *' ]", file.display());
        assert_eq!(ran(&["sh", "-c", &script, "sh", "$(x); *"]).await, Ok(()));
        assert_eq!(std::fs::read_to_string(file).expect("told"), r#"{"id":"h-1"}"#);
    }

    #[tokio::test]
    async fn a_failure_says_why() {
        let failed = ran(&["sh", "-c", "echo first >&2; echo no mail >&2; exit 3"]).await;
        assert_eq!(failed, Err("it ended with exit status: 3: no mail".to_owned()));
        assert_eq!(ran(&["false"]).await, Err("it ended with exit status: 1".to_owned()));
        assert!(ran(&["/no/such/program"]).await.is_err_and(|why| why.contains("started")));
    }

    #[tokio::test]
    async fn a_command_that_is_ended_ends_with_all_that_it_started() {
        let folder = tempfile::tempdir().expect("a folder");
        let fifo = folder.path().join("alive");
        let made = std::process::Command::new("mkfifo").arg(&fifo).status().expect("mkfifo");
        assert!(made.success());
        // The grandchild holds the pipe open for as long as it lives.
        let script = format!("sleep 600 > {} & wait", fifo.display());
        let argv = words(&script);
        let open = {
            let fifo = fifo.clone();
            tokio::task::spawn_blocking(move || std::fs::read(fifo))
        };
        let ended = within(Duration::from_millis(500), argv, json!({})).await;
        assert!(ended.is_err_and(|why| why.contains("longer")));
        let closed = tokio::time::timeout(Duration::from_secs(20), open).await;
        assert!(closed.is_ok(), "what it started lives on");
    }

    #[tokio::test]
    async fn what_a_command_leaves_running_is_not_waited_for() {
        let left = within(
            Duration::from_secs(20),
            words("sleep 60 & echo no mail >&2; exit 3"),
            json!({}),
        );
        assert_eq!(left.await, Err("it ended with exit status: 3: no mail".to_owned()));
    }

    async fn undone(words: &[&str], folder: &Path, limit: Duration) -> Ended {
        let argv = words.iter().map(|word| (*word).to_owned()).collect();
        Commands.run_in(argv, folder.display().to_string(), limit).await
    }

    #[tokio::test]
    async fn an_undo_command_runs_in_its_folder_and_is_heard() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().canonicalize().expect("its place");
        let script = "pwd; echo and >&2; [ \"$1\" = '$(x); *' ]";
        let long = Duration::from_secs(20);
        let ended = undone(&["sh", "-c", script, "sh", "$(x); *"], &place, long).await;
        let output = format!("{}\nand", place.display());
        assert_eq!(ended, Ended { outcome: Ok(()), output });

        let failed = undone(&["sh", "-c", "echo half; exit 3"], &place, long).await;
        assert_eq!(failed.output, "half");
        assert!(failed.outcome.is_err_and(|why| why.contains("exit status: 3")));
        let gone = undone(&["sh", "-c", "true"], &place.join("no"), long).await;
        assert!(gone.outcome.is_err_and(|why| why.contains("Nothing was run")));
        let none = undone(&[], &place, long).await;
        assert!(none.outcome.is_err_and(|why| why.contains("no name")));
    }

    #[tokio::test]
    async fn an_undo_command_that_takes_too_long_ends_with_all_that_it_started() {
        let folder = tempfile::tempdir().expect("a folder");
        let fifo = folder.path().join("alive");
        let made = std::process::Command::new("mkfifo").arg(&fifo).status().expect("mkfifo");
        assert!(made.success());
        let script = format!("echo begun; sleep 600 > {} & wait", fifo.display());
        let open = tokio::task::spawn_blocking(move || std::fs::read(fifo));
        let limit = Duration::from_millis(500);
        let ended = undone(&["sh", "-c", &script], folder.path(), limit).await;
        assert_eq!(ended.output, "begun");
        assert!(ended.outcome.is_err_and(|why| why.contains("longer")));
        let closed = tokio::time::timeout(Duration::from_secs(20), open).await;
        assert!(closed.is_ok(), "what it started lives on");
    }

    #[tokio::test]
    async fn only_the_end_of_what_an_undo_command_says_is_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let script = "i=0; while [ $i -lt 9000 ]; do echo $i; i=$((i+1)); done";
        let ended = undone(&["sh", "-c", script], folder.path(), Duration::from_mins(1)).await;
        assert!(ended.output.len() <= OUTPUT + 3 && ended.output.starts_with('…'));
        assert!(ended.output.ends_with("8999"));
    }

    fn words(script: &str) -> Vec<String> {
        ["sh", "-c", script].map(str::to_owned).to_vec()
    }
}
