//! Requests to one server, and to no other: no proxy of the environment is used
//! and no redirect followed.
//!
//! It knows nothing of what is asked. What was sent along is never part of an
//! error or a log.

use std::io::ErrorKind;
use std::time::Duration;

use serde_json::Value;
use ureq::http::{Method, Request, Response};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body, Timeout};

use crate::address::Address;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);

/// How long a whole request may take.
const WHOLE: Duration = Duration::from_secs(30);

/// How long a connection is kept for the next request: shorter than servers keep
/// theirs, so that none is used that the other end has closed.
const IDLE: Duration = Duration::from_secs(2);

/// The most bytes of an answer.
const MOST: u64 = 64 * 1024 * 1024;

/// The most characters of what a server says that are shown.
const SAID: usize = 300;

/// A server, as requests are made to it.
#[derive(Debug, Clone)]
pub struct Http {
    agent: Agent,
    address: Address,
    headers: Vec<(String, String)>,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body, if it is JSON.
    pub body: Value,
    /// Where the next page of a list begins.
    pub next: Option<u32>,
}

impl Answer {
    /// What the server says is wrong, in its words.
    pub fn said(&self) -> String {
        let named = ["message", "detail", "error"].into_iter();
        let found = named.filter_map(|name| self.body.get(name)).find(|found| !found.is_null());
        let text = match found {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => format!("HTTP {}", self.status),
        };
        text.chars().take(SAID).collect()
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoAnswer {
    /// In whole sentences, with what to do.
    pub why: String,
    /// Nothing was sent for certain.
    pub unsent: bool,
}

impl Http {
    /// Prepares requests; makes none.
    pub fn new(address: Address, headers: Vec<(String, String)>) -> Self {
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
        let config = Agent::config_builder()
            .proxy(None)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT))
            .timeout_global(Some(WHOLE))
            .max_idle_age(IDLE)
            .user_agent(concat!("handoff-desk/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls)
            .build();
        Self { agent: Agent::new_with_config(config), address, headers }
    }

    /// Asks for something.
    pub fn get(&self, path: &str) -> Result<Answer, NoAnswer> {
        self.call(Method::GET, path, None)
    }

    /// Sends something.
    pub fn post(&self, path: &str, body: &Value) -> Result<Answer, NoAnswer> {
        self.call(Method::POST, path, Some(body))
    }

    fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, NoAnswer> {
        let mut request = Request::builder()
            .method(method)
            .uri(self.address.of(path))
            .header("accept", "application/json");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let outcome = match body {
            None => request.body(()).map(|request| self.agent.run(request)),
            Some(body) => request
                .header("content-type", "application/json")
                .body(body.to_string())
                .map(|request| self.agent.run(request)),
        };
        let unreadable = |_| NoAnswer {
            why: "The address or a header cannot be sent.".to_owned(),
            unsent: true,
        };
        let response = outcome.map_err(unreadable)?.map_err(|error| self.no_answer(&error))?;
        self.read(response)
    }

    fn read(&self, response: Response<Body>) -> Result<Answer, NoAnswer> {
        let status = response.status();
        let header = |name: &str| response.headers().get(name)?.to_str().ok().map(str::to_owned);
        let next = header("x-pagination-next").and_then(|next| next.parse().ok());
        if status.is_redirection() {
            let to = header("location").unwrap_or_default();
            return Err(NoAnswer {
                why: format!(
                    "{} sends on to {:?}, which is not followed. If you trust that address, add \
                     it in the place of this one.",
                    self.address.host(),
                    to.chars().take(SAID).collect::<String>()
                ),
                unsent: false,
            });
        }
        let text = response.into_body().into_with_config().limit(MOST).read_to_vec();
        let text = text.map_err(|error| self.no_answer(&error))?;
        match serde_json::from_slice(&text) {
            Ok(body) => Ok(Answer { status: status.as_u16(), body, next }),
            // Only an error may have no JSON in it: a gateway's page, or nothing.
            Err(_) if !status.is_success() => {
                Ok(Answer { status: status.as_u16(), body: Value::Null, next })
            }
            Err(_) => Err(NoAnswer {
                why: format!(
                    "{} answers, and not in JSON. Is this the address of a LangGraph Server?",
                    self.address.host()
                ),
                unsent: false,
            }),
        }
    }

    fn no_answer(&self, error: &ureq::Error) -> NoAnswer {
        use ureq::Error as E;
        let (host, base) = (self.address.host(), self.address.base());
        let refused = matches!(error, E::Io(error) if error.kind() == ErrorKind::ConnectionRefused);
        let unreached =
            matches!(error, E::ConnectionFailed | E::Timeout(Timeout::Resolve | Timeout::Connect));
        let why = if matches!(error, E::HostNotFound) {
            format!("The host {host} was not found.")
        } else if unreached {
            format!("{host} could not be reached.")
        } else if refused {
            format!("Nothing listens at {base}.")
        } else if matches!(error, E::Timeout(_)) {
            format!("{host} did not answer in time.")
        } else if matches!(error, E::BodyExceedsLimit(_)) {
            format!("{host} answers with more than the desk reads at once.")
        } else {
            format!("The connection to {host} failed: {error}.")
        };
        let unsent = unreached || refused || matches!(error, E::HostNotFound);
        NoAnswer { why, unsent }
    }
}
