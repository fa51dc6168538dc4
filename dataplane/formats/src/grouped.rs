//! Items that come with their own resource and scope, gathered into a tree.

use batch::otlp::{
    Attributes, Item, Lazy, OtlpBatch, Resource, ResourceGroup, Scope, ScopeGroup, Text, Tree,
};

/// What the decoders of formats without groups add to. Groups keep the order in which they came.
pub(crate) struct Grouped<'a, I> {
    tree: Tree<'a, I>,
}

impl<'a, I: Item<'a>> Grouped<'a, I> {
    pub fn new() -> Grouped<'a, I> {
        Grouped {
            tree: Tree::default(),
        }
    }

    /// The items of a resource and scope. Looks at the last groups first: senders mostly mention
    /// one after the other. Costs a comparison with every resource when it is a new one.
    pub fn items(
        &mut self,
        resource: &Attributes<'a>,
        name: &str,
        version: &str,
    ) -> &mut Vec<Lazy<'a, I>> {
        let groups = &mut self.tree.resources;
        let known = |group: &ResourceGroup<'a, I>| group.resource.get().attributes == *resource;
        let at = groups.iter().rposition(known).unwrap_or_else(|| {
            groups.push(ResourceGroup {
                resource: Lazy::new(Resource {
                    attributes: resource.clone(),
                    ..Resource::default()
                }),
                scopes: Vec::new(),
                schema_url: Text::default(),
            });
            groups.len() - 1
        });
        let scopes = &mut groups[at].scopes;
        let known = |group: &ScopeGroup<'a, I>| {
            let scope = group.scope.get();
            scope.name == name && scope.version == version
        };
        let at = scopes.iter().rposition(known).unwrap_or_else(|| {
            scopes.push(ScopeGroup {
                scope: Lazy::new(Scope {
                    name: name.to_owned().into(),
                    version: version.to_owned().into(),
                    ..Scope::default()
                }),
                items: Vec::new(),
                schema_url: Text::default(),
            });
            scopes.len() - 1
        });
        &mut scopes[at].items
    }

    pub fn encode(&self) -> OtlpBatch {
        self.tree.encode()
    }
}
