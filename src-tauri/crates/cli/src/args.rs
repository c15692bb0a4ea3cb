//! The command line: which words there are, and what `--help` says of them.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand};
use clap_complete::Shell;
use handoff_domain::lifecycle::State;

const AFTER_HELP: &str = "\
Examples:
  handoff submit case.json                 hand off and go on working
  handoff wait h-4d1b65… --timeout 600     wait up to ten minutes for the answer
  handoff submit --wait 600 ask.json && rm -r build
                                           runs rm only after a reviewer's yes
  jq -n '{…}' | handoff validate -         check a payload without a desk
  handoff demo                             watch an agent work on sample files

Exit codes:
   0  done (submit: accepted, or kept in the spool until a desk runs); wait:
      approved by the reviewer, as proposed or edited
   1  internal error          2  usage            3  invalid payload
   4  desk unreachable        6  not found
   5  conflict or refused; submit --wait: approved, but another caller acts or acted
  10  still pending
  11  over without a decision: manual review, withdrawn, superseded
  12  information instead of an approval     13  rejected
  14  the reviewer takes over                15  the declared default was taken

The manual page: handoff man | man -l -
A folder of the desk other than the platform's is named by HANDOFF_DESK_HOME.";

const WAIT_HELP: &str = "\
Prints the decision as soon as it is released and acknowledges that it was
received. With `act yes` this caller, and nobody else, is to act on it; report
afterwards with `handoff reconcile`. A restart of the desk does not end the
wait. Can be asked again at any time. A decision that is made when the time is
over, but can still be undone, is waited for up to 35 seconds more.

Exit codes: 0 approved, whoever is to act on it, 10 still pending, 11 over
without a decision, 12 information, 13 rejected, 14 taken over, 15 default taken
by the desk.";

const SUBMIT_HELP: &str = "\
The desk answers once the handoff is stored durably. Submitting the same key
with the same content again gives the same id, so a retry is safe.

Where no desk runs and none can be started, the handoff is checked and kept in
the spool, a folder of the desk, and the exit code is 0: the desk takes it up
as soon as it runs, under the id that is printed. Its deadline counts from now. The
same is done where a desk takes the connection and does not answer.

With --wait it goes on like `handoff wait` and exits as that does:
  handoff submit --wait 600 ask.json && ./deploy
deploys only after a reviewer's approval, and only once for one key: run again,
it exits with 5. A new question needs a new key. From the spool it goes on looking
for a desk, and exits with 10 when none has come in time.";

const RECONCILE_HELP: &str = "\
The report says what the agent did with the decision:
  {\"outcome\": \"applied\", \"steps\": [{\"id\": \"refund\", \"outcome\": \"applied\"}]}
  {\"outcome\": \"diverged\", \"why\": \"The charge was already refunded.\"}
--applied is short for the report that it did exactly what was decided.";

const CHECK_HELP: &str = "\
The call names its task, tool and arguments, and a key of its own:
  {\"task\": {\"id\": \"t-1\", \"title\": \"Tidy\", \"goal\": \"Room on the disk\"},
   \"tool\": \"bash\", \"args\": {\"command\": \"rm -r build\"}, \"cwd\": \"/work\", \"key\": \"c-1\"}
The desk reads what the call does, and answers by the level and the rules that the
reviewer has set. What cannot be undone, or what nobody knows, is always held; a
held call becomes a handoff, and `handoff wait` waits for its answer. After a yes
the same call runs, once: ask again with the same key, or report with `record`.

Without a desk nothing is permitted: only what reads may go on.

Exit codes: 0 run, 10 held, 5 denied, 4 no desk.";

const RECORD_HELP: &str = "\
  {\"task\": \"t-1\", \"action\": {\"id\": \"a-1\", \"tool\": \"bash\",
   \"input\": {\"command\": \"rm -r build\"}, \"effect\": \"irreversible\", \"status\": \"done\"}}
A record of what was decided closes that handoff. A record of something else, or of
what should have been asked, is shown to the reviewer, and the agent then has to ask
for every change.";

const TASK_HELP: &str = "\
  {\"task\": {\"id\": \"t-1\", \"title\": \"Tidy\", \"goal\": \"Room on the disk\"},
   \"plan\": {\"steps\": [{\"id\": \"scan\", \"title\": \"Look\", \"status\": \"pending\"}]}}
So the reviewer can set how far the agent may go before it starts.";

const TOOLS_HELP: &str = "\
  {\"tools\": [{\"name\": \"fs.move\", \"description\": \"Moves a file\", \"effect\": \"reversible\"}]}
What is said of an effect counts once the reviewer has accepted that very definition.";

const NEXT_HELP: &str = "\
Prints what the reviewer said unasked: to pause and to go on, that a task is taken
over or given back with what was done by hand, another plan, words. What is printed
counts as known and is not printed again. A check answers how much there is to know.

Exit codes: 0, also when there is nothing; 4 no desk.";

const VERIFY_HELP: &str = "\
Every event in the desk's database is chained to the one before it by a hash, and
the last hash is kept in the file audit-head beside it. This checks all of them,
that none is missing at the end, and that each handoff stands where its last
event left it. It names the first thing that is wrong.

It finds damage and meddling with single files. It cannot find what somebody did
who changed all of them and computed the hashes anew.

Exit codes: 0 all is whole, 1 something is wrong, or there is no audit log.";

const DOCTOR_HELP: &str = "\
Without --restore it only looks: the version, the database and its audit log, the
backups with their ages, what is left in the spool, the room on the disk, who may
enter the folder, and which process is the desk. The desk may run meanwhile.

With --restore it sets the database aside and puts a backup in its place: FILE,
or the newest. The desk must be off. The events after the backup are kept in the
audit log, whose new epoch names them.

Exit codes: 0 nothing is wrong, or restored; 1 something is wrong; 2 not
confirmed; 5 a desk is running, or the answer was not yes; 6 there is no backup.";

const DEMO_HELP: &str = "\
Without DIR the agent fills a sample folder of its own with real files, sorts
them, and asks before it deletes the duplicates. With DIR it touches nothing in
that folder before its plan was approved. It leaves alone what is hidden, lies
in subfolders, is a link or is linked to, and says so. Stopped while it waits and
started again, it goes on waiting for the same answer.

It tells the desk its tools and its plan before it begins. Once its tools are
accepted there and its level is Draft or Execute, it asks the gate for each move
by itself and moves only what may run; what is held it waits for, and without a
desk it moves nothing. At Draft it ends with the draft of its moves, and moves
back what the reviewer picks. Deleting is asked for at every level.

Exits as `handoff wait` does after the last answer; with 5 also when a file
changed after the answer, so that not all of it could be done, and with 10 while
the reviewer has paused it.";

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
        /// Wait this long, in seconds, if there is nothing.
        #[arg(long, value_name = "SECS", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=86_400))]
        wait: u32,
        /// Only what concerns this task.
        #[arg(long, value_name = "ID")]
        task: Option<String>,
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
    /// Check the desk's audit log; needs no desk, and hinders none.
    #[command(after_help = VERIFY_HELP)]
    Verify,
    /// Say how the desk's folder is, or go back to a backup.
    #[command(after_help = DOCTOR_HELP)]
    Doctor(Doctor),
    /// Print the JSON Schema of the payload, or of another part.
    Schema {
        /// handoff, action, decision, report, or whatever else is named when this one is unknown.
        name: Option<String>,
    },
    /// Run an agent that really tidies a folder, as an example.
    #[command(after_help = DEMO_HELP)]
    Demo {
        /// The folder to tidy; a sample folder if not given.
        dir: Option<PathBuf>,
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
