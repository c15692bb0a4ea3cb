//! What `--help` says below the options of each command.

pub const AFTER_HELP: &str = "\
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

pub const WAIT_HELP: &str = "\
Prints the decision as soon as it is released and acknowledges that it was
received. With `act yes` this caller, and nobody else, is to act on it; report
afterwards with `handoff reconcile`. A restart of the desk does not end the
wait. Can be asked again at any time. A decision that is made when the time is
over, but can still be undone, is waited for up to 35 seconds more.

Exit codes: 0 approved, whoever is to act on it, 10 still pending, 11 over
without a decision, 12 information, 13 rejected, 14 taken over, 15 default taken
by the desk.";

pub const SUBMIT_HELP: &str = "\
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

pub const SCHEMA_HELP: &str = "\
The names:
  handoff    what `submit`, `validate` and `revise` take; the one printed without a name
  action     one tool call: in `actions_taken` of a handoff, and in what `record` takes
  decision   what the reviewer decided, in what `wait` and `show --json` print
  report     what `reconcile` takes

  handoff schema > handoff.schema.json     for an editor, or a validator of your own
The files of `check`, `record`, `task` and `tools` are shown by their own --help.";

pub const RECONCILE_HELP: &str = "\
The report says what the agent did with the decision:
  {\"outcome\": \"applied\", \"steps\": [{\"id\": \"refund\", \"outcome\": \"applied\"}]}
  {\"outcome\": \"diverged\", \"why\": \"The charge was already refunded.\"}
--applied is short for the report that it did exactly what was decided.

Where a precondition of the decision does not hold any more, act on nothing and say so:
  {\"outcome\": \"diverged\", \"unmet\": [{\"tool\": \"charges.get\",
   \"args\": {\"id\": \"ch_2\"}, \"found\": \"refunded\"}]}
The reviewer is asked again then, and `handoff wait` waits for the new answer.";

pub const CHECK_HELP: &str = "\
The call names its task, tool and arguments, and a key of its own:
  {\"task\": {\"id\": \"t-1\", \"title\": \"Tidy\", \"goal\": \"Room on the disk\"},
   \"tool\": \"bash\", \"args\": {\"command\": \"rm -r build\"}, \"cwd\": \"/work\", \"key\": \"c-1\"}
The desk reads what the call does, and answers by the level and the rules that the
reviewer has set. What cannot be undone, or what nobody knows, is always held; a
held call becomes a handoff, and `handoff wait` waits for its answer. After a yes
the same call runs, once: ask again with the same key, or report with `record`.

Without a desk nothing is permitted: only what reads may go on.

Exit codes: 0 run, 10 held, 5 denied, 4 no desk.";

pub const RECORD_HELP: &str = "\
  {\"task\": \"t-1\", \"action\": {\"id\": \"a-1\", \"tool\": \"bash\",
   \"input\": {\"command\": \"rm -r build\"}, \"effect\": \"irreversible\", \"status\": \"done\"}}
A record of what was decided closes that handoff. A record of something else, or of
what should have been asked, is shown to the reviewer, and the agent then has to ask
for every change.";

pub const TASK_HELP: &str = "\
  {\"task\": {\"id\": \"t-1\", \"title\": \"Tidy\", \"goal\": \"Room on the disk\"},
   \"plan\": {\"steps\": [{\"id\": \"scan\", \"title\": \"Look\", \"status\": \"pending\"}]}}
So the reviewer can set how far the agent may go before it starts.";

pub const TOOLS_HELP: &str = "\
  {\"tools\": [{\"name\": \"fs.move\", \"description\": \"Moves a file\", \"effect\": \"reversible\"}]}
What is said of an effect counts once the reviewer has accepted that very definition.";

pub const NEXT_HELP: &str = "\
Prints what the reviewer said unasked: to pause and to go on, that a task is taken
over or given back with what was done by hand, another plan, to undo what was done,
words. What is printed counts as known and is not printed again. A check answers how
much there is to know.

What is to be undone is printed until it is: check the call that is named, with its
key, make it if the answer is run, and record it. Or say it with --undid ITEM.

Exit codes: 0, also when there is nothing; 4 no desk.";

pub const HOOK_HELP: &str = "\
The client starts this before and after each of its tool calls; `handoff install`
puts it into its settings. It asks the desk, waits for the reviewer where the call
is held, and answers in the client's own words. Without a desk, and whenever
anything fails, the answer is a no, with the reason.

Exit codes: 0, also for a no; 2, with words on standard error, where no answer
could be written.";

pub const INSTALL_HELP: &str = "\
Shows what it changes and keeps a copy of the file beside it. Your own hooks stay.
To do the same again changes nothing. --agent NAME makes the coding agent go by
another name at the desk.";

pub const MCP_HELP: &str = "\
Name it in the settings of a client as a server with the command `handoff mcp`. Its
tools hand off and wait, ask before a call and tell what was done; none waits longer
than 45 seconds, and what was handed off stays whatever becomes of the client. The
agent's name is the client's, if none is given.

For Claude Code, `approve` is a permission prompt:
  claude --permission-prompt-tool mcp__handoff__approve

Clients hand on few variables: name HANDOFF_DESK_HOME, and DISPLAY or WAYLAND_DISPLAY
if the desk is to be started, in their settings.";

pub const MCP_GATE_HELP: &str = "\
Put it before the server's command in the settings of a client:
  handoff mcp-gate -- npx -y @modelcontextprotocol/server-filesystem /work
Everything passes through as it is but tool calls: what reads runs at once, what is
held waits for the reviewer, and runs with the arguments that they leave it with. A
rejection is an error that the model can read. Without a desk no call runs. What the
server says of its tools counts once the reviewer has accepted it.

A call that is held longer than --wait is answered with an error that says so; the
same call again goes on waiting. Give more where the client waits longer.

Exits with what the server exits with.";

pub const VERIFY_HELP: &str = "\
Every event in the desk's database is chained to the one before it by a hash, and
the last hash is kept in the file audit-head beside it. This checks all of them,
that none is missing at the end, and that each handoff stands where its last
event left it. It names the first thing that is wrong.

It finds damage and meddling with single files. It cannot find what somebody did
who changed all of them and computed the hashes anew.

Exit codes: 0 all is whole, 1 something is wrong, or there is no audit log.";

pub const DOCTOR_HELP: &str = "\
Without --restore it only looks: the version, the database and its audit log, the
backups with their ages, what is left in the spool, the room on the disk, who may
enter the folder, and which process is the desk. The desk may run meanwhile.

With --restore it sets the database aside and puts a backup in its place: FILE,
or the newest. The desk must be off. The events after the backup are kept in the
audit log, whose new epoch names them.

Exit codes: 0 nothing is wrong, or restored; 1 something is wrong; 2 not
confirmed; 5 a desk is running, or the answer was not yes; 6 there is no backup.";

pub const DEMO_HELP: &str = "\
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
