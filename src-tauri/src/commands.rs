//! What the window may ask: each command passes it on to the engine.

use chrono::{DateTime, Utc};
use handoff_domain::insight::Insights;
use handoff_domain::replay::Replay;
use handoff_domain::rule::Rule;
use handoff_engine::{Engine, Failure};
use handoff_protocol::view::{
    AcceptTools, ActionView, AgentsView, AllowUndoCommands, BackPreview, BackupView, CaseView,
    ConfirmRollback, DecideRequest, DeskStatus, EditPlan, GiveBack, NewServer, OfTask, Pause,
    Preview, QueueQuery, QueueView, Receipt, ReplayRequest, RollbackPreview, RollbackRequest,
    RollbackView, RuleFrom, RuleRow, ServerTried, ServerView, SetLevel, Settings, TakeOver,
    TaskView, TellAgent, UndoItem, WindowError,
};
use tauri::{AppHandle, State};

use crate::{Desk, shell};

type Answer<T> = Result<T, WindowError>;

/// Runs what reads much or computes long beside the threads that answer agents.
async fn aside<T: Send + 'static>(
    desk: State<'_, Desk>,
    work: impl FnOnce(&Engine) -> Result<T, Failure> + Send + 'static,
) -> Answer<T> {
    let engine = desk.engine.clone();
    match tauri::async_runtime::spawn_blocking(move || work(&engine)).await {
        Ok(outcome) => Ok(outcome?),
        Err(error) => Err(WindowError {
            code: "internal".to_owned(),
            message: format!("The desk failed: {error}."),
            hint: "Try again; the log in the desk's folder says more.".to_owned(),
            faults: Vec::new(),
        }),
    }
}

#[tauri::command]
pub fn listens(desk: State<'_, Desk>) {
    desk.engine.listens();
}

#[tauri::command]
pub async fn status(desk: State<'_, Desk>) -> Answer<DeskStatus> {
    let home = desk.home.root().display().to_string();
    let socket = desk.home.socket().display().to_string();
    aside(desk, move |engine| engine.status(home, socket)).await
}

#[tauri::command]
pub async fn queue(desk: State<'_, Desk>, query: QueueQuery) -> Answer<QueueView> {
    Ok(desk.engine.queue(query).await?)
}

#[tauri::command]
pub async fn show_queued(desk: State<'_, Desk>, agent: String) -> Answer<u32> {
    Ok(desk.engine.show_queued(&agent).await?)
}

#[tauri::command]
pub async fn open_case(desk: State<'_, Desk>, id: String) -> Answer<CaseView> {
    aside(desk, move |engine| engine.open_case(&id)).await
}

#[tauri::command]
pub async fn actions(desk: State<'_, Desk>, id: String, offset: usize) -> Answer<Vec<ActionView>> {
    aside(desk, move |engine| engine.actions(&id, offset)).await
}

#[tauri::command]
pub async fn unfold(
    desk: State<'_, Desk>,
    id: String,
    revision: u32,
    pointer: String,
) -> Answer<String> {
    aside(desk, move |engine| engine.unfold(&id, revision, &pointer)).await
}

#[tauri::command]
pub async fn preview(desk: State<'_, Desk>, request: DecideRequest) -> Answer<Preview> {
    aside(desk, move |engine| engine.preview(&request)).await
}

#[tauri::command]
pub async fn decide(desk: State<'_, Desk>, request: DecideRequest) -> Answer<Receipt> {
    Ok(desk.engine.decide(request).await?)
}

#[tauri::command]
pub async fn undo(desk: State<'_, Desk>, id: String) -> Answer<Receipt> {
    Ok(desk.engine.undo(&id).await?)
}

#[tauri::command]
pub async fn regrant(desk: State<'_, Desk>, id: String) -> Answer<Receipt> {
    Ok(desk.engine.regrant(&id).await?)
}

#[tauri::command]
pub async fn seen(desk: State<'_, Desk>, id: String) -> Answer<()> {
    Ok(desk.engine.seen(&id).await?)
}

#[tauri::command]
pub async fn snooze(
    desk: State<'_, Desk>,
    id: String,
    until: DateTime<Utc>,
) -> Answer<DateTime<Utc>> {
    Ok(desk.engine.snooze(&id, until).await?)
}

#[tauri::command]
pub async fn wake(desk: State<'_, Desk>, id: String) -> Answer<()> {
    Ok(desk.engine.wake(&id).await?)
}

#[tauri::command]
pub async fn allow_default(
    desk: State<'_, Desk>,
    id: String,
    revision: u32,
    allowed: bool,
) -> Answer<()> {
    Ok(desk.engine.allow_default(&id, revision, allowed).await?)
}

/// The page says which card it shows; whether that is seen, the window knows.
#[tauri::command]
pub fn on_screen(desk: State<'_, Desk>, id: Option<String>) {
    desk.engine.on_screen(id);
}

#[tauri::command]
pub async fn agents(desk: State<'_, Desk>) -> Answer<AgentsView> {
    aside(desk, Engine::agents).await
}

#[tauri::command]
pub async fn set_level(desk: State<'_, Desk>, set: SetLevel) -> Answer<()> {
    Ok(desk.engine.set_level(set).await?)
}

#[tauri::command]
pub async fn pause(desk: State<'_, Desk>, pause: Pause) -> Answer<()> {
    Ok(desk.engine.pause(pause).await?)
}

#[tauri::command]
pub async fn gather_draft(
    desk: State<'_, Desk>,
    agent: String,
    task: String,
) -> Answer<Option<String>> {
    Ok(desk.engine.gather_draft(&agent, &task).await?)
}

#[tauri::command]
pub async fn accept_tools(desk: State<'_, Desk>, accept: AcceptTools) -> Answer<()> {
    Ok(desk.engine.accept_tools(accept).await?)
}

#[tauri::command]
pub async fn looked_at_agent(desk: State<'_, Desk>, agent: String) -> Answer<()> {
    Ok(desk.engine.looked_at_agent(agent).await?)
}

#[tauri::command]
pub async fn task(desk: State<'_, Desk>, of: OfTask) -> Answer<TaskView> {
    aside(desk, move |engine| engine.task(&of)).await
}

#[tauri::command]
pub async fn take_over(desk: State<'_, Desk>, take: TakeOver) -> Answer<()> {
    Ok(desk.engine.take_over(take).await?)
}

#[tauri::command]
pub async fn give_back(desk: State<'_, Desk>, back: GiveBack) -> Answer<()> {
    Ok(desk.engine.give_back(back).await?)
}

#[tauri::command]
pub async fn preview_give_back(desk: State<'_, Desk>, back: GiveBack) -> Answer<BackPreview> {
    aside(desk, move |engine| engine.preview_give_back(&back)).await
}

#[tauri::command]
pub async fn edit_plan(desk: State<'_, Desk>, edit: EditPlan) -> Answer<()> {
    Ok(desk.engine.edit_plan(edit).await?)
}

#[tauri::command]
pub async fn tell_agent(desk: State<'_, Desk>, tell: TellAgent) -> Answer<()> {
    Ok(desk.engine.tell_agent(tell).await?)
}

#[tauri::command]
pub async fn preview_rollback(
    desk: State<'_, Desk>,
    request: RollbackRequest,
) -> Answer<RollbackPreview> {
    aside(desk, move |engine| engine.preview_rollback(&request)).await
}

#[tauri::command]
pub async fn confirm_rollback(
    desk: State<'_, Desk>,
    confirm: ConfirmRollback,
) -> Answer<RollbackView> {
    Ok(desk.engine.confirm_rollback(confirm).await?)
}

#[tauri::command]
pub async fn retry_undo(desk: State<'_, Desk>, item: UndoItem) -> Answer<RollbackView> {
    Ok(desk.engine.retry_undo(item).await?)
}

#[tauri::command]
pub async fn skip_undo(desk: State<'_, Desk>, item: UndoItem) -> Answer<RollbackView> {
    Ok(desk.engine.skip_undo(item).await?)
}

#[tauri::command]
pub async fn hand_over_undo(desk: State<'_, Desk>, item: UndoItem) -> Answer<RollbackView> {
    Ok(desk.engine.hand_over_undo(item).await?)
}

#[tauri::command]
pub async fn confirm_undone(desk: State<'_, Desk>, item: UndoItem) -> Answer<RollbackView> {
    Ok(desk.engine.confirm_undone(item).await?)
}

#[tauri::command]
pub async fn allow_undo_commands(desk: State<'_, Desk>, allow: AllowUndoCommands) -> Answer<()> {
    Ok(desk.engine.allow_undo_commands(allow).await?)
}

#[tauri::command]
pub async fn rules(desk: State<'_, Desk>) -> Answer<Vec<RuleRow>> {
    aside(desk, Engine::rules).await
}

#[tauri::command]
pub async fn add_rule(desk: State<'_, Desk>, rule: Rule) -> Answer<i64> {
    Ok(desk.engine.add_rule(rule).await?)
}

#[tauri::command]
pub async fn add_rule_from(desk: State<'_, Desk>, from: RuleFrom) -> Answer<i64> {
    Ok(desk.engine.add_rule_from(from).await?)
}

#[tauri::command]
pub async fn revoke_rule(desk: State<'_, Desk>, id: i64) -> Answer<()> {
    Ok(desk.engine.revoke_rule(id).await?)
}

#[tauri::command]
pub async fn replay(desk: State<'_, Desk>, change: ReplayRequest) -> Answer<Replay> {
    aside(desk, move |engine| engine.replay(&change)).await
}

#[tauri::command]
pub async fn replay_from(desk: State<'_, Desk>, from: RuleFrom) -> Answer<Replay> {
    aside(desk, move |engine| engine.replay_from(&from)).await
}

#[tauri::command]
pub async fn insights(desk: State<'_, Desk>) -> Answer<Insights> {
    aside(desk, Engine::insights).await
}

#[tauri::command]
pub async fn rule_from(
    desk: State<'_, Desk>,
    id: String,
    days: i64,
    uses: Option<u32>,
) -> Answer<RuleRow> {
    aside(desk, move |engine| engine.rule_from(&id, days, uses)).await
}

#[tauri::command]
pub fn settings(desk: State<'_, Desk>) -> Settings {
    desk.engine.settings()
}

#[tauri::command]
pub async fn save_settings(desk: State<'_, Desk>, settings: Settings) -> Answer<Settings> {
    Ok(desk.engine.save_settings(settings).await?)
}

#[tauri::command]
pub async fn servers(desk: State<'_, Desk>) -> Answer<Vec<ServerView>> {
    let servers = desk.servers.clone();
    aside(desk, move |_| servers.list()).await
}

#[tauri::command]
pub async fn add_server(desk: State<'_, Desk>, server: NewServer) -> Answer<()> {
    Ok(desk.servers.add(server).await?)
}

#[tauri::command]
pub async fn test_server(desk: State<'_, Desk>, server: NewServer) -> Answer<ServerTried> {
    let servers = desk.servers.clone();
    aside(desk, move |_| servers.test(&server)).await
}

#[tauri::command]
pub fn look_at_server(desk: State<'_, Desk>, name: String) {
    desk.servers.look(&name);
}

#[tauri::command]
pub async fn remove_server(desk: State<'_, Desk>, name: String) -> Answer<()> {
    Ok(desk.servers.remove(&name).await?)
}

#[tauri::command]
pub async fn backups(desk: State<'_, Desk>) -> Answer<Vec<BackupView>> {
    aside(desk, Engine::backups).await
}

/// The page has asked the reviewer to confirm it.
#[tauri::command]
pub async fn restore(desk: State<'_, Desk>, name: String) -> Answer<()> {
    let backup = name.clone();
    aside(desk, move |engine| engine.can_go_back(&backup)).await?;
    Err(shell::again::going_back_to(&name))
}

#[tauri::command]
pub async fn dismiss(desk: State<'_, Desk>, notice: String) -> Answer<()> {
    aside(desk, move |engine| engine.dismiss(&notice)).await
}

/// All is on disk: what is held and what waits goes on with the next start.
#[tauri::command]
pub fn quit(app: AppHandle) {
    app.exit(0);
}

#[tauri::command]
pub fn run_demo(desk: State<'_, Desk>) -> Answer<()> {
    shell::demo::start(&desk.home, &desk.engine)
}
