//! Says why the desk could not start, where nobody reads a terminal.

/// Shows a message of the operating system.
pub fn show(message: &str) {
    let shown = notify_rust::Notification::new()
        .appname("Handoff Desk")
        .summary("Handoff Desk could not start")
        .body(&super::service::plain(message))
        .show();
    // There may be no notification service either; the terminal has it too.
    drop(shown);
}
