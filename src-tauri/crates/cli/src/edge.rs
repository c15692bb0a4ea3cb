//! What the command touches outside itself, in one place, so that tests can
//! put something else there.

use std::ffi::OsString;
use std::io::{self, Read, Write};

use chrono::{DateTime, Utc};
use handoff_transport::home::{Home, HomeError};
use serde::Serialize;

use crate::failure::Failure;
use crate::visible;

/// The world around the command.
pub struct Edge<'a> {
    /// What is typed or piped in.
    pub stdin: &'a mut dyn Read,
    /// Where answers go.
    pub stdout: &'a mut (dyn Write + Send),
    /// Where complaints and remarks go.
    pub stderr: &'a mut dyn Write,
    /// Reads an environment variable.
    pub variable: &'a dyn Fn(&str) -> Option<OsString>,
    /// Reads the clock.
    pub now: fn() -> DateTime<Utc>,
    /// One JSON document instead of text for people.
    pub json: bool,
    /// Whether a person types what is read.
    pub terminal: bool,
    /// How wide the terminal is that answers go to; none where they go elsewhere.
    pub columns: Option<usize>,
}

impl Edge<'_> {
    /// The desk's home.
    pub fn home(&self) -> Result<Home, HomeError> {
        Home::resolve_from(self.variable)
    }

    /// Answers: as the JSON document, or as text for people.
    pub fn answer(&mut self, document: &impl Serialize, text: &str) -> Result<(), Failure> {
        if self.json {
            let line = serde_json::to_string(document).map_err(io::Error::other)?;
            writeln!(self.stdout, "{}", visible::json(&line))?;
        } else {
            write!(self.stdout, "{text}")?;
        }
        Ok(self.stdout.flush()?)
    }

    /// Says on standard error what a person may want to know of a command that
    /// goes on; beside the one document on standard output, too.
    pub fn remark(&mut self, text: &str) {
        // Who does not read it misses nothing that counts.
        writeln!(self.stderr, "handoff: {}", visible::block(text)).ok();
    }

    /// Says something for people, unless JSON was asked for.
    pub fn say(&mut self, text: &str) -> Result<(), Failure> {
        if self.json {
            return Ok(());
        }
        write!(self.stdout, "{text}")?;
        Ok(self.stdout.flush()?)
    }
}
