//! livedebugging: whether the page may show data that passes.
//! Reference: docs/sources/reference/config-blocks/livedebugging.md

use schema::Descriptor;

pub static DESCRIPTOR: Descriptor = super::block::<LiveDebugging>("livedebugging");

#[derive(schema::Arguments)]
pub struct LiveDebugging {
    /// Whether it is on.
    #[arg(default = false)]
    pub enabled: bool,
}

pub fn apply(arguments: Option<&LiveDebugging>, live: &crate::LiveDebugging) {
    live.set(arguments.is_some_and(|arguments| arguments.enabled));
}
