//! A LangGraph Server on which a thousand threads wait: how long until all of
//! them are cards, and until an answer leaves for it.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use handoff_connectors::{Pace, Secrets, Servers};
use handoff_domain::decision::Answer;
use handoff_protocol::view::{List, NewServer, QueueQuery, Settings};
use handoff_testkit::reviewer::answering;
use serde_json::{Map, Value, json};

use crate::Setup;
use crate::case;
use crate::desk::{Agent, Desk};
use crate::release::said;
use crate::row::{Goal, Head, Measured};
use crate::spread::{Better, Spread};
use crate::time::millis;

/// From the first look to the last card.
pub const CARDS: Head = Head {
    name: "LangGraph Server, 1,000 waiting threads to cards",
    unit: "ms",
    goal: Goal::RatioAtMost(3.0),
};
/// From the release of a decision to its arrival at the server.
pub const ANSWER: Head = Head {
    name: "LangGraph Server, released to sent, 1,000 threads wait",
    unit: "ms",
    goal: Goal::TailAtMost(100.0),
};

const THREADS: u32 = 1000;
const ANSWERS: u32 = 40;
const LIMIT: Duration = Duration::from_mins(2);

/// Measures both.
pub fn measure(setup: &Setup) -> anyhow::Result<Vec<Measured>> {
    let one_by_one = one_by_one(setup)?;
    let desk = Desk::open(&setup.scratch)?;
    let (server, answered) = Standing::start()?;
    let folder = tempfile::tempdir_in(&setup.scratch)?;
    let settings = Settings { hold_s: 0, ..desk.engine().settings() };
    desk.run(desk.engine().save_settings(settings)).map_err(said)?;
    let servers = Servers::start(
        desk.engine().clone(),
        desk.run(async { tokio::runtime::Handle::current() }),
        Secrets::new(None, folder.path().to_owned()),
        Pace { poll: Duration::from_secs(1), ..Pace::default() },
    )
    .map_err(said)?;
    let new = NewServer {
        name: "bench".to_owned(),
        url: server.url.clone(),
        headers: Vec::new(),
        secret: None,
    };
    let start = Instant::now();
    desk.run(servers.add(new)).map_err(said)?;
    let query = |limit| QueueQuery { list: List::Inbox, search: String::new(), limit };
    let all = handoff_stage::ask_until(LIMIT, || {
        let counts = desk.run(desk.engine().queue(query(1))).map_err(said)?.counts;
        Ok((counts.inbox >= THREADS).then_some(()))
    })?;
    ensure!(all.is_some(), "they did not all become cards");
    let cards = millis(start.elapsed());
    let items = desk.run(desk.engine().queue(query(ANSWERS))).map_err(said)?.items;
    let mut took = Vec::new();
    for item in items {
        let case = desk.engine().open_case(&item.id).map_err(said)?;
        let text = "Go on.".to_owned();
        let answer = Answer::Inform { text, facts: Map::new(), constraints: Vec::new() };
        let request = answering(&case, answer);
        let start = Instant::now();
        desk.run(desk.engine().decide(request)).map_err(said)?;
        let arrived = answered.recv_timeout(LIMIT).context("nothing was sent")?;
        took.push(millis(arrived.saturating_duration_since(start)));
    }
    desk.run(servers.remove("bench")).map_err(said)?;
    Ok(vec![
        Measured {
            value: Spread::of(vec![cards], Better::Less).context("there is a sample")?,
            floor: Some(Spread::of(vec![one_by_one], Better::Less).context("there is a sample")?),
            note: "the floor hands over as many questions by itself, one after the other; the \
                   cards come in ten pages over HTTP, each is stored with what its answer needs"
                .to_owned(),
        },
        Measured {
            value: Spread::of(took, Better::Less).context("there are samples")?,
            floor: None,
            note: "no hold; the thread is looked at, and the sending noted on the disk, before \
                   anything is sent"
                .to_owned(),
        },
    ])
}

/// As many handoffs as there are threads, by an agent of the socket.
fn one_by_one(setup: &Setup) -> anyhow::Result<f64> {
    let desk = Desk::open(&setup.scratch)?;
    let mut agent = Agent::connect(desk.home(), "bench")?;
    let handoffs = (0..THREADS)
        .map(|number| case::refund(&format!("server-{number}")))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let start = Instant::now();
    for handoff in &handoffs {
        agent.submit(handoff)?;
    }
    Ok(millis(start.elapsed()))
}

/// A server that says as much as the desk asks; its threads wait until they are
/// answered.
struct Standing {
    url: String,
}

impl Standing {
    /// Tells when each answer arrived.
    fn start() -> anyhow::Result<(Self, Receiver<Instant>)> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}", listener.local_addr()?);
        let (tell, told) = channel();
        let over = Arc::new(Mutex::new(HashSet::new()));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (tell, over) = (tell.clone(), Arc::clone(&over));
                std::thread::spawn(move || drop(serve(stream, &tell, &over)));
            }
        });
        Ok((Self { url }, told))
    }
}

type Over = Mutex<HashSet<String>>;

/// Answers the requests of one connection.
fn serve(mut stream: TcpStream, tell: &Sender<Instant>, over: &Over) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let mut from = BufReader::new(stream.try_clone()?);
    loop {
        let (mut first, mut length) = (String::new(), 0);
        if from.read_line(&mut first)? == 0 {
            return Ok(());
        }
        loop {
            let mut line = String::new();
            from.read_line(&mut line)?;
            let line = line.trim().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
        }
        let mut body = vec![0; length];
        from.read_exact(&mut body)?;
        let path = first.split_whitespace().nth(1).context("a request has a path")?;
        let answer = answer(path, &body, tell, over)?.to_string();
        let length = answer.len();
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length:";
        stream.write_all(format!("{head} {length}\r\n\r\n{answer}").as_bytes())?;
    }
}

fn answer(path: &str, body: &[u8], tell: &Sender<Instant>, over: &Over) -> anyhow::Result<Value> {
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    let mut over = over.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(match parts.as_slice() {
        ["info"] => json!({ "version": "0" }),
        ["threads", "search"] => {
            let asked: Value = serde_json::from_slice(body)?;
            if asked["status"] != "interrupted" {
                return Ok(json!([]));
            }
            let from = usize::try_from(asked["offset"].as_u64().unwrap_or_default())?;
            let waiting = (0..THREADS).map(id).filter(|id| !over.contains(id));
            Value::Array(waiting.skip(from).take(100).map(|id| thread(&id, false)).collect())
        }
        ["threads", id] => thread(id, over.contains(*id)),
        ["threads", id, "state"] if over.contains(*id) => json!({ "next": [], "tasks": [] }),
        ["threads", id, "state"] => json!({ "next": ["n"], "interrupts": [interrupt(id)] }),
        ["threads", id, "commands"] => {
            tell.send(Instant::now())?;
            over.insert((*id).to_owned());
            json!({ "type": "success", "id": 1 })
        }
        _ => Value::Null,
    })
}

fn id(number: u32) -> String {
    format!("00000000-0000-0000-0000-{number:012}")
}

fn thread(id: &str, over: bool) -> Value {
    let status = if over { "idle" } else { "interrupted" };
    json!({
        "thread_id": id, "status": status, "metadata": { "graph_id": "bench", "assistant_id": "a" },
        "state_updated_at": if over { "2" } else { "1" },
        "interrupts": if over { json!({}) } else { json!({ "n": [interrupt(id)] }) },
    })
}

fn interrupt(id: &str) -> Value {
    let more = "The customer wrote twice and asks for an answer today. ".repeat(20);
    json!({ "id": id.replace('-', ""), "value": { "question": "May it go on?", "more": more } })
}
