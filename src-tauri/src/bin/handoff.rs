//! The command line for agents, hooks and scripts. It links no window.

fn main() -> std::process::ExitCode {
    handoff_cli::main()
}
