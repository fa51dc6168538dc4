//! Keeps positions on disk, and shows them.

use std::rc::Rc;
use std::time::Duration;

use schema::{Attribute, Block, Body, Span, Value, ValueSpan};

use super::files::Files;
use super::positions::{self, Key};

/// How often positions are saved: a killed process delivers again what it read since. Of many files
/// less often, for all of them are written each time.
const SAVE_MIN: Duration = Duration::from_secs(1);
const SAVE_MAX: Duration = Duration::from_secs(10);
const SAVE_COST: Duration = Duration::from_micros(500);

/// How often the reference's positions file is written.
const PROJECT_INTERVAL: Duration = Duration::from_secs(10);

impl Files {
    pub(super) async fn keep_positions(self: Rc<Self>) {
        loop {
            let count = u32::try_from(self.tails.borrow().len()).unwrap_or(u32::MAX);
            let interval = SAVE_COST.saturating_mul(count);
            runtime::sleep(interval.clamp(SAVE_MIN, SAVE_MAX)).await;
            self.save().await;
        }
    }

    pub(super) async fn save(&self) {
        if !self.unsaved.replace(false) {
            return;
        }
        let mut all: Vec<(Key, _)> = Vec::new();
        {
            let tails = self.tails.borrow();
            for (key, tail) in &*tails {
                all.extend(tail.position().map(|position| (key.clone(), position)));
            }
        }
        let entries = all.iter().map(|(key, position)| (key, *position));
        let saved = positions::save(&self.folder, self.cx.shard_index, entries).await;
        if let Err(error) = saved {
            self.unsaved.set(true);
            let node = &*self.cx.node;
            tracing::error!(
                component_id = node,
                "cannot save positions of files: {error}"
            );
        }
    }

    pub(super) async fn project(self: Rc<Self>) {
        if self.cx.shard_index != 0 {
            return;
        }
        loop {
            runtime::sleep(PROJECT_INTERVAL).await;
            self.write_projection().await;
        }
    }

    pub(super) async fn write_projection(&self) {
        if let Err(error) = positions::project(&self.folder).await {
            let node = &*self.cx.node;
            tracing::warn!(component_id = node, "positions.yml is not written: {error}");
        }
    }

    /// What the API shows of the targets.
    pub fn inspect(&self) -> Body {
        let mut body = Body::default();
        for (key, tail) in &*self.tails.borrow() {
            let offset = tail.position().map_or(0, |position| position.offset);
            let fields = [
                ("path", Value::string(key.path.as_str())),
                ("labels", Value::string(key.labels.as_str())),
                ("is_running", Value::from(!tail.failed.get())),
                ("read_offset", Value::from(offset as i64)),
            ];
            let attribute = |(name, value): (&str, Value)| Attribute {
                name: name.to_owned(),
                value,
                span: Span::default(),
                value_span: ValueSpan::at(Span::default()),
            };
            body.blocks.push(Block {
                name: "targets_info".to_owned(),
                label: None,
                body: Body {
                    attributes: fields.into_iter().map(attribute).collect(),
                    ..Body::default()
                },
                span: Span::default(),
            });
        }
        body
    }
}
