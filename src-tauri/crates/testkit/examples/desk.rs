//! A desk without a window in a process of its own, whose reviewer is a script:
//! for tests of real clients, whatever language they are written in.
//!
//! `desk HOME` serves the home until its standard input ends. It reads one JSON
//! command a line there, and writes one JSON event a line to standard output.
//! It is put together as the app does it; only who decides is another.
//!
//! Events: `{"event":"ready",…}` once it listens; `{"event":"handoff",…}` for
//! each proposal that waits for the reviewer; `{"event":"state","id":…,"state":…}`
//! whenever one stands elsewhere; `{"event":"done","do":…,"result":…}` or
//! `{"event":"failed","do":…,"message":…,"hint":…}` for each command, with the
//! command's `tag` if it has one.

use std::collections::HashMap;
use std::io::{BufRead as _, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use handoff_connectors::{Pace, Secrets, Servers};
use handoff_domain::action::Effect;
use handoff_domain::autonomy::Level;
use handoff_domain::decision::{Answer, Override, Then};
use handoff_engine::{Clock, Engine, Failure};
use handoff_keeper::Keeper;
use handoff_protocol::session::Host;
use handoff_protocol::view::{
    AcceptTool, AcceptTools, CaseView, DecideRequest, GiveBack, Header, List, Liveness, NewServer,
    OfTask, Pause, QueueQuery, SetLevel, Settings, TakeOver, TellAgent,
};
use handoff_spool::Spool;
use handoff_store::{Files, Store};
use handoff_testkit::machine::{self, MachineClock};
use handoff_testkit::reviewer::answering;
use handoff_testkit::{RecordingNotifier, RecordingRunner};
use handoff_transport::home::Home;
use handoff_transport::server::Server;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

/// How long a command may wait for an agent to listen.
const PATIENCE: Duration = Duration::from_secs(30);

/// Servers are asked more often than by the app, so that no test waits for long.
const PACE: Pace = Pace {
    poll: Duration::from_millis(400),
    confirm: Duration::from_millis(50),
    away: (Duration::from_millis(100), Duration::from_millis(400)),
};

/// One line of the script.
#[derive(Debug, Deserialize)]
struct Line {
    /// Comes back with the outcome.
    #[serde(default)]
    tag: Option<Value>,
    #[serde(flatten)]
    order: Order,
}

/// What the reviewer does. An option that is not named is the recommended one,
/// else the first.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum Order {
    /// Takes the option as proposed.
    Approve { id: String, option: Option<String>, why: Option<String> },
    /// Takes it with other arguments, complete.
    Modify { id: String, option: Option<String>, args: Map<String, Value>, why: Option<String> },
    /// Gives the agent what it did not know.
    Inform {
        id: String,
        #[serde(default)]
        text: String,
        #[serde(default)]
        facts: Map<String, Value>,
    },
    /// Does none of it; `then` is `skip` without a word.
    Reject { id: String, reason: String, then: Option<Then> },
    /// Does it by hand.
    TakeOver {
        id: String,
        #[serde(default)]
        note: String,
    },
    /// Takes a held decision back.
    Undo { id: String },
    /// Lets a lapsed lease be handed out again.
    Regrant { id: String },
    /// Waits until somebody waits for the answer.
    Listening { id: String },
    /// Everything that the window would show of a handoff.
    Case { id: String },
    /// A list of the queue.
    List { list: List },
    /// The agents, their tools and levels.
    Agents,
    /// The thread of a task.
    Task { agent: String, task: String },
    /// Sets a level.
    Level { agent: String, task: Option<String>, level: Level, minutes: Option<u32> },
    /// Accepts the tools of an agent: as `effects` says, else as it claims.
    AcceptTools {
        agent: String,
        #[serde(default)]
        effects: HashMap<String, Effect>,
    },
    /// Pauses, or lets go on.
    Pause { agent: Option<String>, task: Option<String>, paused: bool },
    /// Takes a task over, unasked.
    TakeTask { agent: String, task: String },
    /// Gives a task back.
    GiveBack { agent: String, task: String, text: Option<String> },
    /// Says something to an agent, unasked.
    Tell { agent: String, task: String, text: String },
    /// Changes how long decisions are held.
    Hold { seconds: u32 },
    /// Adds a server, with a header that is a secret.
    AddServer { name: String, url: String, secret: Option<(String, String)> },
    /// The servers.
    Servers,
    /// Asks a server now.
    Look { name: String },
    /// Removes a server.
    RemoveServer { name: String },
}

fn main() -> anyhow::Result<()> {
    let root = std::env::args_os().nth(1).context("the home is missing: desk HOME")?;
    let home = Home::new(root);
    let runtime = machine::threads()?;
    let (sender, lines) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        // The other end is whoever started this: with it, the desk ends.
        for line in std::io::stdin().lock().lines() {
            if line.is_ok_and(|line| sender.send(line).is_ok()) {
                continue;
            }
            break;
        }
    });
    runtime.block_on(serve(home, lines))
}

async fn serve(home: Home, mut lines: mpsc::UnboundedReceiver<String>) -> anyhow::Result<()> {
    home.create()?;
    let clock = MachineClock::ahead_by(0);
    let opened = Store::take_up(&Files::of(home.database()), clock.now())?;
    let engine = Engine::start(
        opened,
        Arc::new(clock),
        Arc::new(RecordingNotifier::default()),
        Arc::new(RecordingRunner::default()),
    )
    .await
    .map_err(said)?;
    engine.keep_files_with(Keeper::of(home.root())).await;
    engine.take_up_rollbacks().await;
    // A decision is released at once, unless the script says otherwise.
    hold(&engine, 0).await.map_err(said)?;
    let mut changes = engine.follow();
    let server = Server::bind(home.socket())?;
    engine.take_up(Spool::of(home.root())).await;
    engine.announce_the_unannounced();
    tokio::spawn(server.run(Arc::new(engine.clone()) as Arc<dyn Host>));
    let timed = engine.clone();
    tokio::spawn(async move { timed.run().await });
    let secrets = Secrets::new(None, home.root().join("secrets"));
    let handle = tokio::runtime::Handle::current();
    let servers = Servers::start(engine.clone(), handle, secrets, PACE).map_err(said)?;
    tell(&json!({
        "event": "ready", "home": home.root(), "socket": home.socket(), "pid": std::process::id(),
    }))?;
    let mut told = Told::default();
    told.look(&engine).await?;
    loop {
        tokio::select! {
            change = changes.recv() => {
                change.context("the desk has ended")?;
                told.look(&engine).await?;
            }
            line = lines.recv() => match line {
                Some(line) if line.trim().is_empty() => {}
                Some(line) => carry_out(&engine, &servers, &line).await?,
                None => return Ok(()),
            },
        }
    }
}

/// What the script was told so far.
#[derive(Default)]
struct Told {
    states: HashMap<String, (u32, Value)>,
}

impl Told {
    async fn look(&mut self, engine: &Engine) -> anyhow::Result<()> {
        for list in [List::Inbox, List::Review, List::Waiting, List::Done] {
            let query = QueueQuery { list, search: String::new(), limit: 1000 };
            for item in engine.queue(query).await.map_err(said)?.items {
                let case = engine.open_case(&item.id).map_err(said)?;
                let standing = (case.revision, json!([case.state, case.flags]));
                let before = self.states.insert(item.id, standing.clone());
                if before.as_ref() == Some(&standing) {
                    continue;
                }
                let is_new = before.is_none_or(|(revision, _)| revision != case.revision);
                if is_new && case.allowed.reject {
                    tell(&handoff(engine, &case)?)?;
                }
                tell(&json!({
                    "event": "state", "id": case.id, "revision": case.revision,
                    "state": case.state, "flags": case.flags, "decision": case.decision,
                    "report": case.report, "closed_because": case.closed_because,
                }))?;
            }
        }
        Ok(())
    }
}

/// What a script needs to know of a handoff in order to answer it.
fn handoff(engine: &Engine, case: &CaseView) -> anyhow::Result<Value> {
    let mut options = Vec::new();
    for option in &case.options {
        let action = option.action.as_ref();
        let args = action.map(|action| {
            let whole = engine.unfold(&case.id, case.revision, &action.args.pointer)?;
            Ok(serde_json::from_str::<Value>(&whole).unwrap_or(Value::String(whole)))
        });
        options.push(json!({
            "id": option.id, "label": option.label, "effect": option.effect, "risk": option.risk,
            "recommended": option.recommended, "tool": action.map(|action| &action.tool),
            "args": args.transpose().map_err(said)?,
            "undo": action.map(|action| &action.undo),
            "files": action.map(|action| &action.files),
        }));
    }
    Ok(json!({
        "event": "handoff", "id": case.id, "revision": case.revision, "agent": case.agent.name,
        "task": case.task, "reason": case.reason, "question": case.question,
        "summary": case.summary, "options": options, "allowed": case.allowed,
        "asked": case.asked.as_ref().map(|asked| &asked.tool), "level": case.level,
        "history": case.actions_total,
    }))
}

async fn carry_out(engine: &Engine, servers: &Servers, text: &str) -> anyhow::Result<()> {
    let line: Line = match serde_json::from_str(text) {
        Ok(line) => line,
        Err(error) => {
            return tell(&json!({
                "event": "failed", "do": null, "message": error.to_string(), "hint": text,
            }));
        }
    };
    let named = serde_json::to_value(&line.order)?["do"].clone();
    if let Order::Listening { id } = line.order {
        // It may take a while, in which other commands come.
        let engine = engine.clone();
        tokio::spawn(async move {
            let outcome = listening(&engine, &id).await.map(|()| Value::Null);
            tell(&outcome_of(named, line.tag, outcome)).ok();
        });
        return Ok(());
    }
    let outcome = obey(engine, servers, line.order).await;
    tell(&outcome_of(named, line.tag, outcome))
}

fn outcome_of(named: Value, tag: Option<Value>, outcome: Result<Value, Failure>) -> Value {
    let mut event = match outcome {
        Ok(result) => json!({ "event": "done", "do": named, "result": result }),
        Err(Failure(data)) => json!({
            "event": "failed", "do": named, "message": data.message, "hint": data.hint,
        }),
    };
    if let Some(tag) = tag {
        event["tag"] = tag;
    }
    event
}

async fn obey(engine: &Engine, servers: &Servers, order: Order) -> Result<Value, Failure> {
    match order {
        Order::Approve { id, option, why } => {
            answer(engine, &id, why, |case| {
                Some(Answer::Approve { option: chosen(case, option.clone())? })
            })
            .await
        }
        Order::Modify { id, option, args, why } => {
            answer(engine, &id, why, |case| {
                let option = chosen(case, option.clone())?;
                Some(Answer::Modify { option, args: args.clone() })
            })
            .await
        }
        Order::Inform { id, text, facts } => {
            let informs = Answer::Inform { text, facts, constraints: Vec::new() };
            answer(engine, &id, None, |_| Some(informs.clone())).await
        }
        Order::Reject { id, reason, then } => {
            let rejects = Answer::Reject { reason, then: then.unwrap_or(Then::Skip) };
            answer(engine, &id, None, |_| Some(rejects.clone())).await
        }
        Order::TakeOver { id, note } => {
            let takes = Answer::TakeOver { note };
            answer(engine, &id, None, |_| Some(takes.clone())).await
        }
        Order::Undo { id } => engine.undo(&id).await.map(|receipt| json!(receipt)),
        Order::Regrant { id } => engine.regrant(&id).await.map(|receipt| json!(receipt)),
        Order::Listening { id } => listening(engine, &id).await.map(|()| Value::Null),
        Order::Case { id } => engine.open_case(&id).map(|case| json!(case)),
        Order::List { list } => {
            let query = QueueQuery { list, search: String::new(), limit: 1000 };
            engine.queue(query).await.map(|queue| json!(queue))
        }
        Order::Agents => engine.agents().map(|agents| json!(agents)),
        Order::Task { agent, task } => engine.task(&OfTask { agent, task }).map(|task| json!(task)),
        Order::Level { agent, task, level, minutes } => {
            let set = SetLevel { agent, task, level: Some(level), minutes };
            engine.set_level(set).await.map(|()| Value::Null)
        }
        Order::AcceptTools { agent, effects } => accept(engine, agent, &effects).await,
        Order::Pause { agent, task, paused } => {
            engine.pause(Pause { agent, task, paused }).await.map(|()| Value::Null)
        }
        Order::TakeTask { agent, task } => {
            let take = TakeOver { agent, task, message: None };
            engine.take_over(take).await.map(|()| Value::Null)
        }
        Order::GiveBack { agent, task, text } => {
            let back = GiveBack { agent, task, done: Vec::new(), facts: Map::new(), text };
            engine.give_back(back).await.map(|()| Value::Null)
        }
        Order::Tell { agent, task, text } => {
            engine.tell_agent(TellAgent { agent, task, text }).await.map(|()| Value::Null)
        }
        Order::Hold { seconds } => hold(engine, seconds).await.map(|()| Value::Null),
        Order::AddServer { name, url, secret } => {
            let secret = secret.map(|(name, value)| Header { name, value });
            let new = NewServer { name, url, headers: Vec::new(), secret };
            servers.add(new).await.map(|()| Value::Null)
        }
        Order::Servers => servers.list().map(|servers| json!(servers)),
        Order::Look { name } => {
            servers.look(&name);
            Ok(Value::Null)
        }
        Order::RemoveServer { name } => servers.remove(&name).await.map(|()| Value::Null),
    }
}

/// Answers what the window would show now.
async fn answer(
    engine: &Engine,
    id: &str,
    why: Option<String>,
    answer: impl Fn(&CaseView) -> Option<Answer>,
) -> Result<Value, Failure> {
    let case = engine.open_case(id)?;
    let answer = answer(&case).ok_or_else(|| wrong("There is no such option on the card."))?;
    let overriding = why.map(|why| Override { why });
    let request = DecideRequest { overriding, ..answering(&case, answer) };
    engine.decide(request).await.map(|receipt| json!(receipt))
}

fn chosen(case: &CaseView, named: Option<String>) -> Option<String> {
    let recommended = case.options.iter().find(|option| option.recommended);
    let first = recommended.or(case.options.first()).map(|option| option.id.clone());
    match named {
        Some(named) => case.options.iter().any(|option| option.id == named).then_some(named),
        None => first,
    }
}

async fn listening(engine: &Engine, id: &str) -> Result<(), Failure> {
    let until = Instant::now() + PATIENCE;
    while engine.open_case(id)?.liveness != Liveness::Listening {
        if Instant::now() >= until {
            return Err(wrong("Nobody waits for this answer."));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

async fn accept(
    engine: &Engine,
    agent: String,
    effects: &HashMap<String, Effect>,
) -> Result<Value, Failure> {
    let known = engine.agents()?.agents.into_iter().find(|card| card.name == agent);
    let known = known.ok_or_else(|| wrong("There is no such agent."))?;
    let accepted = |tool: handoff_protocol::view::ToolView| AcceptTool {
        effect: effects.get(&tool.name).copied().or(tool.claimed),
        name: tool.name,
        hash: tool.hash,
    };
    let tools: Vec<AcceptTool> = known.tools.into_iter().map(accepted).collect();
    let names: Vec<String> = tools.iter().map(|tool| tool.name.clone()).collect();
    engine.accept_tools(AcceptTools { agent, tools }).await?;
    Ok(json!(names))
}

async fn hold(engine: &Engine, seconds: u32) -> Result<(), Failure> {
    let settings = Settings { hold_s: seconds, ..engine.settings() };
    engine.save_settings(settings).await.map(drop)
}

fn wrong(message: &str) -> Failure {
    let code = handoff_protocol::wire::ErrorCode::InvalidParams;
    Failure::new(code, message, "Look at the events of the desk.")
}

fn said(failure: Failure) -> anyhow::Error {
    anyhow!("{}", failure.0.message)
}

fn tell(event: &Value) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{event}")?;
    Ok(out.flush()?)
}
