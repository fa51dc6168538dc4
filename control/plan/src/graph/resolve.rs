//! What the names in expressions mean: nodes of the same module, arguments, the element of a
//! `foreach` and what its block sees, the standard library.

use syntax::{Body, Diagnostic, Name};

use super::{Graph, ModuleIndex, NodeIndex, Reference, Role};

/// Fills in the references of all nodes. Names that mean nothing are errors at their first part.
pub(crate) fn resolve(graph: &mut Graph, errors: &mut Vec<Diagnostic>) {
    for at in 0..graph.nodes.len() {
        let mut references = std::mem::take(&mut graph.nodes[at].references);
        add_references(graph, at, &mut references, errors);
        graph.nodes[at].references = references;
    }
}

fn add_references(
    graph: &Graph,
    at: NodeIndex,
    references: &mut Vec<Reference>,
    errors: &mut Vec<Diagnostic>,
) {
    let node = &graph.nodes[at];
    let module = match node.role {
        Role::Exports(module) => module,
        _ => node.module,
    };
    let mut scope = Scope {
        graph,
        module,
        references,
        errors,
        lenient: false,
    };
    // What is inside of a module comes after its input, used or not.
    if let Some(input) = graph.modules[module].input {
        scope.depend(input);
    }
    match node.role {
        Role::Kind(_) | Role::Input(_) | Role::Import(_) | Role::Pending => {
            scope.body(node.text.block().body());
        }
        Role::Exports(module) => {
            for export in &graph.modules[module].exports {
                scope.body(export.text.block().body());
            }
        }
        Role::Foreach => scope.foreach(node.text.block().body()),
        // Of an element only what it stands for is evaluated, of a sample nothing.
        Role::Item { .. } | Role::Sample(_) => {}
    }
}

struct Scope<'a> {
    graph: &'a Graph,
    module: ModuleIndex,
    references: &'a mut Vec<Reference>,
    errors: &'a mut Vec<Diagnostic>,
    /// Whether names that mean nothing are let through.
    lenient: bool,
}

/// What a name leads to.
enum Meaning {
    Node(Reference),
    Argument(NodeIndex, ModuleIndex),
    Nothing,
}

impl Scope<'_> {
    fn depend(&mut self, target: NodeIndex) {
        self.push(Reference {
            target,
            export: None,
        });
    }

    fn push(&mut self, reference: Reference) {
        if !self.references.contains(&reference) {
            self.references.push(reference);
        }
    }

    fn body(&mut self, body: Body<'_>) {
        for attribute in body.attributes() {
            attribute
                .value()
                .each_reference(&mut |names| self.reference(&names));
        }
        for block in body.blocks() {
            self.body(block.body());
        }
    }

    /// Compat: a `foreach` block comes after all that its template uses of its surroundings, and
    /// is shown to refer to it; names that only mean something inside are no mistakes here.
    fn foreach(&mut self, body: Body<'_>) {
        for attribute in body.attributes() {
            attribute
                .value()
                .each_reference(&mut |names| self.reference(&names));
        }
        self.lenient = true;
        for block in body.blocks() {
            self.body(block.body());
        }
    }

    fn reference(&mut self, names: &[Name<'_>]) {
        match self.meaning(self.module, names) {
            Meaning::Node(reference) => self.push(reference),
            Meaning::Argument(input, module) => self.argument(input, module, names),
            Meaning::Nothing => self.nothing(names),
        }
    }

    fn meaning(&self, from: ModuleIndex, names: &[Name<'_>]) -> Meaning {
        let mut at = from;
        loop {
            let module = &self.graph.modules[at];
            if let (Some(input), "argument") = (module.input, names[0].text)
                && self.takes_arguments(input)
            {
                return Meaning::Argument(input, at);
            }
            if let Some(reference) = self.node_of(at, names) {
                return Meaning::Node(reference);
            }
            let Some(around) = &module.around else {
                return Meaning::Nothing;
            };
            if names[0].text == &*around.var {
                return Meaning::Node(Reference {
                    target: around.item,
                    export: None,
                });
            }
            at = around.module;
        }
    }

    fn takes_arguments(&self, input: NodeIndex) -> bool {
        let input = &self.graph.nodes[input];
        match input.role {
            Role::Input(_) => true,
            Role::Sample(_) => input.name == "declare",
            _ => false,
        }
    }

    fn node_of(&self, module: ModuleIndex, names: &[Name<'_>]) -> Option<Reference> {
        let known = &self.graph.modules[module].names;
        let mut id = String::new();
        for (at, name) in names.iter().enumerate() {
            if at > 0 {
                id.push('.');
            }
            id.push_str(name.text);
            // Imports are known by their namespace, and have no value.
            let found = known.get(&id).copied();
            let found = found.filter(|it| !matches!(self.graph.nodes[*it].role, Role::Import(_)));
            if let Some(target) = found {
                let export = names.get(at + 1).map(|name| name.text.to_owned());
                return Some(Reference { target, export });
            }
        }
        None
    }

    fn nothing(&mut self, names: &[Name<'_>]) {
        if self.lenient || eval::is_builtin(names[0].text) {
            return;
        }
        let texts: Vec<&str> = names.iter().map(|name| name.text).collect();
        let id = texts.join(".");
        let error = Diagnostic::error(
            names[0].span.to(names[names.len() - 1].span),
            format!("component \"{id}\" does not exist or is out of scope"),
        );
        let known = self.graph.modules[self.module].names.keys();
        let nearest = stdx::nearest(&id, known.map(String::as_str)).map(str::to_owned);
        self.errors.push(error.nearest(nearest));
    }

    fn argument(&mut self, input: NodeIndex, module: ModuleIndex, names: &[Name<'_>]) {
        self.depend(input);
        let Some(name) = names.get(1) else { return };
        let arguments = &self.graph.modules[module].arguments;
        if self.lenient || arguments.iter().any(|it| it.name == name.text) {
            return;
        }
        let error = Diagnostic::error(
            name.span,
            format!("the custom component has no argument \"{}\"", name.text),
        );
        let known = arguments.iter().map(|argument| argument.name.as_str());
        let nearest = stdx::nearest(name.text, known).map(str::to_owned);
        self.errors.push(error.nearest(nearest));
    }
}
