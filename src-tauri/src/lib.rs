//! The composition root: puts the engine, the socket, the notifications and
//! the window together. The only room that knows Tauri and the desktop.
//!
//! It holds no rules: whatever can be decided is decided in the engine.

mod arguments;
mod clock;
mod commands;
mod ownership;
mod shell;

use std::io::{ErrorKind, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use handoff_connectors::{Pace, Secrets, Servers};
use handoff_domain::bounded;
use handoff_engine::{Clock as _, Engine};
use handoff_keeper::Keeper;
use handoff_protocol::session::Host;
use handoff_spool::Spool;
use handoff_store::{Files, OpenError, Store, StoreError, go_back};
use handoff_transport::home::{Home, HomeError};
use handoff_transport::server::Server;
use tauri::Manager as _;

use crate::arguments::Asked;
use crate::clock::SystemClock;
use crate::shell::command::Commands;
use crate::shell::notify::DesktopNotifier;

/// The variables by which Tauri lets a WebDriver drive the window, and WebKit
/// lets a distant inspector into its page.
const AUTOMATION: [&str; 4] = [
    "TAURI_AUTOMATION",
    "TAURI_WEBVIEW_AUTOMATION",
    "WEBKIT_INSPECTOR_SERVER",
    "WEBKIT_INSPECTOR_HTTP_SERVER",
];

/// Where the window's commands find the desk.
struct Desk {
    engine: Engine,
    servers: Servers,
    home: Home,
}

/// There is no screen for the window.
#[derive(Debug, thiserror::Error)]
#[error("no display can be opened for the window")]
struct NoDisplay;

/// Runs the desk until it is quit; a second one shows the first and ends.
pub fn run() -> ExitCode {
    if let Some(code) = without_automation() {
        return code;
    }
    let (background, restore) = match arguments::read(std::env::args_os().skip(1)) {
        Asked::Run { background, restore } => (background, restore),
        Asked::Help => return print(arguments::HELP),
        Asked::Version => return print(concat!("handoff-desk ", env!("CARGO_PKG_VERSION"), "\n")),
        Asked::Nonsense(word) => return usage(&word),
    };
    match start(background, restore.as_deref()) {
        Ok(code) => code,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

/// A desk that a program can drive is a desk that a program can decide in. So
/// any build but those for tests starts itself again without the variables
/// that allow it, before anything else has read them.
fn without_automation() -> Option<ExitCode> {
    if cfg!(feature = "automation")
        || AUTOMATION.iter().all(|name| std::env::var_os(name).is_none())
    {
        return None;
    }
    let again: std::io::Result<std::process::ExitStatus> =
        std::env::current_exe().and_then(|program| {
            let mut command = std::process::Command::new(program);
            command.args(std::env::args_os().skip(1));
            for name in AUTOMATION {
                command.env_remove(name);
            }
            #[cfg(unix)]
            return Err(std::os::unix::process::CommandExt::exec(&mut command));
            #[cfg(not(unix))]
            command.status()
        });
    Some(match again {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) | Err(_) => ExitCode::FAILURE,
    })
}

/// Answers on standard output; a pipe that was closed meanwhile is no answer.
fn print(text: &str) -> ExitCode {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

#[expect(clippy::print_stderr, reason = "it was called from a terminal, wrongly")]
fn usage(word: &str) -> ExitCode {
    let word = handoff_domain::visible::line(word);
    eprintln!("handoff-desk does not know “{word}”. `handoff-desk --help` lists what it knows.");
    ExitCode::from(2)
}

fn start(background: bool, restore: Option<&str>) -> anyhow::Result<ExitCode> {
    let home = Home::resolve().context("The desk's folder could not be found")?;
    home.create()?;
    let ownership = match ownership::take_or_show(&home, background)? {
        Ok(ownership) => ownership,
        Err(code) => return Ok(code),
    };
    let _log = shell::log::start(&home.logs());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        // What agents send is checked on these threads.
        .thread_stack_size(bounded::STACK)
        .on_thread_start(bounded::has_stack)
        .enable_all()
        .build()
        .context("The desk could not start its threads")?;
    tauri::async_runtime::set(runtime.handle().clone());
    let notifier = Arc::new(DesktopNotifier::new(home.root().join("notices.json")));
    let (engine, server) = runtime.block_on(async {
        let files = Files::of(home.database());
        let went_back = restore.map(|name| go_back(&files, name, SystemClock.now()));
        let engine = match take_up(&files, &notifier).await {
            // It ran into damage, which the second try looks for and mends.
            Err(_) if files.is_suspect() => take_up(&files, &notifier).await?,
            outcome => outcome?,
        };
        if let Some(notice) = went_back {
            engine.note(notice);
        }
        let socket = home.socket();
        let server = Server::bind(socket)
            .with_context(|| format!("The socket {} could not be made", socket.display()))?;
        // Whoever cannot connect yet spools; whoever can is answered after this.
        engine.keep_files_with(Keeper::of(home.root())).await;
        engine.take_up_rollbacks().await;
        engine.take_up(Spool::of(home.root())).await;
        anyhow::Ok((engine, server))
    })?;
    notifier.attach(engine.clone());
    {
        let _inside = runtime.enter();
        engine.announce_the_unannounced();
    }
    let timed = engine.clone();
    runtime.spawn(async move { timed.run().await });
    runtime.spawn(server.run(Arc::new(engine.clone()) as Arc<dyn Host>));
    let watching = engine.clone();
    runtime.spawn(async move {
        notifier.watch(|state| watching.notifications_are(state)).await;
    });
    let kept = engine.clone();
    runtime.spawn(async move { kept.keep_safe().await });
    let keys = shell::keys::store(runtime.handle().clone(), home.root());
    let secrets = Secrets::new(Some(keys), home.root().join("secrets"));
    let servers =
        Servers::start(engine.clone(), runtime.handle().clone(), secrets, Pace::default())
            .map_err(|failure| anyhow::anyhow!("{}", failure.0.message))?;
    let code = window(Desk { engine, servers, home }, background)?;
    drop(ownership);
    Ok(code)
}

async fn take_up(files: &Files, notifier: &Arc<DesktopNotifier>) -> anyhow::Result<Engine> {
    let opened = Store::take_up(files, SystemClock.now())
        .with_context(|| format!("{} could not be opened", files.database.display()))?;
    let commands = Arc::new(Commands);
    Engine::start(opened, Arc::new(SystemClock), Arc::clone(notifier) as Arc<_>, commands)
        .await
        .map_err(|failure| anyhow::anyhow!("{}", failure.0.message))
}

fn window(desk: Desk, background: bool) -> anyhow::Result<ExitCode> {
    // Tauri would panic.
    #[cfg(target_os = "linux")]
    gtk::init().map_err(|_| NoDisplay)?;
    let app = tauri::Builder::default()
        .plugin(
            tauri_plugin_window_state::Builder::default()
                .with_state_flags(shell::window::remembered())
                // The home holds everything, this too.
                .with_filename(desk.home.root().join("window.json").to_string_lossy())
                .build(),
        )
        .manage(desk)
        .invoke_handler(tauri::generate_handler![
            commands::listens,
            commands::status,
            commands::queue,
            commands::show_queued,
            commands::open_case,
            commands::actions,
            commands::unfold,
            commands::preview,
            commands::decide,
            commands::undo,
            commands::regrant,
            commands::seen,
            commands::snooze,
            commands::dismiss,
            commands::wake,
            commands::allow_default,
            commands::on_screen,
            commands::agents,
            commands::set_level,
            commands::pause,
            commands::gather_draft,
            commands::accept_tools,
            commands::looked_at_agent,
            commands::task,
            commands::take_over,
            commands::give_back,
            commands::preview_give_back,
            commands::edit_plan,
            commands::tell_agent,
            commands::preview_rollback,
            commands::confirm_rollback,
            commands::retry_undo,
            commands::skip_undo,
            commands::hand_over_undo,
            commands::confirm_undone,
            commands::allow_undo_commands,
            commands::rules,
            commands::add_rule,
            commands::add_rule_from,
            commands::revoke_rule,
            commands::rule_from,
            commands::replay,
            commands::replay_from,
            commands::insights,
            commands::settings,
            commands::save_settings,
            commands::servers,
            commands::add_server,
            commands::test_server,
            commands::look_at_server,
            commands::remove_server,
            commands::backups,
            commands::restore,
            commands::quit,
            commands::run_demo,
        ])
        .setup(move |app| {
            let engine = app.state::<Desk>().engine.clone();
            let page_data = app.state::<Desk>().home.root().join("webview");
            let tray = shell::tray::Tray::open(app.handle());
            let shown = engine.clone();
            shell::window::open(app.handle(), page_data, background, &tray, shown)?;
            #[cfg(target_os = "linux")]
            tauri::async_runtime::spawn(tray.clone().watch());
            tauri::async_runtime::spawn(shell::changes::forward(
                app.handle().clone(),
                engine,
                tray,
            ));
            Ok(())
        })
        .build(tauri::generate_context!())
        .context("The window could not be made")?;
    app.run(|_, event| {
        if let tauri::RunEvent::ExitRequested { api, code: None, .. } = event {
            // The last window was closed: the desk goes on in the tray.
            api.prevent_exit();
        }
    });
    Ok(ExitCode::SUCCESS)
}

#[expect(clippy::print_stderr, reason = "there is no window to say it in")]
fn report(error: &anyhow::Error) {
    let what_to_do = remedy(error);
    eprintln!("Handoff Desk could not start: {error:#}.\n{what_to_do}");
    shell::alert::show(&format!("{error:#}. {what_to_do}"));
}

/// What the reviewer can do about a desk that does not start.
fn remedy(error: &anyhow::Error) -> &'static str {
    if error.downcast_ref::<NoDisplay>().is_some() {
        return "Start it in your desktop session, or set DISPLAY or WAYLAND_DISPLAY to one.";
    }
    let store = error.chain().find_map(|cause| match cause.downcast_ref() {
        Some(OpenError::Store(store)) => Some(store),
        _ => cause.downcast_ref::<StoreError>(),
    });
    let no_room = error
        .chain()
        .any(|cause| matches!(cause.downcast_ref::<OpenError>(), Some(OpenError::NoRoom { .. })));
    let kind = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<std::io::Error>())
        .map(std::io::Error::kind);
    if no_room || store == Some(&StoreError::Full) || kind == Some(ErrorKind::StorageFull) {
        return "Free some space and start it again; nothing was changed.";
    }
    let unwritable = matches!(store, Some(StoreError::ReadOnly(_)))
        || matches!(kind, Some(ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied));
    if unwritable {
        return "Make the folder writable, or name another one in HANDOFF_DESK_HOME.";
    }
    if error.chain().any(|cause| cause.is::<HomeError>()) {
        return "Name a folder of your own in HANDOFF_DESK_HOME.";
    }
    if store == Some(&StoreError::Busy) {
        return "Close the other program that has the database open, and start it again.";
    }
    "The log in the desk's folder says more; the database was left as it was."
}
