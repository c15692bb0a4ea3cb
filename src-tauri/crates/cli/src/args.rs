//! The command line: which words there are, and what `--help` says of them.

mod help;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use handoff_domain::lifecycle::State;

use self::help::{
    AFTER_HELP, CHECK_HELP, DEMO_HELP, DOCTOR_HELP, HOOK_HELP, INSTALL_HELP, MCP_GATE_HELP,
    MCP_HELP, NEXT_HELP, RECONCILE_HELP, RECORD_HELP, SCHEMA_HELP, SUBMIT_HELP, TASK_HELP,
    TOOLS_HELP, VERIFY_HELP, WAIT_HELP,
};

/// Hand a case to the person at the desk, and go on from the answer.
#[derive(Debug, Parser)]
#[command(name = "handoff", bin_name = "handoff", version, after_help = AFTER_HELP, max_term_width = 100)]
pub struct CommandLine {
    /// Print one JSON document instead of text.
    #[arg(long, global = true)]
    pub json: bool,
    /// The agent's name; `cli` (for the demo, `demo`) if not given.
    #[arg(long, global = true, env = "HANDOFF_AGENT", value_name = "NAME")]
    pub agent: Option<String>,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Hand off a case.
    #[command(after_help = SUBMIT_HELP)]
    Submit(Submit),
    /// Check a payload; needs no desk.
    Validate {
        /// The payload, or - for standard input.
        #[arg(value_name = "FILE|-")]
        file: PathBuf,
    },
    /// Wait for the decision on a handoff.
    #[command(after_help = WAIT_HELP)]
    Wait {
        /// The handoff's id.
        id: String,
        /// Wait this long at most; without it, until there is an answer. Seconds, or 90s, 10m, 2h.
        #[arg(long, value_name = "SECS", value_parser = seconds, allow_hyphen_values = true)]
        timeout: Option<u32>,
    },
    /// What the reviewer has told this agent since it last looked.
    #[command(after_help = NEXT_HELP)]
    Next {
        /// Wait this long if there is nothing: seconds, or a time such as 10m.
        #[arg(long, value_name = "SECS", default_value_t = 0, value_parser = seconds)]
        wait: u32,
        /// Only what concerns this task.
        #[arg(long, value_name = "ID")]
        task: Option<String>,
        /// Say that what this item asks to undo is undone, and print nothing.
        #[arg(long, value_name = "ITEM", conflicts_with_all = ["wait", "task"])]
        undid: Option<String>,
        /// Say that what this item asks to undo is not undone, and print nothing.
        #[arg(long, value_name = "ITEM", conflicts_with_all = ["wait", "task", "undid"])]
        not_undone: Option<String>,
        /// Why it is not undone.
        #[arg(long, value_name = "TEXT", requires = "not_undone")]
        why: Option<String>,
    },
    /// Show a handoff with its decision.
    Show {
        /// The handoff's id.
        id: String,
    },
    /// List this agent's handoffs, the newest first.
    List {
        /// Only those in this state.
        #[arg(long, value_name = "STATE", value_parser = state)]
        state: Option<State>,
        /// Only those in which all these words occur.
        #[arg(long, value_name = "WORDS")]
        search: Option<String>,
        /// How many at most.
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
    },
    /// Take a handoff back before it is decided.
    Withdraw {
        /// The handoff's id.
        id: String,
        /// Why, for the reviewer.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Put another proposal in a handoff's place.
    Revise {
        /// The handoff's id.
        id: String,
        /// The new payload with the same key, or - for standard input.
        #[arg(value_name = "FILE|-")]
        file: PathBuf,
    },
    /// Report what was done with a decision.
    #[command(after_help = RECONCILE_HELP)]
    Reconcile(Reconcile),
    /// Ask whether a tool may be called.
    #[command(after_help = CHECK_HELP)]
    Check {
        /// The call, or - for standard input.
        #[arg(value_name = "FILE|-")]
        file: PathBuf,
    },
    /// Report what a tool call did.
    #[command(after_help = RECORD_HELP)]
    Record {
        /// The record, or - for standard input.
        #[arg(value_name = "FILE|-")]
        file: PathBuf,
    },
    /// Say what the work is, which steps it has, and when it is over.
    Task {
        /// What to say.
        #[command(subcommand)]
        verb: TaskVerb,
    },
    /// Say which tools this agent can call.
    #[command(after_help = TOOLS_HELP)]
    Tools {
        /// The tools, or - for standard input.
        #[arg(value_name = "FILE|-")]
        file: PathBuf,
    },
    /// Serve an MCP client on standard input and output.
    #[command(after_help = MCP_HELP)]
    Mcp,
    /// Run an MCP server and ask before each of its tool calls.
    #[command(after_help = MCP_GATE_HELP)]
    McpGate(McpGate),
    /// Check the desk's audit log; needs no desk, and hinders none.
    #[command(after_help = VERIFY_HELP)]
    Verify,
    /// Say how the desk's folder is, or go back to a backup.
    #[command(after_help = DOCTOR_HELP)]
    Doctor(Doctor),
    /// Print the JSON Schema (2020-12) of the payload, or of another part.
    #[command(after_help = SCHEMA_HELP)]
    Schema {
        /// Which one: handoff, action, decision or report.
        name: Option<String>,
    },
    /// Run an agent that really tidies a folder, as an example.
    #[command(after_help = DEMO_HELP)]
    Demo {
        /// The folder to tidy; a sample folder if not given.
        dir: Option<PathBuf>,
    },
    /// Answer one event of a coding agent's hook, read from standard input.
    #[command(after_help = HOOK_HELP)]
    Hook {
        /// Whose hook it is.
        client: CodingAgent,
        /// Answer within this many seconds, less than the client's own time-out.
        #[arg(long, value_name = "SECS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
        answer_within: Option<u64>,
    },
    /// Make a coding agent ask the desk before every call.
    #[command(after_help = INSTALL_HELP)]
    Install {
        /// The coding agent.
        client: CodingAgent,
        /// For all your work, or for the project in this folder.
        #[arg(long, default_value = "user")]
        scope: Scope,
        /// Only show what would change.
        #[arg(long)]
        dry_run: bool,
    },
    /// Take that out of its settings again, and nothing else.
    Uninstall {
        /// The coding agent.
        client: CodingAgent,
        /// For all your work, or for the project in this folder.
        #[arg(long, default_value = "user")]
        scope: Scope,
        /// Only show what would change.
        #[arg(long)]
        dry_run: bool,
    },
    /// Print the completions for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print the manual page: `handoff man | man -l -`.
    Man {
        /// The page of one command.
        command: Option<String>,
    },
}

/// The coding agents that have hooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CodingAgent {
    ClaudeCode,
    Codex,
    Gemini,
}

impl From<CodingAgent> for handoff_hooks::Client {
    fn from(agent: CodingAgent) -> Self {
        match agent {
            CodingAgent::ClaudeCode => Self::ClaudeCode,
            CodingAgent::Codex => Self::Codex,
            CodingAgent::Gemini => Self::Gemini,
        }
    }
}

/// Whose settings are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scope {
    User,
    Project,
}

/// `handoff task`.
#[derive(Debug, Subcommand)]
pub enum TaskVerb {
    /// Say what the work is, before it starts.
    #[command(after_help = TASK_HELP)]
    Open {
        /// The task and its plan, or - for standard input.
        #[arg(value_name = "FILE|-")]
        file: PathBuf,
    },
    /// Replace the steps of a task.
    Plan {
        /// {"task": ID, "plan": {…}, "revision": N}, or - for standard input.
        #[arg(value_name = "FILE|-")]
        file: PathBuf,
    },
    /// List the steps that are free to go while decisions are pending.
    Runnable {
        /// The task's id.
        id: String,
    },
    /// Say that the work is over; a draft then goes to the reviewer.
    Close {
        /// The task's id.
        id: String,
    },
}

/// `handoff submit`.
#[derive(Debug, Args)]
pub struct Submit {
    /// The payload, or - for standard input.
    #[arg(value_name = "FILE|-")]
    pub file: PathBuf,
    /// Wait for the decision, this long at most, and exit as `wait` does. Seconds, or 90s, 10m, 2h.
    #[arg(long, value_name = "SECS", value_parser = seconds, allow_hyphen_values = true)]
    pub wait: Option<u32>,
}

/// `handoff mcp-gate`.
#[derive(Debug, Args)]
pub struct McpGate {
    /// How long a held call waits before the client is told to ask again. Seconds, or 90s, 10m, 2h.
    #[arg(long, value_name = "SECS", value_parser = seconds, default_value = "45")]
    pub wait: u32,
    /// The server: a program and its arguments, after --.
    #[arg(
        value_name = "CMD",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub command: Vec<OsString>,
}

/// `handoff doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Go back to this backup, or to the newest.
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    #[expect(clippy::option_option, reason = "clap's shape of an option with or without a value")]
    pub restore: Option<Option<PathBuf>>,
    /// Do it without asking.
    #[arg(long, requires = "restore")]
    pub yes: bool,
}

/// `handoff reconcile`.
#[derive(Debug, Args)]
#[command(
    override_usage = "handoff reconcile [OPTIONS] <ID> <FILE|->\n       handoff reconcile [OPTIONS] <ID> --applied"
)]
#[command(group(ArgGroup::new("report").required(true).args(["file", "applied"])))]
pub struct Reconcile {
    /// The handoff's id.
    pub id: String,
    /// The report, or - for standard input.
    #[arg(value_name = "FILE|-")]
    pub file: Option<PathBuf>,
    /// It did exactly what was decided.
    #[arg(long)]
    pub applied: bool,
}

/// A span of time in seconds: a number of them, or numbers with their units.
fn seconds(words: &str) -> Result<u32, String> {
    let span = || {
        if let Ok(plain) = words.parse::<u32>() {
            return Some(plain);
        }
        let (mut total, mut rest, mut last) = (0_u32, words, u32::MAX);
        while !rest.is_empty() {
            let end = rest.find(|letter: char| !letter.is_ascii_digit())?;
            let (number, unit) = rest.split_at(end);
            let each = match unit.chars().next()? {
                's' => 1,
                'm' => 60,
                'h' => 3600,
                _ => return None,
            };
            // From the largest to the smallest, each once: 1h30m, and not 5m5m.
            if each >= last {
                return None;
            }
            last = each;
            total = number.parse::<u32>().ok()?.checked_mul(each)?.checked_add(total)?;
            rest = unit.get(1..)?;
        }
        (last != u32::MAX).then_some(total)
    };
    span().ok_or_else(|| {
        "write a number of seconds, or a time such as 90s, 10m, 2h or 1h30m".to_owned()
    })
}

fn state(word: &str) -> Result<State, String> {
    serde_json::from_value(serde_json::Value::from(word)).map_err(|_| {
        "the states are queued, ready, decided, released, collected, reconciled, withdrawn, \
         superseded"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn a_time_is_a_number_of_seconds_or_has_units() {
        for (words, meant) in [
            ("0", 0),
            ("600", 600),
            ("90s", 90),
            ("10m", 600),
            ("2h", 7200),
            ("1h30m", 5400),
            ("1h5s", 3605),
        ] {
            assert_eq!(seconds(words), Ok(meant), "{words}");
        }
        for words in
            ["", "m", "10 m", "10x", "1.5h", "-1", "5m5m", "5s1m", "1h30", "2000000h", "١m"]
        {
            let said = seconds(words).expect_err(words);
            assert!(said.contains("90s, 10m, 2h"), "{words}: {said}");
        }
    }
}
