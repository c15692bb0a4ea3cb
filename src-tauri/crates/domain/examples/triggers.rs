//! Prints how often each trigger is right: `cargo xtask triggers`.

#![expect(clippy::print_stdout, clippy::expect_used, reason = "it prints, or says what is broken")]

#[path = "../tests/triggers/measure.rs"]
mod measure;
#[path = "../tests/triggers/notation.rs"]
mod notation;

fn main() {
    print!("{}", measure::table(&measure::rows()));
}
