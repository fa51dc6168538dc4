//! Tokens to tree.

use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::tree::{Node, NodeKind, Tree};

/// What became of a text: always a tree, and every mistake that was found.
#[derive(Debug)]
pub struct Parse {
    pub tree: Arc<Tree>,
    pub diagnostics: Vec<Diagnostic>,
}

/// Parses a file. `file` is its id in the [`SourceMap`](crate::SourceMap).
pub fn parse(file: u32, text: impl Into<Arc<str>>) -> Parse {
    let root = Node {
        kind: NodeKind::Body,
        first: 0,
        end: 0,
        token: 0,
        left: 0,
        right: 0,
    };
    let tree = Tree {
        file,
        text: text.into(),
        tokens: Vec::new(),
        nodes: vec![root],
        lists: Vec::new(),
        root: 0,
    };
    Parse {
        tree: Arc::new(tree),
        diagnostics: Vec::new(),
    }
}
