//! The program under test: built once, started with a configuration, killed with its guard.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use crate::{eventually, free_port, http, root};

/// The binary, built on first use in the profile that these tests were built in.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(given) = std::env::var_os("INVAR_BIN") {
            return PathBuf::from(given);
        }
        let release = !cfg!(debug_assertions);
        let mut cargo = Command::new(env!("CARGO"));
        cargo
            .args(["build", "--quiet", "--package", "cli", "--bin", "invar"])
            .current_dir(root());
        if release {
            cargo.arg("--release");
        }
        let status = cargo.status().expect("cargo runs");
        assert!(status.success(), "the binary does not build");
        let target = std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| root().join("target"), PathBuf::from);
        target
            .join(if release { "release" } else { "debug" })
            .join("invar")
    })
}

/// A running gateway.
pub struct Invar {
    pub http: u16,
    pub dir: PathBuf,
    args: Vec<String>,
    announced: Vec<&'static str>,
    login: Option<(&'static str, &'static str)>,
    child: Option<Child>,
}

impl Invar {
    /// Starts with `config` in a fresh folder and waits until it is ready.
    pub fn start(config: &str) -> Invar {
        Invar::start_with(config, &[])
    }

    /// As [`Invar::start`], where the `http` block lets in only who sends this header.
    pub fn start_locked(config: &str, login: (&'static str, &'static str)) -> Invar {
        let mut invar = Invar::prepare(config, &[]);
        invar.login = Some(login);
        invar.spawn();
        invar
    }

    /// As [`Invar::start`], with more flags of `run`.
    pub fn start_with(config: &str, args: &[&str]) -> Invar {
        let mut invar = Invar::prepare(config, args);
        invar.spawn();
        invar
    }

    fn prepare(config: &str, args: &[&str]) -> Invar {
        let dir = tempfile::Builder::new()
            .prefix("invar-")
            .tempdir()
            .expect("a scratch folder")
            .keep();
        std::fs::write(dir.join("config.alloy"), config).expect("the scratch folder is writable");
        let args = args.iter().map(|arg| (*arg).to_owned()).collect();
        Invar {
            http: free_port(),
            dir,
            args,
            announced: Vec::new(),
            login: None,
            child: None,
        }
    }

    /// Starts again on the same storage, after [`Invar::kill`] or [`Invar::stop`].
    pub fn spawn(&mut self) {
        assert!(self.child.is_none(), "already running");
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.dir.join("log"))
            .expect("a log file");
        let child = Command::new(binary())
            .arg("run")
            .arg(self.dir.join("config.alloy"))
            .arg(format!("--server.http.listen-addr=127.0.0.1:{}", self.http))
            .arg(format!(
                "--storage.path={}",
                self.dir.join("storage").display()
            ))
            .arg("--stability.level=experimental")
            .args(&self.args)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log file"))
            .stderr(log)
            .spawn()
            .expect("the binary starts");
        self.child = Some(child);
        let http = self.http;
        let login: Vec<_> = self.login.into_iter().collect();
        let log = self.dir.join("log");
        eventually(
            &format!("ready; see {}", log.display()),
            Duration::from_secs(20),
            || {
                http::send(http, "GET", "/-/ready", &login, &[])
                    .ok()
                    .filter(|response| response.status == 200)
            },
        );
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("running");
        child.kill().expect("a running child can be killed");
        child.wait().expect("a killed child ends");
    }

    /// SIGTERM, and the exit status; panics when it takes more than ten seconds.
    pub fn stop(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("running");
        let status = Command::new("kill")
            .arg(child.id().to_string())
            .status()
            .expect("kill runs");
        assert!(status.success());
        eventually(
            "the program ends after SIGTERM",
            Duration::from_secs(10),
            || child.try_wait().expect("a child can be asked"),
        )
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.join("log")).expect("a log file")
    }

    /// Lets the log complain with lines that contain `text`; any other warning or error fails the
    /// test when it ends.
    pub fn announce(mut self, text: &'static str) -> Invar {
        self.announced.push(text);
        self
    }

    /// Log lines of level warn and error that contain none of `announced`.
    pub fn complaints(&self, announced: &[&str]) -> Vec<String> {
        let log = self.log();
        let bad = log
            .lines()
            .filter(|line| line.contains("level=warn") || line.contains("level=error"));
        bad.filter(|line| !announced.iter().any(|known| line.contains(known)))
            .map(str::to_owned)
            .collect()
    }

    /// Its own metrics whose name is `name`, as (labels, value).
    pub fn metrics(&self, name: &str) -> Vec<(String, f64)> {
        let text = http::get(self.http, "/metrics")
            .expect("the admin port answers")
            .text();
        let mut found = Vec::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (series, value) = line
                .rsplit_once(' ')
                .expect("an exposition line has a value");
            let (metric, labels) = series.split_once('{').unwrap_or((series, "}"));
            if metric == name {
                let value = value.parse().expect("an exposition value is a number");
                found.push((labels.trim_end_matches('}').to_owned(), value));
            }
        }
        found
    }

    /// Its memory that is not of files, as the system tells it.
    #[cfg(target_os = "linux")]
    pub fn anonymous_bytes(&self) -> u64 {
        let pid = self.child.as_ref().expect("it runs").id();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("RssAnon:"));
        let kib = line.and_then(|line| line.trim().strip_suffix("kB"));
        kib.map(str::trim)
            .and_then(|kib| kib.parse::<u64>().ok())
            .expect("a number of kB")
            << 10
    }

    /// The sum of one of its metrics over all label sets.
    pub fn metric(&self, name: &str) -> f64 {
        self.metrics(name).iter().map(|(_, value)| value).sum()
    }
}

impl Drop for Invar {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Gone already is as good as killed.
            child.kill().ok();
            child.wait().ok();
        }
        if std::thread::panicking() {
            eprintln!("kept for a look: {}", self.dir.display());
            return;
        }
        let complaints = self.complaints(&self.announced);
        let dir = self.dir.display();
        assert!(
            complaints.is_empty(),
            "not announced, see {dir}: {complaints:#?}"
        );
        std::fs::remove_dir_all(&self.dir).ok();
    }
}
