//! The servers that the reviewer has added, each with the thread that speaks
//! with it: adding, trying, asking now, removing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use handoff_domain::lifecycle::State;
use handoff_domain::outbox::Delivery;
use handoff_engine::{Engine, Failure, ServerRow};
use handoff_protocol::view::{
    Contact, Header, KeptIn, NewServer, SecretView, ServerTried, ServerView,
};
use handoff_protocol::wire::ErrorCode;
use tokio::runtime::Handle;

use crate::address::{self, Address};
use crate::connector::{Connector, Pace, Told};
use crate::http::Http;
use crate::langgraph::server::Server;
use crate::secrets::Secrets;
use crate::wake::Wake;

/// All servers of the reviewer.
#[derive(Clone)]
pub struct Servers {
    shared: Arc<Shared>,
}

struct Shared {
    engine: Engine,
    runtime: Handle,
    secrets: Secrets,
    pace: Pace,
    running: Mutex<BTreeMap<String, Running>>,
}

struct Running {
    wake: Arc<Wake>,
    told: Arc<Told>,
    thread: Option<JoinHandle<()>>,
}

impl Servers {
    /// Speaks with all that were added before.
    pub fn start(
        engine: Engine,
        runtime: Handle,
        secrets: Secrets,
        pace: Pace,
    ) -> Result<Self, Failure> {
        let running = Mutex::default();
        let servers = Self { shared: Arc::new(Shared { engine, runtime, secrets, pace, running }) };
        for row in servers.shared.engine.servers()? {
            servers.begin(&row);
        }
        Ok(servers)
    }

    /// All of them, with how each is.
    pub fn list(&self) -> Result<Vec<ServerView>, Failure> {
        let rows = self.shared.engine.servers()?;
        rows.into_iter().map(|row| self.view(row)).collect()
    }

    /// Asks a server once, and adds nothing.
    pub fn test(&self, new: &NewServer) -> Result<ServerTried, Failure> {
        let (row, secret) = checked(new)?;
        let server = speaking_to(&row, secret.as_deref())?;
        let asked = || {
            let version = server.version()?;
            let mut waiting = 0;
            for status in ["interrupted", "error"] {
                let page = server.threads(status, 0)?;
                waiting += page.threads.len();
            }
            Ok((version, waiting))
        };
        let (version, waiting) = asked().map_err(|silent: crate::langgraph::server::Silent| {
            Failure::new(ErrorCode::Refused, silent.why, "Nothing was added.")
        })?;
        let clear = Address::read(&row.url).is_ok_and(|address| address.in_the_clear());
        Ok(ServerTried {
            version,
            waiting: u32::try_from(waiting).unwrap_or(u32::MAX),
            caution: clear.then(|| {
                "What is sent there is not encrypted: anyone on the way can read your answers, \
                 and change them."
                    .to_owned()
            }),
        })
    }

    /// Adds a server and begins to ask it.
    pub async fn add(&self, new: NewServer) -> Result<(), Failure> {
        let (mut row, secret) = checked(&new)?;
        let shared = &self.shared;
        if shared.engine.servers()?.iter().any(|known| known.name == row.name) {
            return Err(Failure::new(
                ErrorCode::Conflict,
                format!("There is a server {:?} already.", row.name),
                "Choose another name, or remove that one first.",
            ));
        }
        // A name that cannot be one must not become a file's.
        Engine::must_name_server(&row.name)?;
        if let Some(secret) = &secret {
            let (keeper, name, value) = (shared.secrets.clone(), row.name.clone(), secret.clone());
            let kept = aside(&shared.runtime, move || keeper.keep(&name, &value)).await?;
            row.secret_in = Some(word(kept).to_owned());
        }
        let added = shared.engine.add_server(row.clone()).await;
        if added.is_err()
            && let Some(kept_in) = kept_in(&row)
        {
            let (keeper, name) = (shared.secrets.clone(), row.name.clone());
            aside(&shared.runtime, move || keeper.forget(&name, kept_in)).await?;
        }
        added?;
        self.begin(&row);
        Ok(())
    }

    /// Asks a server now, in the place of later.
    pub fn look(&self, name: &str) {
        if let Some(running) = self.running().get(name) {
            running.wake.look();
        }
    }

    /// Removes a server: it is not asked any more, what it asked and is not
    /// decided is taken back, and its secret is forgotten.
    pub async fn remove(&self, name: &str) -> Result<(), Failure> {
        let shared = Arc::clone(&self.shared);
        let row = shared.engine.servers()?.into_iter().find(|row| row.name == name);
        let Some(row) = row else {
            return Err(Failure::new(
                ErrorCode::NotFound,
                format!("There is no server {name:?}."),
                "Look at the list again.",
            ));
        };
        let ended = self.running().remove(name);
        if let Some(mut running) = ended {
            running.wake.stop();
            if let Some(thread) = running.thread.take() {
                // It may be in the middle of a request.
                let joined = aside(&shared.runtime, move || {
                    thread.join().map_err(|_| "The thread of the server panicked.".to_owned())
                });
                joined.await?;
            }
        }
        let released = async {
            shared.engine.release_asks(name).await?;
            shared.engine.forget_server(name).await
        };
        if let Err(failure) = released.await {
            self.begin(&row);
            return Err(failure);
        }
        if let Some(kept_in) = kept_in(&row) {
            let (keeper, name) = (shared.secrets.clone(), row.name.clone());
            let forget = move || keeper.forget(&name, kept_in);
            aside(&shared.runtime, forget).await.map_err(|failure| {
                let name = &row.name;
                Failure::new(
                    ErrorCode::Internal,
                    format!(
                        "The server {name:?} is removed, and its secret is not forgotten: {}",
                        failure.0.message
                    ),
                    "Unlock the key store and delete it there, or add the server again and remove \
                     it then.",
                )
            })?;
        }
        Ok(())
    }

    fn begin(&self, row: &ServerRow) {
        let (wake, told) = (Arc::<Wake>::default(), Arc::<Told>::default());
        let shared = Arc::clone(&self.shared);
        let (of_thread, row) = ((Arc::clone(&wake), Arc::clone(&told)), row.clone());
        let name = row.name.clone();
        let work = move || serve(&shared, &row, of_thread);
        let thread = std::thread::Builder::new().name(format!("server-{name}")).spawn(work);
        let thread = thread
            .inspect_err(|error| tracing::error!(name, %error, "a server has no thread"))
            .ok();
        self.running().insert(name, Running { wake, told, thread });
    }

    fn view(&self, row: ServerRow) -> Result<ServerView, Failure> {
        let told = self.running().get(&row.name).map(|running| running.told.now());
        let (contact, problems) = told.unwrap_or((Contact::Unknown, Vec::new()));
        let (mut waiting, mut outbox) = (0, 0);
        for ask in self.shared.engine.open_asks(&row.name)? {
            let out = |state: &Option<State>| {
                matches!(state, Some(State::Released | State::Collected | State::Reconciled))
            };
            if ask.handoffs.iter().all(|(_, state)| out(state)) {
                outbox += 1;
            } else if ask.standing == Delivery::Asked {
                waiting += 1;
            }
        }
        let kept = kept_in(&row);
        Ok(ServerView {
            agent: Engine::agent_of_server(&row.name),
            in_the_clear: Address::read(&row.url).is_ok_and(|address| address.in_the_clear()),
            name: row.name,
            url: row.url,
            headers: row.headers.into_iter().map(|(name, value)| Header { name, value }).collect(),
            secret: row.secret.zip(kept).map(|(header, kept_in)| SecretView { header, kept_in }),
            contact,
            waiting,
            outbox,
            problems,
        })
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<String, Running>> {
        self.shared.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread of one server. A key store that is locked now may be open later.
fn serve(shared: &Arc<Shared>, row: &ServerRow, (wake, told): (Arc<Wake>, Arc<Told>)) {
    while !wake.is_stopped() {
        let secret = match kept_in(row) {
            None => Ok(None),
            Some(kept_in) => shared.secrets.find(&row.name, kept_in).map(Some),
        };
        let server = secret.and_then(|secret| {
            speaking_to(row, secret.as_deref()).map_err(|failure| failure.0.message)
        });
        match server {
            Ok(server) => {
                let (engine, runtime) = (shared.engine.clone(), shared.runtime.clone());
                let both = (wake, told);
                return Connector::new(
                    row.name.clone(),
                    engine,
                    runtime,
                    server,
                    shared.pace,
                    both,
                )
                .run();
            }
            Err(why) => {
                told.is_away(&shared.engine, why);
                wake.wait(shared.pace.away.1);
            }
        }
    }
}

fn speaking_to(row: &ServerRow, secret: Option<&str>) -> Result<Server, Failure> {
    let address = Address::read(&row.url).map_err(unfit)?;
    let mut headers = row.headers.clone();
    if let Some((name, secret)) = row.secret.clone().zip(secret) {
        headers.push((name, secret.to_owned()));
    }
    Ok(Server::new(Http::new(address, headers)))
}

/// What is kept of a new server, and its secret apart.
fn checked(new: &NewServer) -> Result<(ServerRow, Option<String>), Failure> {
    if let Some(fault) = address::fault(new) {
        return Err(unfit(fault));
    }
    let base = Address::read(&new.url).map_err(unfit)?.base().to_owned();
    let trimmed = |header: &Header| (header.name.trim().to_owned(), header.value.clone());
    let (secret, value) = new.secret.as_ref().map(trimmed).unzip();
    let row = ServerRow {
        name: new.name.trim().to_owned(),
        url: base,
        headers: new.headers.iter().map(trimmed).collect(),
        secret,
        secret_in: None,
    };
    Ok((row, value))
}

fn unfit(fault: String) -> Failure {
    Failure::new(ErrorCode::InvalidParams, fault, "Nothing was added; mend it and try again.")
}

fn word(kept_in: KeptIn) -> &'static str {
    match kept_in {
        KeptIn::KeyStore => "key_store",
        KeptIn::File => "file",
    }
}

fn kept_in(row: &ServerRow) -> Option<KeptIn> {
    row.secret.as_ref()?;
    match row.secret_in.as_deref() {
        Some("key_store") => Some(KeptIn::KeyStore),
        Some(_) | None => Some(KeptIn::File),
    }
}

/// Does what may take a while beside the threads that answer everyone else.
async fn aside<T: Send + 'static>(
    runtime: &Handle,
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, Failure> {
    let failed = |why: String| Failure::new(ErrorCode::Internal, why, "Try again.");
    match runtime.spawn_blocking(work).await {
        Ok(outcome) => outcome.map_err(failed),
        Err(error) => Err(failed(format!("It failed: {error}."))),
    }
}
