//! The program: the name it was called by decides what it is.

use std::process::ExitCode;

fn main() -> ExitCode {
    godwit::cli::main()
}
