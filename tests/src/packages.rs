//! Real servers from the distribution: taken from PATH, or unpacked from Debian's packages without
//! installing.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::{eventually, http, scratch};

/// The path of `program` from Debian package `package`.
///
/// A program that is not on PATH is unpacked below the target directory by `apt-get download` and
/// `dpkg -x`, which needs no rights; only stale package lists need root (`apt-get update`).
pub fn program(package: &str, program: &str) -> PathBuf {
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let mut found = std::env::split_paths(&on_path).map(|dir| dir.join(program));
    if let Some(path) = found.find(|path| path.is_file()) {
        return path;
    }
    let unpacked = scratch().join("packages").join(package);
    let path = unpacked.join("usr/bin").join(program);
    if !path.is_file() {
        unpack(package, &unpacked);
    }
    assert!(path.is_file(), "package {package} has no usr/bin/{program}");
    path
}

/// The folder that packages are unpacked into together, a program with the libraries it needs.
pub fn unpacked(packages: &[&str]) -> PathBuf {
    let folder = scratch().join("packages").join(packages.join("+"));
    let whole = folder.join("whole");
    if !whole.is_file() {
        for package in packages {
            unpack(package, &folder);
        }
        std::fs::write(whole, "").expect("the target directory is writable");
    }
    folder
}

fn unpack(package: &str, into: &Path) {
    std::fs::create_dir_all(into).expect("the target directory is writable");
    let download = || {
        Command::new("apt-get")
            .args(["download", package])
            .current_dir(into)
            .status()
    };
    let fetched = download().is_ok_and(|status| status.success()) || {
        let updated = Command::new("apt-get").args(["update", "-q"]).status();
        updated.is_ok_and(|status| status.success())
            && download().is_ok_and(|status| status.success())
    };
    assert!(
        fetched,
        "install {package} (Debian package), which this test runs for real, and try again"
    );
    for entry in std::fs::read_dir(into).expect("just made").flatten() {
        if entry
            .path()
            .extension()
            .is_some_and(|extension| extension == "deb")
        {
            let status = Command::new("dpkg")
                .arg("-x")
                .arg(entry.path())
                .arg(into)
                .status();
            assert!(
                status.is_ok_and(|status| status.success()),
                "{package} does not unpack"
            );
        }
    }
}

/// A server that dies with this guard.
pub struct Server {
    pub port: u16,
    child: Child,
}

impl Server {
    /// Starts `command` and waits until `GET path` on `port` answers 200.
    pub fn start(command: &mut Command, port: u16, path: &str) -> Server {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server starts");
        let server = Server { port, child };
        eventually(
            &format!("{command:?} answers"),
            Duration::from_secs(30),
            || {
                http::get(port, path)
                    .ok()
                    .filter(|response| response.status == 200)
            },
        );
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
