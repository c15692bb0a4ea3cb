//! `cargo xtask run` on a machine without a screen: the same desk on a virtual
//! one, and a picture of it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use handoff_stage::{Child, Notice, Plan, Stage, ask_until};

use crate::app;
use crate::command::Root;

/// How long the desk may take to open, and the demo agent to hand off.
const LIMIT: Duration = Duration::from_secs(90);

/// Opens the desk and the demo agent there, and keeps them until Ctrl+C, or
/// with `once` until the picture is taken.
pub fn run(root: &Root, once: bool) -> anyhow::Result<()> {
    println!("There is no screen here: the desk opens on a virtual one.");
    let folder = root.target().join("run");
    fs::create_dir_all(&folder)?;
    // Its own folders, unless others are named: a trial on a virtual screen is not
    // the person's desk.
    let own = tempfile::Builder::new().prefix("desk").tempdir()?;
    let named = std::env::var_os("HANDOFF_DESK_HOME").filter(|named| !named.is_empty());
    let home = named.map_or_else(|| own.path().to_owned(), PathBuf::from);
    let stage = Stage::open(Plan::default())?;
    let log = |name: &str| -> anyhow::Result<Stdio> {
        let path = folder.join(name);
        let file = fs::File::create(&path);
        Ok(file.with_context(|| format!("{} cannot be written", path.display()))?.into())
    };

    let mut desk = Child::start(
        "the desk",
        stage
            .command(root.built(app::DESK))
            .env("HANDOFF_DESK_HOME", &home)
            .stdin(Stdio::null())
            .stdout(log("desk.out.log")?)
            .stderr(log("desk.log")?),
    )?;
    let opened = ask_until(LIMIT, || {
        if let Some(status) = desk.wait(Duration::ZERO)? {
            bail!("the desk ended by itself ({status}); it said:\n{}", said(&folder, "desk.log"));
        }
        Ok(stage.active_window()?.filter(|title| title.contains("Handoff")))
    })?;
    if opened.is_none() {
        bail!("the desk opened no window within {LIMIT:?}; see {}", folder.display());
    }
    let picture = folder.join("desk.png");
    let Some(empty) = painted(&stage, &picture, "")? else {
        bail!("the window stayed blank for {LIMIT:?}; see {}", folder.display());
    };
    let mut demo = Child::start(
        "the demo agent",
        stage
            .command(root.built(app::CLI))
            .arg("demo")
            .env("HANDOFF_DESK_HOME", &home)
            .stdin(Stdio::null())
            .stdout(log("demo.out.log")?)
            .stderr(log("demo.log")?),
    )?;
    // The notification comes only once the card can be read.
    let notices = stage.notices()?;
    let is_card = |notice: &Notice| notice.summary.starts_with("demo asks");
    let card = notices.wait(LIMIT, is_card).with_context(|| {
        format!("the demo agent handed off nothing; it said:\n{}", said(&folder, "demo.log"))
    })?;
    println!("The notification says: {}. {}", card.summary, card.body);
    // It would cover a part of the window in the picture.
    notices.close_all()?;

    if painted(&stage, &picture, &empty)?.is_none() {
        bail!("the card did not appear in the window within {LIMIT:?}; see {}", folder.display());
    }
    println!("A screenshot is in {}", picture.display());
    if once {
        println!(
            "Nobody is at a terminal here, so this ends. `cargo xtask run` on a machine with a \
             screen opens the same desk there."
        );
        drop(demo);
        drop(desk);
        return Ok(());
    }
    println!(
        "The desk stays open on display {}; look with any X tool, such as: \
         import -window root picture.png -display {}. Ctrl+C ends it.",
        stage.display(),
        stage.display()
    );
    desk.wait(Duration::MAX)?;
    demo.wait(Duration::ZERO)?;
    Ok(())
}

/// Photographs the screen until the middle of the window shows something else
/// than `before`, twice the same: it is painted, and no longer being painted.
/// Answers what it shows, as a word that differs for different pictures.
fn painted(stage: &Stage, path: &Path, before: &str) -> anyhow::Result<Option<String>> {
    let mut last = String::new();
    ask_until(LIMIT, || {
        stage.screenshot(path)?;
        let look = ["-crop", "560x480+400+120", "+repage", "-format", "%k %#", "info:"];
        let args: Vec<&OsStr> =
            [path.as_os_str()].into_iter().chain(look.map(OsStr::new)).collect();
        let shown = stage.run("convert", &args)?;
        // A page without text has a handful of colours, one with text hundreds.
        let colours = shown.split(' ').next().and_then(|count| count.parse::<u32>().ok());
        let steady = shown == last && shown != before && colours.is_some_and(|count| count > 64);
        last.clone_from(&shown);
        Ok(steady.then_some(shown))
    })
}

fn said(folder: &Path, log: &str) -> String {
    fs::read_to_string(folder.join(log)).unwrap_or_default()
}
