//! From trees to nodes: finds what each block is and reports mistakes. What stands for a whole body
//! of blocks (custom components, imports, `foreach`) is expanded in `expand`.

use std::collections::HashMap;
use std::sync::Arc;

use schema::Stability;
use syntax::{Block, Body, Diagnostic, Name, Stmt, Tree};

use super::registry::{Custom, FOREACH, Registries, Registry, RegistryIndex, is_import};
use super::{
    ArgumentBlock, Around, BlockText, Cycle, ExportBlock, Graph, Module, ModuleIndex, Node,
    NodeIndex, ROOT, Role, order, resolve,
};
use crate::catalogue::{Catalogue, Kind};
use crate::knowledge::Knowledge;
use crate::limits::NODES_MAX;

/// What a graph is built of.
#[derive(Clone, Copy)]
pub(crate) struct Inputs<'a> {
    pub catalogue: &'a Catalogue,
    pub stability: Stability,
    pub trees: &'a [Arc<Tree>],
    /// What `module_path` stands for at the root.
    pub path: &'a Arc<str>,
    pub knowledge: &'a Knowledge,
    /// Whether to look into declares that nothing uses and into templates without elements.
    pub samples: bool,
}

/// What building came to. With an error of any kind the graph is not complete.
pub(crate) struct Built {
    pub graph: Graph,
    pub errors: Vec<Diagnostic>,
    pub cycles: Vec<Cycle>,
    /// Declares that contain themselves, at one of the blocks where they do.
    pub recursions: Vec<Diagnostic>,
}

/// Builds the graph of all trees together, as if they were one file.
pub(crate) fn build(inputs: &Inputs<'_>) -> Built {
    let mut builder = Builder {
        inputs: *inputs,
        graph: Graph::default(),
        registries: Registries::default(),
        expanding: Vec::new(),
        expanded: Vec::new(),
        errors: Vec::new(),
        recursions: Vec::new(),
    };
    builder.root();
    let Builder {
        mut graph,
        mut errors,
        recursions,
        ..
    } = builder;
    resolve::resolve(&mut graph, &mut errors);
    let cycles = order::order(&mut graph).err().unwrap_or_default();
    Built {
        graph,
        errors,
        cycles,
        recursions,
    }
}

pub(super) struct Builder<'a> {
    pub inputs: Inputs<'a>,
    pub graph: Graph,
    pub registries: Registries,
    /// The custom components and templates that are being expanded, outermost first.
    pub expanding: Vec<BlockText>,
    /// Declares that were expanded at least once; kept only when samples are wanted.
    pub expanded: Vec<BlockText>,
    pub errors: Vec<Diagnostic>,
    pub recursions: Vec<Diagnostic>,
}

/// Where a block stands.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub module: ModuleIndex,
    pub registry: RegistryIndex,
}

impl Builder<'_> {
    fn root(&mut self) {
        let path = self.inputs.path.clone();
        let module = self.module(String::new(), None, None, path.clone());
        let registry = self.registries.add(Registry {
            declares: HashMap::new(),
            imports: HashMap::new(),
            outer: None,
            path,
            around: None,
        });
        let trees = self.inputs.trees;
        let bodies: Vec<_> = trees.iter().map(|tree| (tree, tree.body())).collect();
        self.bodies(&bodies, Place { module, registry });
    }

    /// All statements of bodies that share their names.
    pub fn bodies(&mut self, bodies: &[(&Arc<Tree>, Body<'_>)], place: Place) {
        // A custom component may be used above its declaration or import.
        for (tree, body) in bodies {
            self.declares(tree, *body, place.registry);
        }
        for (tree, body) in bodies {
            for block in body.blocks().filter(|block| is_import(&block.name())) {
                self.import(tree, block, place);
            }
        }
        for (tree, body) in bodies {
            self.body(tree, *body, place);
        }
        if self.inputs.samples {
            self.sample_unused(place);
        }
    }

    pub fn module(
        &mut self,
        id: String,
        input: Option<NodeIndex>,
        around: Option<Around>,
        path: Arc<str>,
    ) -> ModuleIndex {
        self.graph.modules.push(Module {
            id,
            input,
            around,
            path,
            names: HashMap::new(),
            arguments: Vec::new(),
            exports: Vec::new(),
        });
        self.graph.modules.len() - 1
    }

    fn declares(&mut self, tree: &Arc<Tree>, body: Body<'_>, registry: RegistryIndex) {
        for block in body.blocks().filter(|block| block.name() == "declare") {
            let Some(label) = self.label(block) else {
                continue;
            };
            let by_name = &self.registries.0[registry].declares;
            if is_keyword(label.text) || self.inputs.catalogue.get(label.text).is_some() {
                let message = format!("\"{}\" is the name of a built-in block", label.text);
                self.errors.push(Diagnostic::error(label.span, message));
            } else if let Some(first) = by_name.get(label.text) {
                let message = format!("\"{}\" is declared twice", label.text);
                let error = Diagnostic::error(block.name_span(), message);
                let error = error.related(first.span(), "first declared here");
                self.errors.push(error);
            } else {
                let text = BlockText::new(tree, block);
                let by_name = &mut self.registries.0[registry].declares;
                by_name.insert(label.text.to_owned(), text);
            }
        }
    }

    fn body(&mut self, tree: &Arc<Tree>, body: Body<'_>, place: Place) {
        for stmt in body.statements() {
            match stmt {
                Stmt::Attribute(attribute) => {
                    let name = attribute.name();
                    let message = format!("attribute \"{}\" is not allowed here", name.text);
                    let error = Diagnostic::error(name.span, message);
                    self.errors.push(error.expected("a block"));
                }
                Stmt::Block(block) => self.block(tree, block, place),
            }
        }
    }

    fn block(&mut self, tree: &Arc<Tree>, block: Block<'_>, place: Place) {
        let name = block.name();
        match &*name {
            "declare" => {}
            name if is_import(name) => {}
            "argument" | "export" if !self.is_declare(place.module) => self.error(
                block,
                format!("\"{name}\" is only allowed inside of a declare block"),
            ),
            "argument" => self.argument(tree, block, place),
            "export" => self.export(tree, block, place),
            FOREACH => self.foreach(BlockText::new(tree, block), place),
            _ => match self.registries.find(place.registry, &name) {
                Custom::Declared(declare, registry, import) => {
                    let text = BlockText::new(tree, block);
                    self.custom(text, place, declare, registry, import);
                }
                Custom::Pending(import) => self.pending(BlockText::new(tree, block), place, import),
                Custom::Missing(reason) => self.unknown(block, place, reason),
                Custom::No => match self.inputs.catalogue.get(&name) {
                    Some(kind) => self.kind(tree, block, place, kind),
                    None => self.unknown(block, place, None),
                },
            },
        }
    }

    /// Whether the module is the inside of a custom component.
    fn is_declare(&self, module: ModuleIndex) -> bool {
        let input = self.graph.modules[module].input;
        input.is_some_and(|input| match &self.graph.nodes[input].role {
            Role::Input(_) => true,
            Role::Sample(_) => self.graph.nodes[input].name == "declare",
            _ => false,
        })
    }

    fn unknown(&mut self, block: Block<'_>, place: Place, reason: Option<String>) {
        let name = block.name();
        let custom = self.registries.names(place.registry);
        let mut known: Vec<&str> = self.inputs.catalogue.names().collect();
        known.extend(custom.iter().map(String::as_str));
        let nearest = stdx::nearest(&name, known).map(str::to_owned);
        let error = Diagnostic::error(
            block.name_span(),
            format!("cannot find the definition of component name \"{name}\""),
        );
        let error = error.path(block.id_path()).nearest(nearest);
        self.errors.push(match reason {
            Some(reason) => error.hint(reason),
            None => error,
        });
    }

    /// Whether what the descriptor or block is of may be used; reports if not.
    pub fn is_stable(&mut self, block: Block<'_>, name: &str, level: Stability) -> bool {
        let wanted = self.inputs.stability;
        if level >= wanted {
            return true;
        }
        let error = Diagnostic::error(
            block.name_span(),
            format!(
                "\"{name}\" is at stability level \"{level}\", which is below the minimum of \
                 \"{wanted}\""
            ),
        );
        let hint = format!("run with --stability.level={level} to use it");
        self.errors.push(error.path(block.id_path()).hint(hint));
        false
    }

    fn kind(&mut self, tree: &Arc<Tree>, block: Block<'_>, place: Place, kind: Kind) {
        let descriptor = kind.descriptor();
        if !self.is_stable(block, descriptor.name, descriptor.stability) {
            return;
        }
        if let Kind::Setting(_) = kind {
            if place.module != ROOT {
                let message = format!(
                    "\"{}\" is only allowed at the root of a configuration",
                    descriptor.name
                );
                return self.error(block, message);
            }
            // Compat: a label on such a block is let through (case `errors/label_on_config_block`).
            self.node(BlockText::new(tree, block), place, Role::Kind(kind), None);
            return;
        }
        if let Some(label) = self.label(block) {
            let label = Some(label.text.to_owned());
            self.node(BlockText::new(tree, block), place, Role::Kind(kind), label);
        }
    }

    /// Adds a node unless its id is taken.
    pub fn node(
        &mut self,
        text: BlockText,
        place: Place,
        role: Role,
        label: Option<String>,
    ) -> Option<NodeIndex> {
        let block = text.block();
        let name = block.name().into_owned();
        let local_id = match &label {
            Some(label) => format!("{name}.{label}"),
            None => name.clone(),
        };
        let module = &self.graph.modules[place.module];
        let first = module.names.get(&local_id).copied();
        if let Some(first) = first {
            let first = self.graph.nodes[first].text.span();
            let error = Diagnostic::error(
                block.name_span(),
                format!("block \"{local_id}\" is already declared"),
            );
            let error = error.related(first, "first declared here");
            self.errors.push(error);
            if !self.inputs.samples {
                return None;
            }
        }
        let id = match module.id.as_str() {
            "" => local_id.clone(),
            module => format!("{module}/{local_id}"),
        };
        let at = self.add(Node {
            id,
            local_id: local_id.clone(),
            name,
            label,
            module: place.module,
            role,
            text,
            references: Vec::new(),
            dependents: Vec::new(),
        })?;
        let names = &mut self.graph.modules[place.module].names;
        names.entry(local_id).or_insert(at);
        Some(at)
    }

    /// Adds a node whatever its id; None when there are too many.
    pub fn add(&mut self, node: Node) -> Option<NodeIndex> {
        let count = self.graph.nodes.len();
        if count >= NODES_MAX {
            let message = format!("the configuration has more than {NODES_MAX} components");
            let error = Diagnostic::error(node.text.span(), message);
            if self.errors.last().map(|last| &last.message) != Some(&error.message) {
                self.errors.push(error);
            }
            return None;
        }
        self.graph.nodes.push(node);
        Some(count)
    }

    fn argument(&mut self, tree: &Arc<Tree>, block: Block<'_>, place: Place) {
        let Some(label) = self.label(block) else {
            return;
        };
        let name = label.text.to_owned();
        let text = BlockText::new(tree, block);
        let arguments = &mut self.graph.modules[place.module].arguments;
        let first = arguments.iter().find(|it| it.name == name);
        let first = first.map(|it| it.text.clone());
        arguments.push(ArgumentBlock { name, text });
        self.refuse_second(block, first);
    }

    fn export(&mut self, tree: &Arc<Tree>, block: Block<'_>, place: Place) {
        let Some(label) = self.label(block) else {
            return;
        };
        let name = label.text.to_owned();
        let text = BlockText::new(tree, block);
        let exports = &mut self.graph.modules[place.module].exports;
        let first = exports.iter().find(|it| it.name == name);
        let first = first.map(|it| it.text.clone());
        exports.push(ExportBlock { name, text });
        self.refuse_second(block, first);
    }

    fn refuse_second(&mut self, block: Block<'_>, first: Option<BlockText>) {
        let Some(first) = first else { return };
        let message = format!("\"{}\" is already declared", block.id_path());
        let error = Diagnostic::error(block.name_span(), message);
        let error = error.related(first.span(), "first declared here");
        self.errors.push(error);
    }

    pub fn label<'t>(&mut self, block: Block<'t>) -> Option<Name<'t>> {
        let label = block.label();
        if label.is_none() {
            self.error(block, format!("\"{}\" must have a label", block.name()));
        }
        label
    }

    pub fn error(&mut self, block: Block<'_>, message: String) {
        let error = Diagnostic::error(block.name_span(), message);
        self.errors.push(error.path(block.id_path()));
    }
}

/// Names of blocks that are neither components nor settings.
fn is_keyword(name: &str) -> bool {
    matches!(name, "argument" | "declare" | "export" | FOREACH)
}
