//! `cargo xtask gen [--check]`.

use std::env;

use anyhow::bail;

fn main() -> anyhow::Result<()> {
    let root = env::current_dir()?;
    match env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => handoff_generate::write(&root),
        [check] if check == "--check" => handoff_generate::check(&root),
        other => bail!("only --check is known here, not {other:?}"),
    }
}
