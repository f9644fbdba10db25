//! Libraries in front of the C library's calls, so that disk or clock can misbehave below the program.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Compiles a library into `dir`.
pub(crate) fn shim(dir: &Path, code: &str) -> PathBuf {
    let (source, library) = (dir.join("shim.c"), dir.join("shim.so"));
    std::fs::write(&source, code).expect("the folder can be written");
    let compiled =
        Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(&source).arg("-ldl").output();
    let compiled = compiled.expect("this test needs a C compiler: install one that is called cc");
    assert!(compiled.status.success(), "cc: {}", String::from_utf8_lossy(&compiled.stderr));
    library
}
