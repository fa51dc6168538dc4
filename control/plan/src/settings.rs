//! Blocks that set something up: who is told about their arguments.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

type Apply = Box<dyn Fn(Option<Arc<dyn Any + Send + Sync>>)>;

/// What to call with a block's decoded arguments when they are new or changed, and with `None` when
/// the block is no longer there.
#[derive(Default)]
pub struct Settings {
    apply: BTreeMap<&'static str, Apply>,
}

impl Settings {
    pub fn new() -> Settings {
        Settings::default()
    }

    /// `A` is the type of the arguments that the block's descriptor decodes.
    pub fn on<A: schema::Arguments>(
        mut self,
        block: &'static str,
        apply: impl Fn(Option<Arc<A>>) + 'static,
    ) -> Settings {
        let erased = move |arguments: Option<Arc<dyn Any + Send + Sync>>| {
            apply(arguments.map(|arguments| {
                arguments
                    .downcast()
                    .expect("arguments were decoded by this block's descriptor")
            }));
        };
        self.apply.insert(block, Box::new(erased));
        self
    }

    pub(crate) fn set(&self, block: &str, arguments: Arc<dyn Any + Send + Sync>) {
        if let Some(apply) = self.apply.get(block) {
            apply(Some(arguments));
        }
    }

    pub(crate) fn unset(&self, block: &str) {
        if let Some(apply) = self.apply.get(block) {
            apply(None);
        }
    }
}
