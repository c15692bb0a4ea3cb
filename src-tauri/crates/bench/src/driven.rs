//! A window of the desk on a stage, driven: the one way in which a measurement
//! opens it.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use handoff_stage::{Driver, Stage};
use handoff_transport::home::Home;

/// How long a window may take until it shows what is waited for.
const LIMIT: Duration = Duration::from_secs(30);

/// Opens the window of `program` on a home and waits until `selector` is visible
/// in it. What it says goes to the end of `driver.log` beside the stage.
pub fn open(stage: &Stage, program: &Path, home: &Home, selector: &str) -> anyhow::Result<Driver> {
    let log = File::options().create(true).append(true).open(stage.folder().join("driver.log"))?;
    let driver = Driver::open(
        stage
            .command("WebKitWebDriver")
            .env("HANDOFF_DESK_HOME", home.root())
            .env("HOME", stage.folder())
            .stdout(log.try_clone()?)
            .stderr(log),
        program,
    )?;
    driver.find(selector, LIMIT)?;
    Ok(driver)
}
