//! `invar demo`: the whole path without a configuration and without any other service.

use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tests::{eventually, free_port, http, invar};

const LIMIT: Duration = Duration::from_secs(20);

/// Dies with the test.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        // Gone already is as good as killed.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn the_demonstration_scrapes_relabels_logs_and_shows_itself() {
    let dir = tempfile::tempdir().expect("a scratch folder");
    let (port, shown) = (free_port(), dir.path().join("shown"));
    let storage = dir.path().join("storage");
    let child = Command::new(invar::binary())
        .arg("demo")
        .arg(format!("--server.http.listen-addr=127.0.0.1:{port}"))
        .arg(format!("--storage.path={}", storage.display()))
        .stdin(Stdio::null())
        .stdout(File::create(&shown).expect("the scratch folder is writable"))
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let guard = Guard(child);
    let metric = |name: &str| {
        let page = http::get(port, "/metrics").ok()?.text();
        let values = page.lines().filter(|line| line.starts_with(name));
        let values = values.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        Some(values.sum::<f64>())
    };
    let sent = || metric("prometheus_remote_storage_samples_total").filter(|sent| *sent > 0.0);
    eventually("samples come out of the log", LIMIT, sent);
    eventually("the terminal shows samples", LIMIT, || {
        let shown = std::fs::read_to_string(&shown).expect("it was created");
        shown.lines().any(is_up).then_some(())
    });
    let page = http::get(port, "/").expect("it answers");
    assert_eq!(page.status, 200);
    assert!(page.text().contains("Invar"), "{}", page.text());
    drop(guard);
    let inspected = Command::new(invar::binary())
        .args(["wal", "verify"])
        .arg(&storage)
        .output()
        .expect("the binary starts");
    assert!(inspected.status.success(), "{inspected:?}");
    let told = String::from_utf8_lossy(&inspected.stdout);
    assert!(told.contains("prometheus.remote_write.log"), "{told}");
}

fn is_up(line: &str) -> bool {
    line.starts_with("up{") && line.contains("site=\"demo\"") && line.contains("} 1 ")
}
