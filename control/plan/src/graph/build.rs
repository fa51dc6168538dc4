//! From trees to nodes: finds what each block is, expands custom components, reports mistakes.

use std::collections::HashMap;
use std::sync::Arc;

use schema::Stability;
use syntax::{Block, Body, Diagnostic, Name, Stmt, Tree};

use super::{
    ArgumentBlock, BlockText, Cycle, ExportBlock, Graph, Module, ModuleIndex, Node, NodeIndex,
    ROOT, Role, order, resolve,
};
use crate::catalogue::{Catalogue, Kind};
use crate::limits::{MODULE_DEPTH_MAX, NODES_MAX};

/// What building came to. With an error of either kind the graph is not complete.
pub(crate) struct Built {
    pub graph: Graph,
    pub errors: Vec<Diagnostic>,
    pub cycles: Vec<Cycle>,
}

/// Builds the graph of all trees together, as if they were one file.
pub(crate) fn build(catalogue: &Catalogue, stability: Stability, trees: &[Arc<Tree>]) -> Built {
    let mut builder = Builder {
        catalogue,
        stability,
        graph: Graph::default(),
        declares: Vec::new(),
        expanding: Vec::new(),
        errors: Vec::new(),
    };
    builder.root(trees);
    let Builder {
        mut graph,
        mut errors,
        ..
    } = builder;
    resolve::resolve(&mut graph, &mut errors);
    let cycles = order::order(&mut graph).err().unwrap_or_default();
    Built {
        graph,
        errors,
        cycles,
    }
}

struct Builder<'a> {
    catalogue: &'a Catalogue,
    stability: Stability,
    graph: Graph,
    declares: Vec<Declares>,
    /// The custom components that are being expanded, outermost first.
    expanding: Vec<BlockText>,
    errors: Vec<Diagnostic>,
}

/// The custom components that one body declares.
struct Declares {
    by_name: HashMap<String, BlockText>,
    /// Those of the body around it, which can be used here too.
    outer: Option<usize>,
}

/// Where a block stands.
#[derive(Clone, Copy)]
struct Place {
    module: ModuleIndex,
    declares: usize,
}

impl Builder<'_> {
    fn root(&mut self, trees: &[Arc<Tree>]) {
        let module = self.module(String::new(), None);
        let declares = self.declares_of(trees.iter().map(|tree| (tree, tree.body())), None);
        for tree in trees {
            self.body(tree, tree.body(), Place { module, declares });
        }
    }

    fn module(&mut self, id: String, input: Option<NodeIndex>) -> ModuleIndex {
        self.graph.modules.push(Module {
            id,
            input,
            names: HashMap::new(),
            arguments: Vec::new(),
            exports: Vec::new(),
        });
        self.graph.modules.len() - 1
    }

    /// Registers all declares first: a custom component may be used above its declaration.
    fn declares_of<'t>(
        &mut self,
        bodies: impl Iterator<Item = (&'t Arc<Tree>, Body<'t>)>,
        outer: Option<usize>,
    ) -> usize {
        let mut by_name: HashMap<String, BlockText> = HashMap::new();
        for (tree, body) in bodies {
            for block in body.blocks().filter(|block| block.name() == "declare") {
                let Some(label) = self.label(block) else {
                    continue;
                };
                if self.catalogue.get(label.text).is_some() {
                    let message = format!("\"{}\" is the name of a built-in block", label.text);
                    self.errors.push(Diagnostic::error(label.span, message));
                } else if let Some(first) = by_name.get(label.text) {
                    let message = format!("\"{}\" is declared twice", label.text);
                    let error = Diagnostic::error(block.name_span(), message);
                    self.errors
                        .push(error.related(first.span(), "first declared here"));
                } else {
                    by_name.insert(label.text.to_owned(), BlockText::new(tree, block));
                }
            }
        }
        self.declares.push(Declares { by_name, outer });
        self.declares.len() - 1
    }

    fn find_declare(&self, place: Place, name: &str) -> Option<(BlockText, usize)> {
        let mut at = Some(place.declares);
        while let Some(index) = at {
            let declares = &self.declares[index];
            if let Some(text) = declares.by_name.get(name) {
                return Some((text.clone(), index));
            }
            at = declares.outer;
        }
        None
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
            "argument" | "export" if place.module == ROOT => self.error(
                block,
                format!("\"{name}\" is only allowed inside of a declare block"),
            ),
            "argument" => self.argument(tree, block, place),
            "export" => self.export(tree, block, place),
            "foreach" | "import.file" | "import.git" | "import.http" | "import.string" => {
                self.error(
                    block,
                    format!("\"{name}\" blocks are not available in this version"),
                );
            }
            _ => match self.catalogue.get(&name) {
                Some(kind) => self.kind(tree, block, place, kind),
                None => match self.find_declare(place, &name) {
                    Some((declare, declares)) => {
                        self.custom(BlockText::new(tree, block), place, declare, declares);
                    }
                    None => self.unknown(block, place),
                },
            },
        }
    }

    fn unknown(&mut self, block: Block<'_>, place: Place) {
        let name = block.name();
        let mut known: Vec<&str> = self.catalogue.names().collect();
        let mut at = Some(place.declares);
        while let Some(index) = at {
            known.extend(self.declares[index].by_name.keys().map(String::as_str));
            at = self.declares[index].outer;
        }
        let nearest = stdx::nearest(&name, known).map(str::to_owned);
        let error = Diagnostic::error(
            block.name_span(),
            format!("cannot find the definition of component name \"{name}\""),
        );
        self.errors
            .push(error.path(block.id_path()).nearest(nearest));
    }

    fn kind(&mut self, tree: &Arc<Tree>, block: Block<'_>, place: Place, kind: Kind) {
        let descriptor = kind.descriptor();
        if descriptor.stability < self.stability {
            let error = Diagnostic::error(
                block.name_span(),
                format!(
                    "\"{}\" is at stability level \"{}\", which is below the minimum of \"{}\"",
                    descriptor.name, descriptor.stability, self.stability
                ),
            );
            let hint = format!(
                "run with --stability.level={} to use it",
                descriptor.stability
            );
            return self.errors.push(error.path(block.id_path()).hint(hint));
        }
        if let Kind::Setting(_) = kind {
            if place.module != ROOT {
                let message = format!("\"{}\" is not allowed in a declare block", descriptor.name);
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

    fn custom(&mut self, text: BlockText, place: Place, declare: BlockText, declares: usize) {
        let block = text.block();
        let Some(label) = self.label(block) else {
            return;
        };
        let label = Some(label.text.to_owned());
        if self.expanding.iter().any(|open| open.same(&declare)) {
            return self.error(
                block,
                format!("custom component \"{}\" contains itself", block.name()),
            );
        }
        if self.expanding.len() == MODULE_DEPTH_MAX {
            return self.error(
                block,
                format!("custom components are nested deeper than {MODULE_DEPTH_MAX}"),
            );
        }
        // The module's index is needed by the node and the other way round.
        let module = self.graph.modules.len();
        let role = Role::Input(module);
        let Some(input) = self.node(text.clone(), place, role, label) else {
            return;
        };
        self.module(self.graph.nodes[input].id.clone(), Some(input));

        let body = declare.block().body();
        let inner = self.declares_of(std::iter::once((&declare.tree, body)), Some(declares));
        self.expanding.push(declare.clone());
        self.body(
            &declare.tree,
            body,
            Place {
                module,
                declares: inner,
            },
        );
        self.expanding.pop();

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
        let at = self.graph.nodes.len();
        self.graph.modules[place.module]
            .names
            .insert(exports.local_id.clone(), at);
        self.graph.nodes.push(exports);
    }

    /// Adds a node unless its id is taken.
    fn node(
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
        let module = &mut self.graph.modules[place.module];
        if let Some(first) = module.names.get(&local_id) {
            let first = self.graph.nodes[*first].text.span();
            let error = Diagnostic::error(
                block.name_span(),
                format!("block \"{local_id}\" is already declared"),
            );
            self.errors
                .push(error.related(first, "first declared here"));
            return None;
        }
        if self.graph.nodes.len() >= NODES_MAX {
            if self.graph.nodes.len() == NODES_MAX {
                let message = format!("the configuration has more than {NODES_MAX} components");
                self.errors
                    .push(Diagnostic::error(block.name_span(), message));
            }
            return None;
        }
        let at = self.graph.nodes.len();
        module.names.insert(local_id.clone(), at);
        let id = match module.id.as_str() {
            "" => local_id.clone(),
            module => format!("{module}/{local_id}"),
        };
        self.graph.nodes.push(Node {
            id,
            local_id,
            name,
            label,
            module: place.module,
            role,
            text,
            references: Vec::new(),
            dependents: Vec::new(),
        });
        Some(at)
    }

    fn argument(&mut self, tree: &Arc<Tree>, block: Block<'_>, place: Place) {
        let Some(label) = self.label(block) else {
            return;
        };
        let arguments = &mut self.graph.modules[place.module].arguments;
        if let Some(first) = arguments
            .iter()
            .find(|argument| argument.name == label.text)
        {
            let message = format!("argument \"{}\" is already declared", label.text);
            let error = Diagnostic::error(block.name_span(), message);
            return self
                .errors
                .push(error.related(first.text.span(), "first declared here"));
        }
        let name = label.text.to_owned();
        arguments.push(ArgumentBlock {
            name,
            text: BlockText::new(tree, block),
        });
    }

    fn export(&mut self, tree: &Arc<Tree>, block: Block<'_>, place: Place) {
        let Some(label) = self.label(block) else {
            return;
        };
        let exports = &mut self.graph.modules[place.module].exports;
        if let Some(first) = exports.iter().find(|export| export.name == label.text) {
            let message = format!("export \"{}\" is already declared", label.text);
            let error = Diagnostic::error(block.name_span(), message);
            return self
                .errors
                .push(error.related(first.text.span(), "first declared here"));
        }
        let name = label.text.to_owned();
        exports.push(ExportBlock {
            name,
            text: BlockText::new(tree, block),
        });
    }

    fn label<'t>(&mut self, block: Block<'t>) -> Option<Name<'t>> {
        let label = block.label();
        if label.is_none() {
            self.error(block, format!("\"{}\" must have a label", block.name()));
        }
        label
    }

    fn error(&mut self, block: Block<'_>, message: String) {
        let error = Diagnostic::error(block.name_span(), message);
        self.errors.push(error.path(block.id_path()));
    }
}
