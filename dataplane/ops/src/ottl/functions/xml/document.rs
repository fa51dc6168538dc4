//! A document as a table of nodes that refer to each other by number.

/// The number of a node. The document itself is 0.
pub(super) type Id = usize;

pub(super) const DOCUMENT: Id = 0;

#[derive(Debug, Clone)]
pub(super) enum Kind {
    Document,
    /// `<?xml ... ?>` with its attributes.
    Declaration(String, Vec<(String, String)>),
    /// A name as written, with its prefix.
    Element(String, Vec<(String, String)>),
    Text(String),
    CData(String),
    Comment(String),
    /// `<!DOCTYPE ...>` and other instructions, as written.
    Directive(String),
}

#[derive(Debug, Clone)]
pub(super) struct Node {
    pub kind: Kind,
    pub parent: Id,
    pub children: Vec<Id>,
}

#[derive(Debug, Clone)]
pub(super) struct Document {
    nodes: Vec<Node>,
}

impl Document {
    pub(super) fn new() -> Document {
        Document {
            nodes: vec![Node {
                kind: Kind::Document,
                parent: DOCUMENT,
                children: Vec::new(),
            }],
        }
    }

    pub(super) fn node(&self, id: Id) -> &Node {
        &self.nodes[id]
    }

    pub(super) fn node_mut(&mut self, id: Id) -> &mut Node {
        &mut self.nodes[id]
    }

    pub(super) fn add(&mut self, parent: Id, kind: Kind) -> Id {
        let id = self.nodes.len();
        self.nodes.push(Node {
            kind,
            parent,
            children: Vec::new(),
        });
        self.nodes[parent].children.push(id);
        id
    }

    /// Takes a node out of its parent.
    pub(super) fn detach(&mut self, id: Id) {
        let parent = self.nodes[id].parent;
        self.nodes[parent].children.retain(|&child| child != id);
    }

    /// Copies what is below a node of another document to the end of one of this.
    pub(super) fn graft(&mut self, into: Id, from: &Document, id: Id) {
        for &child in &from.nodes[id].children {
            let copy = self.add(into, from.nodes[child].kind.clone());
            self.graft(copy, from, child);
        }
    }

    pub(super) fn name(&self, id: Id) -> Option<&str> {
        match &self.nodes[id].kind {
            Kind::Element(name, _) => Some(name),
            _ => None,
        }
    }

    pub(super) fn attributes(&self, id: Id) -> &[(String, String)] {
        match &self.nodes[id].kind {
            Kind::Element(_, attributes) | Kind::Declaration(_, attributes) => attributes,
            _ => &[],
        }
    }

    /// All text below a node.
    pub(super) fn inner_text(&self, id: Id) -> String {
        match &self.nodes[id].kind {
            Kind::Text(text) | Kind::CData(text) => text.clone(),
            Kind::Comment(_) | Kind::Directive(_) => String::new(),
            _ => {
                let children = self.nodes[id].children.iter();
                children.map(|&child| self.inner_text(child)).collect()
            }
        }
    }
}

/// A name without its prefix.
pub(super) fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}
