//! What the names in expressions mean: nodes of the same module, arguments, the standard library.

use syntax::{Body, Diagnostic, Name};

use super::{Graph, ModuleIndex, NodeIndex, Reference, Role};

/// Fills in the references of all nodes. Names that mean nothing are errors at their first part.
pub(crate) fn resolve(graph: &mut Graph, errors: &mut Vec<Diagnostic>) {
    for at in 0..graph.nodes.len() {
        let references = references_of(graph, at, errors);
        graph.nodes[at].references = references;
    }
}

fn references_of(graph: &Graph, at: NodeIndex, errors: &mut Vec<Diagnostic>) -> Vec<Reference> {
    let node = &graph.nodes[at];
    let mut references = Vec::new();
    match node.role {
        Role::Kind(_) | Role::Input(_) => {
            let mut scope = Scope {
                graph,
                module: node.module,
                references: &mut references,
                errors,
            };
            // What is inside of a custom component comes after its arguments, used or not.
            if let Some(input) = graph.modules[node.module].input {
                scope.depend(input);
            }
            scope.body(node.text.block().body());
        }
        Role::Exports(module) => {
            let mut scope = Scope {
                graph,
                module,
                references: &mut references,
                errors,
            };
            let input = graph.modules[module]
                .input
                .expect("a module with exports has an input");
            scope.depend(input);
            for export in &graph.modules[module].exports {
                scope.body(export.text.block().body());
            }
        }
    }
    references
}

struct Scope<'a> {
    graph: &'a Graph,
    module: ModuleIndex,
    references: &'a mut Vec<Reference>,
    errors: &'a mut Vec<Diagnostic>,
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

    fn reference(&mut self, names: &[Name<'_>]) {
        let module = &self.graph.modules[self.module];
        if let (Some(input), "argument") = (module.input, names[0].text) {
            return self.argument(input, names);
        }
        let mut id = String::new();
        for (at, name) in names.iter().enumerate() {
            if at > 0 {
                id.push('.');
            }
            id.push_str(name.text);
            if let Some(target) = module.names.get(&id) {
                let export = names.get(at + 1).map(|name| name.text.to_owned());
                return self.push(Reference {
                    target: *target,
                    export,
                });
            }
        }
        if eval::is_builtin(names[0].text) {
            return;
        }
        let error = Diagnostic::error(
            names[0].span.to(names[names.len() - 1].span),
            format!("component \"{id}\" does not exist or is out of scope"),
        );
        let known = module.names.keys().map(String::as_str);
        self.errors
            .push(error.nearest(stdx::nearest(&id, known).map(str::to_owned)));
    }

    fn argument(&mut self, input: NodeIndex, names: &[Name<'_>]) {
        self.depend(input);
        let Some(name) = names.get(1) else { return };
        let arguments = &self.graph.modules[self.module].arguments;
        if arguments.iter().any(|argument| argument.name == name.text) {
            return;
        }
        let error = Diagnostic::error(
            name.span,
            format!("the custom component has no argument \"{}\"", name.text),
        );
        let known = arguments.iter().map(|argument| argument.name.as_str());
        self.errors
            .push(error.nearest(stdx::nearest(name.text, known).map(str::to_owned)));
    }
}
