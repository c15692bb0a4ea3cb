//! `handoff demo`: an agent that really tidies a folder, and hands off what it
//! must not decide alone.
//!
//! It is an example of a well-behaved agent and uses nothing that other agents
//! cannot use: the same socket, the same calls. It has no language model; what
//! it plans and understands is written in code.

mod act;
mod answer;
mod ask;
mod case;
mod draft;
mod folder;
mod gate;
mod inform;
mod kind;
mod ledger;
mod options;
mod plan;
mod sample;
mod scan;
mod tools;
mod undo;
mod write;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use handoff_domain::payload::Plan;
use handoff_protocol::wire::ErrorCode;
use handoff_transport::home::Home;
use serde_json::json;

use self::act::Work;
use self::case::{counted, size, step};
use self::folder::Folder;
use self::ledger::{About, Ended, Ledger, Run, Stage};
use self::write::Reports;
use crate::desk::Desk;
use crate::edge::Edge;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::visible;

/// `handoff demo`.
pub fn run(edge: &mut Edge<'_>, agent: &str, dir: Option<&Path>) -> Result<Exit, Failure> {
    let desk = Desk::new(edge, agent)?;
    let user_named = dir.map(|dir| users_folder(dir, desk.home())).transpose()?;
    // Without a desk nobody can be asked, and nothing is to be touched.
    drop(desk.reach(edge)?);
    let (path, sample) = match user_named {
        Some(path) => (path, false),
        None => (desk.home().root().join("demo").join("Downloads"), true),
    };
    let ledger = Ledger::hold(desk.home(), &path)?;
    let last = ledger.last().filter(|_| path.is_dir());
    let (unfinished, finished) = match last {
        Some(run) if run.stage == Stage::Over => (None, Some(run)),
        last => (last, None),
    };
    if let Some(run) = finished
        && let Some(exit) = undo_late(edge, &desk, &ledger, run)?
    {
        return Ok(exit);
    }
    let resumed = unfinished.is_some();
    if sample && !resumed {
        sample::fill(&path).map_err(|error| {
            Failure::new(
                ErrorCode::Internal,
                format!("The sample folder {} cannot be made: {error}.", path.display()),
                "Make room there, or name a folder of yours: handoff demo DIR.",
            )
        })?;
    }
    let folder = Folder::open(&path).map_err(|error| unusable(&path, &error.to_string()))?;
    let run =
        unfinished.unwrap_or_else(|| Run::new(folder.path().to_owned(), sample, (edge.now)()));
    let reports = Reports::of(desk.home(), &run);
    let mut demo = Demo {
        edge,
        desk,
        folder,
        ledger: &ledger,
        run,
        reports,
        exit: Exit::Done,
        asks_for_each: false,
        told: None,
    };
    let begun = if resumed { "Going on with" } else { "Tidying" };
    let name = demo.folder.path().display().to_string();
    demo.edge.say(&format!("{begun} {}\n", visible::line(&name)))?;
    demo.introduce()?;
    demo.go()
}

/// Takes back what the reviewer has asked for since a run was over; none if
/// there is nothing.
fn undo_late(
    edge: &mut Edge<'_>,
    desk: &Desk,
    ledger: &Ledger,
    run: Run,
) -> Result<Option<Exit>, Failure> {
    // Without its folder there is nothing to take back in.
    let Ok(folder) = Folder::open(&run.folder) else { return Ok(None) };
    let reports = Reports::of(desk.home(), &run);
    let mut demo = Demo {
        edge,
        desk: desk.clone(),
        folder,
        ledger,
        run,
        reports,
        exit: Exit::Done,
        asks_for_each: false,
        told: None,
    };
    let any = demo.undo_what_is_asked(None)?;
    if !any {
        return Ok(None);
    }
    // One asks for the next.
    while demo.undo_what_is_asked(Some(undo::NEXT_S))? {}
    demo.summary(Exit::Done, "taken back").map(Some)
}

/// The agent with all it needs.
struct Demo<'e, 'w> {
    edge: &'e mut Edge<'w>,
    desk: Desk,
    folder: Folder,
    ledger: &'e Ledger,
    run: Run,
    reports: Reports,
    exit: Exit,
    /// The desk knows its tools, and lets it ask for each move by itself.
    asks_for_each: bool,
    /// The plan that the desk was told last, and its revision there.
    told: Option<(Plan, u32)>,
}

impl Demo<'_, '_> {
    fn go(mut self) -> Result<Exit, Failure> {
        loop {
            self.report_what_was_done()?;
            self.report_actions()?;
            self.undo_what_is_asked(None)?;
            self.tell_plan()?;
            match self.run.stage {
                Stage::Look => self.look()?,
                Stage::AskForMoves if self.run.moves.is_empty() && self.run.open.is_none() => {
                    self.run.steps.insert(step::SORT.to_owned(), Ended::Done(json!({"moved": 0})));
                    self.pass_to(Stage::AskForRemoval)?;
                }
                Stage::AskForMoves | Stage::Sort if self.may_begin_asking() => {
                    self.pass_to(Stage::SortAsAllowed)?;
                }
                Stage::AskForMoves => {
                    if let Some(exit) = self.ask(About::Moves)? {
                        return self.pause(exit);
                    }
                }
                Stage::Sort => self.sort()?,
                Stage::SortAsAllowed => {
                    if let Some(exit) = self.sort_as_allowed()? {
                        return self.pause(exit);
                    }
                }
                Stage::AskForRemoval => {
                    if let Some(exit) = self.ask_for_removal()? {
                        return self.pause(exit);
                    }
                }
                Stage::Finish => self.finish()?,
                Stage::Close => {
                    if let Some(exit) = self.close()? {
                        return self.pause(exit);
                    }
                }
                Stage::Over => return self.end(),
            }
        }
    }

    fn look(&mut self) -> Result<(), Failure> {
        let started = (self.edge.now)();
        let scan = scan::scan(&self.folder)
            .map_err(|error| unusable(self.folder.path(), &error.to_string()))?;
        self.run.moves = plan::moves(&scan.files, &scan.taken, &scan.barred, |path| {
            act::is_kept(&self.run, path)
        });
        self.run.files = scan.files;
        self.run.taken = scan.taken;
        self.run.left_alone = scan.left_alone;
        let stay = plan::unsorted(&self.run.files, &self.run.moves);
        self.run.left_alone.extend(stay);
        self.work().looked(started);
        let text = format!(
            "{}, {}",
            counted(self.run.files.len(), "file", "files"),
            size(self.run.bytes())
        );
        self.tell("looked at", &text)?;
        for what in self.run.left_alone.clone() {
            self.tell("left alone", &what)?;
        }
        let next = if self.run.sample { Stage::Sort } else { Stage::AskForMoves };
        if self.run.sample {
            self.find_duplicates()?;
        }
        self.pass_to(next)
    }

    fn find_duplicates(&mut self) -> Result<(), Failure> {
        self.work().find_duplicates();
        let extra = plan::extras(&self.run.groups).len();
        let gain = self.run.groups.iter().map(plan::Group::gain).sum();
        let text = format!("{}, {}", counted(extra, "extra copy", "extra copies"), size(gain));
        self.tell("duplicates", &text)
    }

    fn sort(&mut self) -> Result<(), Failure> {
        let moves = self.run.moves.clone();
        let tally = self.work().sort(&moves, None)?;
        let folders = options::folders(&moves).len();
        let text = format!(
            "{} into {}",
            counted(tally.done.len(), "file", "files"),
            counted(folders, "folder", "folders")
        );
        self.tell("moved", &text)?;
        for line in tally.not_done {
            self.tell("not moved", &line)?;
        }
        self.pass_to(Stage::AskForRemoval)
    }

    fn ask_for_removal(&mut self) -> Result<Option<Exit>, Failure> {
        if self.run.open.is_none() {
            if self.run.steps.contains_key(step::FIND) {
                self.work().refresh_duplicates();
            } else {
                self.find_duplicates()?;
            }
            if self.run.groups.is_empty() {
                self.tell("duplicates", "none that may be touched, so there is nothing to ask")?;
                let output = json!({ "removed": 0 });
                self.run.steps.insert(step::REMOVE.to_owned(), Ended::Done(output));
                self.pass_to(Stage::Finish)?;
                return Ok(None);
            }
        }
        self.ask(About::Removal)
    }

    /// Writes what is not yet written, and the closing report.
    fn finish(&mut self) -> Result<(), Failure> {
        for name in [step::INDEX, step::CHECKSUMS] {
            self.write_free_step(name, &|| true)?;
        }
        // Rejected together with the step it depends on.
        if self.run.steps.get(step::REPORT) != Some(&Ended::Skipped) {
            self.run.steps.insert(step::REPORT.to_owned(), Ended::Done(json!({})));
            let path = self
                .reports
                .write("report.md", &write::closing(&self.run))
                .map_err(|error| not_written("report.md", &error))?;
            self.tell("wrote", &path.display().to_string())?;
        }
        self.pass_to(Stage::Close)
    }

    /// Whether the moves are asked for one by one from here on.
    fn may_begin_asking(&self) -> bool {
        self.asks_for_each && self.run.open.is_none()
    }

    /// Does a step that needs no answer, unless it is done or `go_on` says that
    /// something more urgent has come.
    fn write_free_step(&mut self, name: &str, go_on: &dyn Fn() -> bool) -> Result<(), Failure> {
        if self.run.steps.contains_key(name) {
            return Ok(());
        }
        let (file, text) = match name {
            step::INDEX => ("index.md", Some(write::index(&self.run.files))),
            step::CHECKSUMS => {
                ("SHA256SUMS", write::checksums(&self.folder, &self.run.files, go_on))
            }
            step::FIND => return self.find_duplicates(),
            _ => return Ok(()),
        };
        let Some(text) = text else { return Ok(()) };
        let path = self.reports.write(file, &text).map_err(|error| not_written(file, &error))?;
        let path = path.display().to_string();
        self.run.steps.insert(name.to_owned(), Ended::Done(json!({ "file": path })));
        self.ledger.write(&self.run)?;
        self.tell("wrote", &path)?;
        self.tell_plan()
    }

    /// Stops for now; the next start goes on from here.
    fn pause(self, exit: Exit) -> Result<Exit, Failure> {
        self.summary(exit, "waits")
    }

    fn end(mut self) -> Result<Exit, Failure> {
        let exit = if self.run.diverged.is_empty() { self.exit } else { Exit::Refused };
        for line in self.run.diverged.clone() {
            self.tell("not done", &line)?;
        }
        self.tell("finished", "")?;
        self.summary(exit, "over")
    }

    fn summary(self, exit: Exit, state: &str) -> Result<Exit, Failure> {
        if self.edge.json {
            let document = json!({
                "task": self.run.id,
                "folder": self.folder.path(),
                "state": state,
                "handoff": self.run.open.as_ref().and_then(|open| open.id.as_ref()),
                "steps": self.run.steps,
                "actions": self.run.actions,
                "diverged": self.run.diverged,
            });
            self.edge.answer(&document, "")?;
        }
        Ok(exit)
    }

    fn pass_to(&mut self, stage: Stage) -> Result<(), Failure> {
        self.run.stage = stage;
        self.ledger.write(&self.run)
    }

    fn work(&mut self) -> Work<'_> {
        Work { folder: &self.folder, ledger: self.ledger, run: &mut self.run, now: self.edge.now }
    }

    /// One aligned line of progress.
    fn tell(&mut self, name: &str, text: &str) -> Result<(), Failure> {
        let line = format!("  {name:<11} {}", visible::line(text));
        self.edge.say(&format!("{}\n", line.trim_end()))
    }
}

/// The real path of a folder that the user named.
fn users_folder(dir: &Path, home: &Home) -> Result<PathBuf, Failure> {
    let path = dir.canonicalize().map_err(|error| unusable(dir, &error.to_string()))?;
    if !path.is_dir() {
        return Err(unusable(&path, "it is not a folder"));
    }
    if path.parent().is_none() {
        return Err(unusable(&path, "the root of the file system is no folder to tidy"));
    }
    if path.to_str().is_none() {
        return Err(unusable(&path, "its path is not UTF-8"));
    }
    let desk = home.root().canonicalize().unwrap_or_else(|_| home.root().to_owned());
    if path.starts_with(&desk) {
        return Err(unusable(&path, "it belongs to the desk"));
    }
    Ok(path)
}

fn unusable(path: &Path, why: &str) -> Failure {
    Failure::new(
        ErrorCode::InvalidParams,
        format!("{} cannot be tidied: {why}.", path.display()),
        "Name a folder of yours, or none for the sample folder.",
    )
}

fn not_written(name: &str, error: &std::io::Error) -> Failure {
    Failure::new(
        ErrorCode::Internal,
        format!("{name} cannot be written: {error}."),
        "Make room in the desk's folder and start the demo again; it goes on where it was.",
    )
}

/// Bytes in lower-case hex.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}
