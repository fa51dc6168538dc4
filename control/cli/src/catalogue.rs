//! The composition root: all families and blocks that this binary knows.

use plan::{Catalogue, Kind};

use crate::settings;

pub fn catalogue() -> Catalogue {
    let data = prometheus::COMPONENTS
        .iter()
        .map(|component| Kind::Data(component));
    let resolvers = discovery::COMPONENTS.iter().chain(sources::COMPONENTS);
    let resolvers = resolvers.map(|component| Kind::Resolver(component));
    let settings = settings::DESCRIPTORS
        .iter()
        .map(|descriptor| Kind::Setting(descriptor));
    Catalogue::new(data.chain(resolvers).chain(settings))
}
