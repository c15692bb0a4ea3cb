//! The tasks of the repository: `cargo xtask TASK`.

fn main() -> anyhow::Result<()> {
    let folder = std::path::Path::new("ui/src/gen");
    handoff_protocol::generate::typescript(folder)?;
    Ok(())
}
