//! The `parlance` binary: reads the command line and does what it says.

fn main() -> std::process::ExitCode {
    parlance::cli::main()
}
