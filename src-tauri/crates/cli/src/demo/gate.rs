//! Before it acts and after: what the agent tells of itself, and the moves that
//! the gate lets it make one by one.
//!
//! A desk that is gone permits nothing: the agent stops where it is.

use handoff_domain::action::{Action, Effect};
use handoff_domain::autonomy::Level;
use handoff_domain::gate::Held;

use handoff_protocol::wire::{
    ById, ByTask, Check, Checked, ErrorCode, Gate, OpenTask, PlanTask, RecordAction, Recorded,
    Shown, TaskRef, TaskStanding, ToolsKnown, method,
};
use handoff_transport::client::{Client, ClientError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::act::MOVE_REASON;
use super::case::{self, counted, step};
use super::ledger::{Ended, Open, Question, Stage};
use super::plan::Move;
use super::{Demo, act, hex, options, tools};
use crate::exit::Exit;
use crate::failure::Failure;

impl Demo<'_, '_> {
    /// Tells the desk what it can do and what it is about to do. Says whether
    /// it may make its moves one by one, by asking for each.
    pub(super) fn introduce(&mut self) -> Result<(), Failure> {
        let mut client = self.desk.reach(self.edge)?;
        let known: ToolsKnown = client.call(method::TOOLS, &tools::all())?;
        let (task, plan) = (case::task(&self.run), case::plan(&self.run));
        let open = OpenTask { task, plan: Some(plan.clone()) };
        let standing: TaskStanding = client.call(method::TASK_OPEN, &open)?;
        self.told = Some((plan, standing.revision));
        let accepted = known.accepted.iter().any(|name| name == tools::MOVE);
        self.asks_for_each = accepted && standing.level != Level::Suggest;
        let level = match standing.level {
            Level::Suggest => "suggest",
            Level::Draft => "draft",
            Level::Execute => "execute",
        };
        let text = if known.waiting.is_empty() {
            level.to_owned()
        } else {
            let waiting = counted(known.waiting.len(), "tool waits", "tools wait");
            format!("{level}; {waiting} to be accepted at the desk")
        };
        self.tell("level", &text)
    }

    /// Tells the desk how far the plan is, where that has changed. A desk that
    /// is away is told the next time.
    pub(super) fn tell_plan(&mut self) -> Result<(), Failure> {
        let plan = case::plan(&self.run);
        let Some((_, revision)) = self.told.as_ref().filter(|(told, _)| *told != plan) else {
            return Ok(());
        };
        let steps = PlanTask { task: self.run.id.clone(), plan: plan.clone(), revision: *revision };
        let sent = self
            .desk
            .connect()
            .and_then(|mut client| client.call::<_, TaskStanding>(method::TASK_PLAN, &steps));
        match sent {
            Ok(standing) => self.told = Some((plan, standing.revision)),
            // The reviewer has changed it: theirs stands, and what is done is recorded.
            Err(ClientError::Refused { data, .. }) if data.code == ErrorCode::Conflict => {
                self.told = None;
            }
            Err(error) if error.passes() => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Makes the planned moves, each as the gate says.
    pub(super) fn sort_as_allowed(&mut self) -> Result<Option<Exit>, Failure> {
        if let Some(open) = &self.run.open {
            return self.go_by_the_answer(open.question);
        }
        let mut client = self.desk.reach(self.edge)?;
        let mut made = 0;
        for way in self.run.moves.clone() {
            let run = &self.run;
            let there = run.files.contains_key(&way.to) && !run.files.contains_key(&way.from);
            if there || run.left.contains_key(&way.from) {
                continue;
            }
            if act::is_kept(run, &way.from) {
                self.leave(&way, "it is to be left alone")?;
                continue;
            }
            let checked: Checked =
                self.ask_the_gate(&mut client, method::CHECK, &self.check(&way))?;
            if checked.pending_for_you > 0 {
                self.undo_what_is_asked(None)?;
            }
            match checked.verdict {
                Gate::Run => match self.work().move_as_allowed(&way)? {
                    Ok(()) => {
                        made += 1;
                        self.send_records(&mut client)?;
                    }
                    Err(why) => {
                        self.leave(&way, &why.to_string())?;
                        self.send_records(&mut client)?;
                    }
                },
                Gate::Denied => self.leave(&way, &checked.why)?,
                Gate::Held => {
                    self.tell_moved(made)?;
                    return self.held(client, &way, &checked);
                }
            }
        }
        self.tell_moved(made)?;
        let moved = self.run.moves.len().saturating_sub(self.run.left.len());
        let left: Vec<&String> = self.run.left.keys().collect();
        let output = json!({ "moved": moved, "left": left });
        self.run.steps.insert(step::SORT.to_owned(), Ended::Done(output));
        self.pass_to(Stage::AskForRemoval)?;
        Ok(None)
    }

    /// Waits for the question that holds a move; a pause has none to wait for.
    fn held(
        &mut self,
        mut client: Client,
        way: &Move,
        checked: &Checked,
    ) -> Result<Option<Exit>, Failure> {
        self.tell("held", &format!("{}: {}", way.from, checked.why))?;
        if let Some(id) = &checked.handoff_id {
            self.wait_for(&mut client, id, Question::Held)?;
            return Ok(None);
        }
        if checked.held == Some(Held::Waits) {
            let of = ByTask { task: self.run.id.clone() };
            let standing: TaskStanding =
                self.ask_the_gate(&mut client, method::TASK_RUNNABLE, &of)?;
            if let Some(draft) = standing.draft {
                self.wait_for(&mut client, &draft, Question::Draft)?;
                return Ok(None);
            }
        }
        drop(client);
        // What changes nothing in the folder goes on.
        self.write_free_step(step::CHECKSUMS, &|| true)?;
        self.tell("waits", "Start the demo again to go on.")?;
        Ok(Some(Exit::Pending))
    }

    /// Takes up a question that the desk asks.
    pub(super) fn wait_for(
        &mut self,
        client: &mut Client,
        id: &str,
        question: Question,
    ) -> Result<(), Failure> {
        let shown: Shown = self.ask_the_gate(client, method::GET, &ById { id: id.to_owned() })?;
        self.run.open = Some(Open {
            question,
            payload: shown.handoff.to_string(),
            id: Some(id.to_owned()),
            answer: None,
            revision: None,
            report: None,
        });
        self.ledger.write(&self.run)
    }

    /// Reports what the desk does not know of yet.
    pub(super) fn report_actions(&mut self) -> Result<(), Failure> {
        if self.run.unreported.is_empty() {
            return Ok(());
        }
        let mut client = self.desk.reach(self.edge)?;
        self.send_records(&mut client)
    }

    fn send_records(&mut self, client: &mut Client) -> Result<(), Failure> {
        while let Some(id) = self.run.unreported.first().cloned() {
            let action = self.run.actions.iter().find(|action| action.id == id).cloned();
            if let Some(action) = action {
                self.send_record(client, action)?;
            }
            self.run.unreported.remove(0);
        }
        self.ledger.write(&self.run)
    }

    fn send_record(&mut self, client: &mut Client, action: Action) -> Result<(), Failure> {
        let record = RecordAction { task: TaskRef::Id(self.run.id.clone()), action, cwd: None };
        let sent: Result<Recorded, Failure> = self.ask_the_gate(client, method::RECORD, &record);
        match sent {
            Ok(Recorded { diverged: Some(why), .. }) => self.tell("recorded", &why),
            Ok(_) => Ok(()),
            // The desk knows it as something else, or knows nothing of its
            // handoff any more: what was done stands, and there is nobody to tell.
            Err(failure)
                if matches!(failure.data.code, ErrorCode::Conflict | ErrorCode::NotFound) =>
            {
                let text = format!("the desk did not take it: {}", failure.data.message);
                self.tell("recorded", &text)
            }
            Err(failure) => Err(failure),
        }
    }

    /// One call; a lost desk ends the work for now.
    pub(super) fn ask_the_gate<P: Serialize, R: DeserializeOwned>(
        &mut self,
        client: &mut Client,
        method: &'static str,
        params: &P,
    ) -> Result<R, Failure> {
        let outcome: Result<R, ClientError> = client.call(method, params);
        if outcome.as_ref().is_err_and(ClientError::passes) {
            self.tell("stopped", "the desk is gone, and without it nothing more is moved")?;
            self.tell("", "Start the demo again; it goes on from here.")?;
        }
        Ok(outcome?)
    }

    /// The question whether one move may be made; the same for the same move,
    /// however often the run is begun.
    fn check(&self, way: &Move) -> Check {
        let mark = Sha256::digest(format!("{}\0{}", way.from, way.to));
        let folder = &self.run.folder;
        Check {
            task: TaskRef::Id(self.run.id.clone()),
            step: Some(step::SORT.to_owned()),
            tool: tools::MOVE.to_owned(),
            args: options::object(json!({ "moves": [way] })),
            key: format!("{}/move-{}", self.run.id, hex(&mark[..16])),
            effect: Some(Effect::Reversible),
            undo: Some(options::move_back(std::slice::from_ref(way))),
            files: vec![folder.join(&way.from).display().to_string()],
            cwd: Some(folder.display().to_string()),
            reasoning: Some(MOVE_REASON.to_owned()),
            deadline: None,
            resume: None,
            editable: Some(false),
        }
    }

    fn leave(&mut self, way: &Move, why: &str) -> Result<(), Failure> {
        self.run.left.insert(way.from.clone(), why.to_owned());
        self.ledger.write(&self.run)?;
        self.tell("not moved", &format!("{}: {why}", way.from))
    }

    fn tell_moved(&mut self, made: usize) -> Result<(), Failure> {
        self.tell(
            "moved",
            &format!("{}, each with the desk's leave", counted(made, "file", "files")),
        )
    }
}
