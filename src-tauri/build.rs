//! Makes sure there is a window to embed, and tells Tauri where its parts are.

use std::path::Path;

fn main() {
    // A bare `cargo build` works without Node: the window then says what to do.
    let page = Path::new("ui/dist/index.html");
    if !page.exists() {
        let text = "<!doctype html><title>Handoff Desk</title>\
                    <p>The window is not built yet: run <code>cargo xtask run</code>.</p>";
        let made = std::fs::create_dir_all("ui/dist").and_then(|()| std::fs::write(page, text));
        if let Err(error) = made {
            println!("cargo:warning=ui/dist could not be made: {error}");
        }
    }
    for folder in ["ui/dist", "src-tauri/capabilities", "src-tauri/permissions"] {
        println!("cargo:rerun-if-changed={folder}");
    }
    let attributes = tauri_build::Attributes::new()
        .capabilities_path_pattern("src-tauri/capabilities/**/*")
        .app_manifest(
            tauri_build::AppManifest::new().permissions_path_pattern("src-tauri/permissions/**/*"),
        );
    if let Err(error) = tauri_build::try_build(attributes) {
        println!("cargo:warning={error:#}");
        std::process::exit(1);
    }
}
