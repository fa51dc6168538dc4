//! A Python with what a test's script imports, from the package index of the machine.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::scratch;

/// A Python with the packages of a requirements file, made on first use below the target directory
/// and anew when the file changes. Tests of one binary that share a file wait for each other.
pub fn with(requirements: &Path) -> PathBuf {
    let wanted = std::fs::read_to_string(requirements).expect("the requirements are there");
    let folder = requirements.parent().and_then(Path::file_name);
    let name = folder
        .expect("requirements lie in a folder")
        .to_string_lossy();
    let venv = scratch().join(format!("{name}-venv"));
    let python = venv.join("bin/python");
    let done = venv.join("done");
    if std::fs::read_to_string(&done).is_ok_and(|made_of| made_of == wanted) {
        return python;
    }
    succeed(Command::new("python3").arg("-m").arg("venv").arg(&venv));
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "-q", "-r"]);
    succeed(install.arg(requirements));
    std::fs::write(done, wanted).expect("the target directory is writable");
    python
}

fn succeed(command: &mut Command) {
    let status = command.status().expect("python3 (with venv) is installed");
    assert!(status.success(), "failed: {command:?}");
}
