//! Running the reviewer's own commands, word by word, with no shell between.
//! Which command runs when is not decided here.

use std::future::Future;
use std::pin::Pin;
use std::process::Stdio;
use std::time::Duration;

use handoff_engine::CommandRunner;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStderr, Command};

/// How long a command may take.
const LIMIT: Duration = Duration::from_mins(1);

/// How long a command that has ended may take to be heard to its end.
const LAST_WORDS: Duration = Duration::from_millis(200);

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

    fn words(script: &str) -> Vec<String> {
        ["sh", "-c", script].map(str::to_owned).to_vec()
    }
}
