//! Blocks that stand for a body of blocks: custom components, imports, `foreach`. Each becomes a
//! module with its nodes in place.

use std::collections::HashMap;
use std::sync::Arc;

use schema::Stability;
use syntax::{Block, Diagnostic, Tree};

use super::build::{Builder, Place};
use super::registry::{FOREACH, Import, ImportContent, Registry, RegistryIndex};
use super::{Around, BlockText, Node, NodeIndex, Role};
use crate::catalogue::Kind;
use crate::knowledge::{Content, Imported, Items};
use crate::limits::{IMPORT_DEPTH_MAX, MODULE_DEPTH_MAX};

impl Builder<'_> {
    /// A custom component whose declaration is there.
    pub fn custom(
        &mut self,
        text: BlockText,
        place: Place,
        declare: BlockText,
        registry: RegistryIndex,
        import: Option<NodeIndex>,
    ) {
        let block = text.block();
        let Some(label) = self.label(block) else {
            return;
        };
        let label = Some(label.text.to_owned());
        if !self.open(block, &declare) {
            return;
        }
        // The module's index is needed by the node and the other way round.
        let module = self.graph.modules.len();
        let role = Role::Input(module);
        let Some(input) = self.node(text.clone(), place, role, label) else {
            return;
        };
        if let Some(import) = import {
            self.depend(input, import);
        }
        self.declared(input, &declare, registry);

        let node = &self.graph.nodes[input];
        let exports = Node {
            id: node.id.clone(),
            local_id: node.local_id.clone(),
            name: node.name.clone(),
            label: node.label.clone(),
            module: node.module,
            role: Role::Exports(module),
            text,
            references: Vec::new(),
            dependents: Vec::new(),
        };
        let local_id = exports.local_id.clone();
        if let Some(at) = self.add(exports) {
            let names = &mut self.graph.modules[place.module].names;
            names.insert(local_id, at);
        }
    }

    /// Whether the inside of a declare or template can be expanded here; reports if not.
    fn open(&mut self, block: Block<'_>, inside: &BlockText) -> bool {
        if self.expanding.iter().any(|open| open.same(inside)) {
            let message = format!("custom component \"{}\" contains itself", block.name());
            let error = Diagnostic::error(block.name_span(), message);
            self.recursions.push(error.path(block.id_path()));
            return false;
        }
        if self.expanding.len() == MODULE_DEPTH_MAX {
            let message = format!("custom components are nested deeper than {MODULE_DEPTH_MAX}");
            self.error(block, message);
            return false;
        }
        true
    }

    /// The inside of a declare, around an input that was made already.
    fn declared(&mut self, input: NodeIndex, declare: &BlockText, registry: RegistryIndex) {
        let Registry { path, around, .. } = &self.registries.0[registry];
        let (path, around) = (path.clone(), around.clone());
        let id = self.graph.nodes[input].id.clone();
        let module = self.module(id, Some(input), around.clone(), path.clone());
        let inner = self.registries.add(Registry {
            declares: HashMap::new(),
            imports: HashMap::new(),
            outer: Some(registry),
            path,
            around,
        });
        if self.inputs.samples {
            self.expanded.push(declare.clone());
        }
        self.expanding.push(declare.clone());
        let place = Place {
            module,
            registry: inner,
        };
        self.bodies(&[(&declare.tree, declare.block().body())], place);
        self.expanding.pop();
    }

    /// A custom component of an import that has brought nothing yet.
    pub fn pending(&mut self, text: BlockText, place: Place, import: NodeIndex) {
        let Some(label) = self.label(text.block()) else {
            return;
        };
        let label = Some(label.text.to_owned());
        if let Some(at) = self.node(text.clone(), place, Role::Pending, label) {
            self.depend(at, import);
        }
    }

    /// What a node depends on beside the references in its text.
    fn depend(&mut self, at: NodeIndex, target: NodeIndex) {
        self.graph.nodes[at].references.push(super::Reference {
            target,
            export: None,
        });
    }

    /// An `import` block: its source, and what it brought if that is known.
    pub fn import(&mut self, tree: &Arc<Tree>, block: Block<'_>, place: Place) {
        let Some(label) = self.label(block) else {
            return;
        };
        let Some(Kind::Import(component)) = self.inputs.catalogue.get(&block.name()) else {
            let message = format!("\"{}\" is not available in this program", block.name());
            return self.error(block, message);
        };
        let label = label.text.to_owned();
        let text = BlockText::new(tree, block);
        let role = Role::Import(component);
        let Some(node) = self.node(text, place, role, Some(label.clone())) else {
            return;
        };
        let imports = &self.registries.0[place.registry].imports;
        if let Some(other) = imports.get(&label) {
            let first = self.graph.nodes[other.node].text.span();
            let message = format!("the namespace \"{label}\" is imported twice");
            let error = Diagnostic::error(block.name_span(), message);
            let error = error.related(first, "first imported here");
            return self.errors.push(error);
        }
        let knowledge = self.inputs.knowledge;
        let content = match knowledge.imports.get(&self.graph.nodes[node].id) {
            Some(imported) => self.imported(node, imported),
            None => ImportContent::Unknown,
        };
        let imports = &mut self.registries.0[place.registry].imports;
        imports.insert(label, Import { node, content });
    }

    /// The texts of an import. They see nothing of where they are imported, but its `module_path`.
    fn imported(&mut self, node: NodeIndex, imported: &Imported) -> ImportContent {
        let (id, text) = (
            self.graph.nodes[node].id.clone(),
            self.graph.nodes[node].text.clone(),
        );
        let trees = match &imported.content {
            Content::Trees(trees) => trees,
            Content::Unusable(reason) => return ImportContent::Unusable(reason.clone()),
        };
        if let Some(error) = self.refuse_import(node) {
            self.errors.push(error);
            return ImportContent::Unknown;
        }
        let path = imported.path.clone();
        let module = self.module(id, Some(node), None, path.clone());
        let registry = self.registries.add(Registry {
            declares: HashMap::new(),
            imports: HashMap::new(),
            outer: None,
            path,
            around: None,
        });
        self.expanding.push(text);
        let bodies: Vec<_> = trees.iter().map(|tree| (tree, tree.body())).collect();
        self.bodies(&bodies, Place { module, registry });
        self.expanding.pop();
        ImportContent::Known(registry)
    }

    /// Refuses an import of what it is imported by, and one from a server that reads files here.
    fn refuse_import(&self, node: NodeIndex) -> Option<Diagnostic> {
        let node = &self.graph.nodes[node];
        let mut chain = Vec::new();
        let mut at = node.module;
        while let Some(input) = self.graph.modules[at].input {
            let outer = &self.graph.nodes[input];
            if let Role::Import(_) = outer.role {
                chain.push(outer);
            }
            at = outer.module;
        }
        let files = |node: &Node| {
            let imported = self.inputs.knowledge.imports.get(&node.id);
            imported.map(|it| it.files.clone()).unwrap_or_default()
        };
        let own = files(node);
        let again = |outer: &&&Node| outer.name == node.name && files(outer) == own;
        if let Some(outer) = chain.iter().find(again) {
            let message = format!("\"{}\" imports itself by way of \"{}\"", outer.id, node.id);
            return Some(Diagnostic::error(node.text.span(), message).path(&*node.id));
        }
        if chain.len() >= IMPORT_DEPTH_MAX {
            let message = format!("imports are nested deeper than {IMPORT_DEPTH_MAX}");
            return Some(Diagnostic::error(node.text.span(), message).path(&*node.id));
        }
        // Compat: what a server sends does not choose files of this machine.
        let from_server = chain.first().is_some_and(|it| it.name == "import.http");
        if from_server && node.name == "import.file" {
            let message = "\"import.file\" is not allowed in what \"import.http\" brings";
            return Some(Diagnostic::error(node.text.span(), message).path(&*node.id));
        }
        None
    }

    /// A `foreach` block: a module for each element.
    pub fn foreach(&mut self, text: BlockText, place: Place) {
        let block = text.block();
        let Some(label) = self.label(block) else {
            return;
        };
        if !self.is_stable(block, FOREACH, Stability::Experimental) {
            return;
        }
        let label = Some(label.text.to_owned());
        let Some(template) = block.body().blocks().find(|it| it.name() == "template") else {
            self.error(block, "missing required block \"template\"".to_owned());
            self.node(text, place, Role::Foreach, label);
            return;
        };
        let template = BlockText::new(&text.tree, template);
        if !self.open(block, &template) {
            return;
        }
        let Some(node) = self.node(text.clone(), place, Role::Foreach, label) else {
            return;
        };
        let var = var_of(block);
        let items = self.inputs.knowledge.items.get(&self.graph.nodes[node].id);
        let Items { var: told, ids } = items.cloned().unwrap_or_default();
        let told = var.clone().unwrap_or(told);
        for (at, id) in ids.iter().enumerate() {
            self.item(node, Some(at), id, &told, &template, place);
        }
        // What names mean in a template is not known before that of its element is.
        if let (Some(var), true, true) = (var, ids.is_empty(), self.inputs.samples) {
            self.item(node, None, "template", &var, &template, place);
        }
    }

    /// An element of a `foreach` with what the template makes of it; without a place a sample.
    fn item(
        &mut self,
        foreach: NodeIndex,
        at: Option<usize>,
        id: &str,
        var: &Arc<str>,
        template: &BlockText,
        place: Place,
    ) {
        let module = self.graph.modules.len();
        let id = format!("{}/{id}", self.graph.nodes[foreach].id);
        let item = self.add(Node {
            id: id.clone(),
            local_id: var.to_string(),
            name: FOREACH.to_owned(),
            label: None,
            module: place.module,
            role: match at {
                Some(at) => Role::Item { module, at },
                None => Role::Sample(module),
            },
            text: template.clone(),
            references: Vec::new(),
            dependents: Vec::new(),
        });
        let Some(item) = item else { return };
        self.depend(item, foreach);
        let around = Some(Around {
            item,
            var: var.clone(),
            module: place.module,
        });
        let path = self.registries.0[place.registry].path.clone();
        let module = self.module(id, Some(item), around.clone(), path.clone());
        let registry = self.registries.add(Registry {
            declares: HashMap::new(),
            imports: HashMap::new(),
            outer: Some(place.registry),
            path,
            around,
        });
        self.expanding.push(template.clone());
        let body = template.block().body();
        self.bodies(&[(&template.tree, body)], Place { module, registry });
        self.expanding.pop();
    }

    /// Looks into the declares of a body that nothing has used so far.
    pub fn sample_unused(&mut self, place: Place) {
        let declares = &self.registries.0[place.registry].declares;
        let mut unused: Vec<BlockText> = declares.values().cloned().collect();
        unused.sort_by_key(BlockText::span);
        for declare in unused {
            let seen = |texts: &[BlockText]| texts.iter().any(|it| it.same(&declare));
            if seen(&self.expanded) || seen(&self.expanding) {
                continue;
            }
            let module = self.graph.modules.len();
            let id = declare.block().id_path();
            let input = self.add(Node {
                id: id.clone(),
                local_id: id,
                name: "declare".to_owned(),
                label: None,
                module: place.module,
                role: Role::Sample(module),
                text: declare.clone(),
                references: Vec::new(),
                dependents: Vec::new(),
            });
            if let Some(input) = input {
                self.declared(input, &declare, place.registry);
            }
        }
    }
}

/// The name of the element, where the text alone tells it. Else evaluation does, with the elements.
fn var_of(block: Block<'_>) -> Option<Arc<str>> {
    let var = block.body().attributes().find(|it| it.name().text == "var");
    let Some(var) = var else {
        return Some(Arc::from(""));
    };
    let value = eval::evaluate(var.value(), &eval::Scope::new()).ok()?;
    value.as_str().map(Arc::from)
}
