//! The page in a real browser: what its script makes of the API, as somebody sees it.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use tests::eventually;
use tests::invar::Invar;

/// Names of browsers that print the page they come to; `.ci/run` sees to one.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

fn browser() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let found = BROWSERS
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    found.into_iter().find(|path| path.is_file())
}

/// The page after its script has run for some seconds of the browser's own time.
fn page(browser: &PathBuf, url: &str) -> String {
    let profile = tempfile::tempdir().expect("a scratch folder");
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"])
        // Small machines and containers have little of what it shares memory by.
        .args(["--disable-dev-shm-usage", "--virtual-time-budget=5000"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(url)
        .output()
        .expect("the browser starts");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_page_shows_components_their_health_and_details() {
    let Some(browser) = browser() else {
        eprintln!("skipped: none of {BROWSERS:?} is on PATH, install Debian's package chromium");
        return;
    };
    let dir = tempfile::tempdir().expect("a scratch folder");
    let file = dir.path().join("content");
    std::fs::write(&file, "x").expect("a scratch folder");
    let invar = Invar::start(&format!(
        "prometheus.echo \"good\" {{ }}\n\
         local.file \"bad\" {{\n filename = \"{}\"\n\
         detector = \"poll\"\n poll_frequency = \"1s\"\n}}\n",
        file.display()
    ))
    .announce("content");
    std::fs::remove_file(&file).expect("it is there");
    let url = |path: &str| format!("http://127.0.0.1:{}/{path}", invar.http);

    eventually("both components and their health", SLOW, || {
        let page = page(&browser, &url(""));
        let row = |id: &str| {
            let start = page.find(&format!("<tr><td><a href=\"component/{id}\""))?;
            let row = &page[start..];
            Some(row[..row.find("</tr>")?].to_owned())
        };
        let good = row("prometheus.echo.good")?.contains(">healthy<");
        let bad = row("local.file.bad")?.contains(">unhealthy<");
        (good && bad && page.contains("1 of 2")).then_some(())
    });
    eventually("the details of a component", SLOW, || {
        let page = page(&browser, &url("component/local.file.bad"));
        let details = page.split("<aside").nth(1)?;
        (details.contains("local.file.bad") && details.contains("poll_frequency")).then_some(())
    });
}

/// A browser takes seconds to start, and more on a machine with other work.
const SLOW: Duration = Duration::from_secs(90);
