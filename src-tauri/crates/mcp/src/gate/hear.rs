//! What the client says: passed on as it is, but for tool calls.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::asker::Asked;
use super::call::{Call, Sent};
use super::{Shared, lock};
use crate::line::{self, Line};
use crate::message::{self, Message, Meta, Odd, code, may_call};

impl Shared {
    /// Listens to the client until it closes its end, and then closes the
    /// server's behind what is still to be asked for.
    pub(super) fn hear_client(&self, from: &mut BufReader<impl Read>) {
        // An end that breaks is an end.
        self.pass_on(from).ok();
        self.over.store(true, Ordering::Release);
        self.asker.send(Asked::End).ok();
    }

    fn pass_on(&self, from: &mut impl BufRead) -> io::Result<()> {
        loop {
            match line::next(from, line::LONGEST)? {
                Line::End => return Ok(()),
                Line::Begun(_) => {
                    line::rest(from, |_| Ok(()))?;
                    self.refuse(None, code::INVALID, "The line is too long to be looked into.")?;
                }
                Line::Whole(line) => self.hear(&line)?,
            }
        }
    }

    fn hear(&self, line: &[u8]) -> io::Result<()> {
        match Message::read(line) {
            Ok(Message::Request { id, method, params }) => {
                if self.client.get().is_none() {
                    self.introduced(&method, params);
                }
                match method.as_ref() {
                    "tools/call" => return self.called(id, line, params),
                    "tools/list" => {
                        let first = !has_cursor(params);
                        lock(&self.sent).insert(message::id_key(id), Sent::List { first });
                    }
                    _ => {}
                }
                self.to_server.line(line)
            }
            Ok(Message::Notification { method, .. }) if method == "tools/call" => {
                // Nobody waits for an answer in which it could be refused.
                Ok(())
            }
            Ok(Message::Notification { method, params })
                if method == "notifications/cancelled" && self.cancelled(params) =>
            {
                Ok(())
            }
            Err(Odd) if may_call(line) => self.refuse(
                None,
                code::INVALID,
                "This line cannot be read as one message, and it may hold a tool call. Send each \
                 call as one JSON object on a line of its own.",
            ),
            Ok(Message::Notification { .. } | Message::Answer { .. }) | Err(Odd) => {
                self.to_server.line(line)
            }
        }
    }

    /// Takes a tool call to the gate.
    fn called(&self, id: &RawValue, line: &[u8], params: Option<&RawValue>) -> io::Result<()> {
        match Call::read(id, line, params) {
            Ok(call) => {
                let call = Arc::new(call);
                lock(&self.asking).insert(message::id_key(id), Arc::clone(&call));
                self.asker.send(Asked::Call(call)).map_err(io::Error::other)
            }
            Err(why) => self.refuse(Some(id), code::PARAMS, &why),
        }
    }

    /// Whether the cancelled request is one that the server does not know of.
    fn cancelled(&self, params: Option<&RawValue>) -> bool {
        let call = message::cancelled(params).and_then(|id| lock(&self.asking).remove(&id));
        match call {
            None => false,
            Some(call) => {
                call.dropped.store(true, Ordering::Release);
                self.asker.send(Asked::Dropped(call)).ok();
                true
            }
        }
    }

    fn introduced(&self, method: &str, params: Option<&RawValue>) {
        #[derive(Deserialize)]
        struct Hello {
            #[serde(rename = "clientInfo")]
            client: message::Client,
        }
        let hello = (method == "initialize")
            .then(|| serde_json::from_str::<Hello>(params?.get()).ok())
            .flatten()
            .map(|hello| hello.client);
        if let Some(client) = hello.or_else(|| Meta::of(params).client) {
            self.client.get_or_init(|| client.name);
        }
    }

    fn refuse(&self, id: Option<&RawValue>, code: i32, words: &str) -> io::Result<()> {
        self.to_client.line(&message::error(id, code, words, None))
    }
}

fn has_cursor(params: Option<&RawValue>) -> bool {
    #[derive(Deserialize)]
    struct Page {
        #[serde(default)]
        cursor: Option<String>,
    }
    params
        .and_then(|params| serde_json::from_str::<Page>(params.get()).ok())
        .is_some_and(|page| page.cursor.is_some())
}
