//! What is generated from these types and committed: TypeScript for the
//! window. `cargo xtask gen` writes it, `cargo xtask test` compares it.

use std::path::Path;

use ts_rs::{Config, ExportError, TS};

use crate::view;

/// Writes the window's TypeScript types into `folder`, one file a type.
pub fn typescript(folder: &Path) -> Result<(), ExportError> {
    let config = Config::new().with_out_dir(folder);
    view::QueueQuery::export_all(&config)?;
    view::QueueView::export_all(&config)?;
    view::CaseView::export_all(&config)?;
    view::DeskStatus::export_all(&config)?;
    view::BackupView::export_all(&config)?;
    view::Settings::export_all(&config)?;
    view::DecideRequest::export_all(&config)?;
    view::Preview::export_all(&config)?;
    view::Receipt::export_all(&config)?;
    view::WindowError::export_all(&config)?;
    view::AgentsView::export_all(&config)?;
    view::SetLevel::export_all(&config)?;
    view::Pause::export_all(&config)?;
    view::AcceptTools::export_all(&config)?;
    view::RuleRow::export_all(&config)?;
    view::ReplayRequest::export_all(&config)?;
    view::RuleFrom::export_all(&config)?;
    handoff_domain::replay::Replay::export_all(&config)?;
    handoff_domain::insight::Insights::export_all(&config)?;
    view::TaskView::export_all(&config)?;
    view::OfTask::export_all(&config)?;
    view::TakeOver::export_all(&config)?;
    view::GiveBack::export_all(&config)?;
    view::EditPlan::export_all(&config)?;
    view::TellAgent::export_all(&config)?;
    view::Change::export_all(&config)
}

/// PROTOCOL.md: the methods of the socket.
pub fn protocol_md() -> String {
    crate::manual::page()
}
