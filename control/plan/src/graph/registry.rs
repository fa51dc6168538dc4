//! Which custom components can be used at a place: those of its own `declare` and `import` blocks
//! and of the bodies around it.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Around, BlockText, NodeIndex};

pub(crate) const FOREACH: &str = "foreach";

/// Whether a block of that name brings custom components from elsewhere.
pub(crate) fn is_import(name: &str) -> bool {
    matches!(
        name,
        "import.file" | "import.git" | "import.http" | "import.string"
    )
}

/// A registry's index in [`Registries`].
pub(super) type RegistryIndex = usize;

#[derive(Default)]
pub(super) struct Registries(pub Vec<Registry>);

/// The custom components that one body, or the texts of one import, declare.
pub(super) struct Registry {
    pub declares: HashMap<String, BlockText>,
    /// By label.
    pub imports: HashMap<String, Import>,
    /// Of the body around it, whose custom components can be used here too. What is imported sees
    /// nothing of where it is imported.
    pub outer: Option<RegistryIndex>,
    /// What `module_path` stands for in what is declared here.
    pub path: Arc<str>,
    /// What is visible in what is declared here, if it stands in the template of a `foreach`.
    pub around: Option<Around>,
}

pub(super) struct Import {
    pub node: NodeIndex,
    pub content: ImportContent,
}

pub(super) enum ImportContent {
    Unknown,
    Known(RegistryIndex),
    Unusable(String),
}

/// What a block's name means beside the built-in components.
pub(super) enum Custom {
    /// Not the name of a custom component.
    No,
    Declared(BlockText, RegistryIndex, Option<NodeIndex>),
    /// Its import has brought nothing yet.
    Pending(NodeIndex),
    /// It would have to be one, but is not there; perhaps with the reason.
    Missing(Option<String>),
}

impl Registries {
    pub fn add(&mut self, registry: Registry) -> RegistryIndex {
        self.0.push(registry);
        self.0.len() - 1
    }

    /// A registry and those around it, the innermost first.
    pub fn chain(&self, from: RegistryIndex) -> impl Iterator<Item = (RegistryIndex, &Registry)> {
        let next = |(_, registry): &(RegistryIndex, &Registry)| registry.outer;
        std::iter::successors(Some((from, &self.0[from])), move |at| {
            next(at).map(|outer| (outer, &self.0[outer]))
        })
    }

    /// Compat: custom components hide built-in ones that begin with the same name.
    pub fn find(&self, from: RegistryIndex, name: &str) -> Custom {
        let (first, rest) = match name.split_once('.') {
            Some((first, rest)) => (first, Some(rest)),
            None => (name, None),
        };
        let known = |registry: &Registry| {
            registry.declares.contains_key(first) || registry.imports.contains_key(first)
        };
        if !self.chain(from).any(|(_, registry)| known(registry)) {
            return Custom::No;
        }
        match rest {
            None => {
                let found = self.chain(from).find_map(|(at, registry)| {
                    let text = registry.declares.get(first)?.clone();
                    Some(Custom::Declared(text, at, None))
                });
                found.unwrap_or(Custom::Missing(None))
            }
            Some(declare) => self.find_imported(from, first, declare),
        }
    }

    fn find_imported(&self, from: RegistryIndex, import: &str, declare: &str) -> Custom {
        let mut missing = None;
        for (_, registry) in self.chain(from) {
            let Some(import) = registry.imports.get(import) else {
                continue;
            };
            match &import.content {
                ImportContent::Unknown => return Custom::Pending(import.node),
                ImportContent::Unusable(reason) => missing = Some(reason.clone()),
                ImportContent::Known(inside) => {
                    if let Some(text) = self.0[*inside].declares.get(declare) {
                        return Custom::Declared(text.clone(), *inside, Some(import.node));
                    }
                }
            }
        }
        Custom::Missing(missing)
    }

    /// All names that could be written at a place.
    pub fn names(&self, from: RegistryIndex) -> Vec<String> {
        let mut names = Vec::new();
        for (_, registry) in self.chain(from) {
            names.extend(registry.declares.keys().cloned());
            for (label, import) in &registry.imports {
                if let ImportContent::Known(inside) = import.content {
                    let inside = self.0[inside].declares.keys();
                    names.extend(inside.map(|declare| format!("{label}.{declare}")));
                }
            }
        }
        names
    }
}
