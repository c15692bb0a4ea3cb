//! Running the reviewer's own commands, word by word, with no shell between.
//! Which command runs when is not decided here.

use std::future::Future;
use std::pin::Pin;
use std::process::Stdio;
use std::time::Duration;

use handoff_engine::CommandRunner;
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// How long a command may take.
const LIMIT: Duration = Duration::from_mins(1);

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
        Box::pin(async move {
            match tokio::time::timeout(LIMIT, run(&argv, &about)).await {
                Ok(outcome) => outcome,
                Err(_) => Err(format!("it took longer than {} s and was ended", LIMIT.as_secs())),
            }
        })
    }
}

async fn run(argv: &[String], about: &Value) -> Result<(), String> {
    let (program, words) = argv.split_first().ok_or("it has no name")?;
    let mut child = Command::new(program)
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("it could not be started: {error}"))?;
    if let Some(mut input) = child.stdin.take() {
        // A command that reads nothing has no use for it.
        drop(input.write_all(about.to_string().as_bytes()).await);
    }
    let output = child.wait_with_output().await.map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    let last = complaint.trim().lines().next_back().unwrap_or_default();
    let last: String = last.chars().take(COMPLAINT).collect();
    Err(format!("it ended with {}: {last}", output.status).trim_end_matches([':', ' ']).to_owned())
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
}
