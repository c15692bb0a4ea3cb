//! What the notification service of a stage was told, and acting on it as a
//! person would by clicking.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};

use crate::stage::World;

/// One notification, as the service understood it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The service's number for it.
    pub id: u32,
    /// The program it says it comes from.
    pub app: String,
    /// Its first line.
    pub summary: String,
    /// The rest of its text.
    pub body: String,
    /// `LOW`, `NORMAL` or `CRITICAL`.
    pub urgency: String,
}

/// The notifications of one stage.
#[derive(Debug)]
pub struct Notices {
    display: String,
    bus: String,
    folder: PathBuf,
    heard: PathBuf,
}

impl Notices {
    pub(crate) fn new(world: World<'_>, heard: PathBuf) -> Self {
        let (display, bus, folder) = world.parts();
        Self { display, bus, folder, heard }
    }

    /// All notifications so far, the oldest first.
    pub fn all(&self) -> anyhow::Result<Vec<Notice>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.heard)? {
            let path = entry?.path();
            let hidden = path.file_name().is_some_and(|n| n.as_encoded_bytes().starts_with(b"."));
            if !hidden {
                files.push(path);
            }
        }
        files.sort();
        files.iter().map(|path| parse(path)).collect()
    }

    /// The first notification that `fits`, waiting at most `limit` for it.
    pub fn wait(&self, limit: Duration, fits: impl Fn(&Notice) -> bool) -> anyhow::Result<Notice> {
        let found = crate::ask_until(limit, || Ok(self.all()?.into_iter().find(&fits)))?;
        found.with_context(|| {
            format!("no such notification within {limit:?}; there were: {:#?}", self.all())
        })
    }

    /// How many are on screen now.
    pub fn displayed(&self) -> anyhow::Result<u32> {
        self.dunstctl(&["count", "displayed"])?.trim().parse().context("dunstctl count")
    }

    /// Clicks the notification that was shown first among those on screen.
    pub fn act(&self) -> anyhow::Result<()> {
        self.dunstctl(&["action", "0"]).map(drop)
    }

    /// Takes all of them off the screen.
    pub fn close_all(&self) -> anyhow::Result<()> {
        self.dunstctl(&["close-all"]).map(drop)
    }

    fn dunstctl(&self, args: &[&str]) -> anyhow::Result<String> {
        let world = World::of(&self.display, &self.bus, &self.folder);
        let output = world.command("dunstctl").args(args).stdin(Stdio::null()).output()?;
        if !output.status.success() {
            bail!("dunstctl {args:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

fn parse(path: &Path) -> anyhow::Result<Notice> {
    let bytes = fs::read(path)?;
    let fields: BTreeMap<String, String> = bytes
        .split(|byte| *byte == 0)
        .filter_map(|field| {
            let text = String::from_utf8_lossy(field).into_owned();
            text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))
        })
        .collect();
    let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
    Ok(Notice {
        id: field("DUNST_ID").parse().context("a notification has a number")?,
        app: field("DUNST_APP_NAME"),
        summary: field("DUNST_SUMMARY"),
        body: field("DUNST_BODY"),
        urgency: field("DUNST_URGENCY"),
    })
}
