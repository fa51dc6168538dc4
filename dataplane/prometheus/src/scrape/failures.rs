//! The file of `scrape_failure_log_file`: a line of JSON for each failed scrape, in the fields that
//! Prometheus writes. Nobody waits for it to be on disk, and a file that cannot be written costs
//! lines in the log, never a scrape.

use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use engine::Throttle;

use super::error::ScrapeError;
use super::pool::Member;

/// Writes the lines of one instance.
pub struct FailureFile {
    node: Rc<str>,
    trouble: Throttle,
}

/// How often trouble with the file is logged.
const LOG_INTERVAL: Duration = Duration::from_secs(30);

impl FailureFile {
    pub fn new(node: &Rc<str>) -> FailureFile {
        FailureFile {
            node: node.clone(),
            trouble: Throttle::new(LOG_INTERVAL),
        }
    }

    pub async fn write(&self, path: &Path, member: &Member, error: &ScrapeError) {
        let line = line(&member.target.job, &member.target.url, error);
        let Err(cause) = runtime::fs::append(path, line.into_bytes()).await else {
            return;
        };
        if let Some(held_back) = self.trouble.pass() {
            let (node, path) = (&*self.node, path.display());
            tracing::warn!(
                component_id = node,
                held_back,
                "cannot write to scrape_failure_log_file \"{path}\": {cause}"
            );
        }
    }
}

fn line(job: &str, url: &str, error: &ScrapeError) -> String {
    let time = jiff::Timestamp::from_millisecond(runtime::wall_ms()).unwrap_or_default();
    let text = |text: &str| serde_json::Value::from(text).to_string();
    format!(
        "{{\"time\":\"{time:.3}\",\"level\":\"ERROR\",\"msg\":{},\"job_name\":{},\"target\":{}}}\n",
        text(&error.to_string()),
        text(job),
        text(url),
    )
}
