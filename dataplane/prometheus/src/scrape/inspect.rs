//! The debug information of the API: the targets of this shard.

use std::time::Duration;

use schema::{Attribute, Block, Body, Value};

use super::pool::{Member, Pool};
use crate::series_budget;

/// One `target` block a target.
pub fn body(pool: &Pool) -> Body {
    let mut members = pool.members();
    members.sort_by(|left, right| left.target.url.cmp(&right.target.url));
    let mut blocks: Vec<Block> = members.iter().map(|member| block(member)).collect();
    blocks.extend(series_budget::blocks(&pool.gate));
    Body {
        blocks,
        ..Body::default()
    }
}

fn block(member: &Member) -> Block {
    let target = &member.target;
    let last = member.last.borrow();
    let error = last.as_ref().and_then(|last| last.error.clone());
    let health = match (&*last, &error) {
        (None, _) => "unknown",
        (Some(_), None) => "up",
        (Some(_), Some(_)) => "down",
    };
    let labels = target
        .labels
        .iter()
        .map(|(name, value)| (name, Value::string(value)));
    let mut attributes = vec![
        Attribute::new("job", Value::string(target.job.as_str())),
        Attribute::new("url", Value::string(target.url.as_str())),
        Attribute::new("health", Value::string(health)),
        Attribute::new("labels", Value::object(labels)),
    ];
    if let Some(error) = error {
        attributes.push(Attribute::new("last_error", Value::string(error)));
    }
    let wall_ns = last.as_ref().map_or(0, |last| last.wall_ns);
    let duration = last.as_ref().map_or(Duration::ZERO, |last| last.duration);
    attributes.push(Attribute::new("last_scrape", Value::string(time(wall_ns))));
    if !duration.is_zero() {
        let text = stdx::format_duration(duration);
        attributes.push(Attribute::new("last_scrape_duration", Value::string(text)));
    }
    let body = Body {
        attributes,
        ..Body::default()
    };
    Block::new("target", body)
}

/// RFC 3339 in UTC; a time that was never is the year 1, as in the reference.
fn time(wall_ns: i64) -> String {
    if wall_ns == 0 {
        return "0001-01-01T00:00:00Z".to_owned();
    }
    jiff::Timestamp::from_nanosecond(i128::from(wall_ns))
        .map(|time| time.to_string())
        .unwrap_or_default()
}
