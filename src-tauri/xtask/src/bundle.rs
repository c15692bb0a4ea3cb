//! `cargo xtask bundle`: the package for Debian and its kin, put together by
//! Debian's own tools. It holds the two programs and what a desktop and a shell
//! look for; it starts nothing and sets nothing up.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::command::{Root, answer, run as run_command};
use crate::packages::{self, Purpose};
use crate::{app, ui};

/// Builds it.
pub fn run(root: &Root, profile: &str) -> anyhow::Result<()> {
    if answer(Command::new("dpkg-deb").arg("--version")).is_none() {
        bail!("a Debian package is made with dpkg-deb, which is not here: do this on a Debian");
    }
    packages::ensure(Purpose::Build)?;
    ui::install(root)?;
    ui::build(root)?;
    run_command(&mut root.cargo([
        "build",
        "--profile",
        profile,
        "--package",
        app::DESK,
        "--bin",
        app::DESK,
        "--bin",
        app::CLI,
        "--features",
        "custom-protocol",
    ]))?;
    // Cargo's one profile that is not called like its folder.
    let folder = if profile == "dev" { "debug" } else { profile };
    let package = pack(root, &root.target().join(folder), &root.target().join("bundle"))?;
    println!("The package is built. Install it with: sudo apt install {}", package.display());
    Ok(())
}

/// What it says of itself.
const SUMMARY: &str = "review what AI agents hand over";
/// Libraries that are looked for only when the app runs, which no tool sees.
const ALSO: &str = "libayatana-appindicator3-1";
/// The icons, by the size that a desktop knows them under.
const ICONS: &[(&str, &str)] =
    &[("32x32", "32x32.png"), ("128x128", "128x128.png"), ("256x256", "128x128@2x.png")];
/// Where each shell looks for what completes our commands.
const SHELLS: &[(&str, &str)] = &[
    ("bash", "usr/share/bash-completion/completions/handoff"),
    ("zsh", "usr/share/zsh/vendor-completions/_handoff"),
    ("fish", "usr/share/fish/vendor_completions.d/handoff.fish"),
];

/// Makes the package of the programs in `built`, and answers where it is.
fn pack(root: &Root, built: &Path, out: &Path) -> anyhow::Result<PathBuf> {
    let work = tempfile::tempdir()?;
    let tree = work.path().join("tree");
    for program in [app::DESK, app::CLI] {
        place(&tree.join("usr/bin").join(program), &read(&built.join(program))?)?;
    }
    for (size, icon) in ICONS {
        let to = format!("usr/share/icons/hicolor/{size}/apps/{}.png", app::DESK);
        place(&tree.join(to), &read(&root.join("icons").join(icon))?)?;
    }
    let entry = tree.join("usr/share/applications").join(app::DESK).with_extension("desktop");
    place(&entry, desktop_entry().as_bytes())?;
    // The command knows its own pages.
    let cli = built.join(app::CLI);
    place(&tree.join("usr/share/man/man1/handoff.1"), &said(&cli, &["man"])?)?;
    for (shell, path) in SHELLS {
        place(&tree.join(path), &said(&cli, &["completions", shell])?)?;
    }
    let architecture = answer(Command::new("dpkg").arg("--print-architecture"))
        .context("dpkg does not say for which machine it is")?;
    let control = control(&architecture, &libraries(work.path(), &tree)?);
    place(&tree.join("DEBIAN/control"), control.as_bytes())?;

    // Whatever the person's umask made of them.
    let modes: [(&str, &Path); 2] = [("u=rwX,go=rX", &tree), ("+x", &tree.join("usr/bin"))];
    for (mode, path) in modes {
        run_command(Command::new("chmod").args(["-R", mode]).arg(path))?;
    }
    fs::create_dir_all(out).with_context(|| format!("{} cannot be made", out.display()))?;
    let version = env!("CARGO_PKG_VERSION");
    let package = out.join(format!("{}_{version}_{architecture}.deb", app::DESK));
    run_command(
        Command::new("dpkg-deb").args(["--root-owner-group", "--build"]).args([&tree, &package]),
    )?;
    Ok(package)
}

/// What the programs are linked with, as Debian's packages.
fn libraries(work: &Path, tree: &Path) -> anyhow::Result<String> {
    // The tool wants to be in a source package of Debian's.
    let source = "Source: handoff-desk\n\nPackage: handoff-desk\nArchitecture: any\n";
    place(&work.join("debian/control"), source.as_bytes())?;
    let mut tool = Command::new("dpkg-shlibdeps");
    tool.current_dir(work).arg("-O");
    for program in [app::DESK, app::CLI] {
        tool.arg(tree.join("usr/bin").join(program));
    }
    answer(&mut tool)
        .and_then(|said| said.strip_prefix("shlibs:Depends=").map(str::to_owned))
        .context("dpkg-shlibdeps does not say which packages the programs need")
}

fn control(architecture: &str, libraries: &str) -> String {
    let (name, version) = (app::DESK, env!("CARGO_PKG_VERSION"));
    format!(
        "Package: {name}\nVersion: {version}\nArchitecture: {architecture}\nSection: utils\n\
         Priority: optional\nMaintainer: Handoff Desk\nDepends: {libraries}, {ALSO}\n\
         Description: {SUMMARY}\n A desktop app in which a person supervises AI agents: they hand \
         over\n a briefed case with one question, and go on from the answer.\n"
    )
}

/// Named as the app names itself to the desktop in its notifications.
fn desktop_entry() -> String {
    let name = app::DESK;
    format!(
        "[Desktop Entry]\nType=Application\nName=Handoff Desk\nComment=Review what AI agents hand \
         over\nExec={name}\nIcon={name}\nStartupWMClass={name}\nCategories=Utility;\n\
         Terminal=false\n"
    )
}

fn said(program: &Path, args: &[&str]) -> anyhow::Result<Vec<u8>> {
    let mut text = answer(Command::new(program).args(args))
        .with_context(|| format!("{} {} failed", program.display(), args.join(" ")))?;
    text.push('\n');
    Ok(text.into_bytes())
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("{} cannot be read", path.display()))
}

fn place(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let written = path.parent().map_or(Ok(()), fs::create_dir_all);
    written
        .and_then(|()| fs::write(path, content))
        .with_context(|| format!("{} cannot be written", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_holds_the_programs_and_needs_their_libraries() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        // A program that answers everything, in place of both.
        for program in [app::DESK, app::CLI] {
            fs::copy("/usr/bin/true", folder.path().join(program))?;
        }
        let package = pack(&Root::find()?, folder.path(), &folder.path().join("out"))?;

        let list = answer(Command::new("dpkg-deb").arg("--contents").arg(&package));
        let list = list.context("the package can be listed")?;
        for line in ["-rwxr-xr-x root/root", "./usr/bin/handoff\n", "./usr/bin/handoff-desk\n"] {
            assert!(list.contains(line), "{line} is not in {list}");
        }
        assert!(list.contains("./usr/share/applications/handoff-desk.desktop"), "{list}");
        let needs = answer(Command::new("dpkg-deb").arg("-f").arg(&package).arg("Depends"));
        let needs = needs.context("the package says what it needs")?;
        assert!(needs.contains("libc6 (>= ") && needs.ends_with(ALSO), "{needs}");
        Ok(())
    }
}
