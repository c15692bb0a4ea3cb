//! The desk: see [`handoff_desk_lib`].
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

fn main() -> std::process::ExitCode {
    handoff_desk_lib::run()
}
