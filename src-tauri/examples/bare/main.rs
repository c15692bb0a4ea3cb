//! A window of the same size on a page of one line: the floor that `cargo
//! xtask bench` holds the desk's start and memory against. It has no desk in
//! it, and nothing that Tauri does not need to open a window.

use tauri::{WebviewUrl, WebviewWindowBuilder};

fn main() -> tauri::Result<()> {
    tauri::Builder::default()
        .setup(|app| {
            WebviewWindowBuilder::new(app, "bare", WebviewUrl::default())
                .title("Bare window")
                .inner_size(1320.0, 840.0)
                .build()?;
            Ok(())
        })
        .run(tauri::generate_context!("src-tauri/examples/bare/tauri.conf.json"))
}
