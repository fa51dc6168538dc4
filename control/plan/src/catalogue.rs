//! What block names of a configuration can mean: the list that the binary is composed of.

use std::collections::HashMap;

use schema::Descriptor;

/// What a block name stands for.
#[derive(Clone, Copy)]
pub enum Kind {
    /// A component of the dataplane: its instances live on shards.
    Data(&'static engine::Component),
    /// A component of the control plane, which only computes exports.
    Resolver(&'static eval::Component),
    /// A block that brings custom components from elsewhere. Its source exports `files`, an object
    /// of texts by name, and `module_path`.
    Import(&'static eval::Component),
    /// A block that sets something up and exports nothing, such as `logging`.
    Setting(&'static Descriptor),
}

impl Kind {
    pub fn descriptor(self) -> &'static Descriptor {
        match self {
            Kind::Data(component) => &component.descriptor,
            Kind::Resolver(component) | Kind::Import(component) => &component.descriptor,
            Kind::Setting(descriptor) => descriptor,
        }
    }

    pub fn is_component(self) -> bool {
        matches!(self, Kind::Data(_) | Kind::Resolver(_))
    }
}

/// All kinds by name.
#[derive(Default)]
pub struct Catalogue {
    kinds: HashMap<&'static str, Kind>,
}

impl Catalogue {
    pub fn new(kinds: impl IntoIterator<Item = Kind>) -> Catalogue {
        let mut catalogue = Catalogue::default();
        for kind in kinds {
            let name = kind.descriptor().name;
            let previous = catalogue.kinds.insert(name, kind);
            assert!(previous.is_none(), "\"{name}\" is in the catalogue twice");
        }
        catalogue
    }

    pub fn get(&self, name: &str) -> Option<Kind> {
        self.kinds.get(name).copied()
    }

    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.kinds.keys().copied()
    }

    /// Sorted by name.
    pub fn kinds(&self) -> Vec<Kind> {
        let mut kinds: Vec<Kind> = self.kinds.values().copied().collect();
        kinds.sort_by_key(|kind| kind.descriptor().name);
        kinds
    }
}
