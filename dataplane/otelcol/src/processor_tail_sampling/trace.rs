//! The spans of one trace, as policies see them.

use batch::otlp::{Attributes, OtlpBatch, Span, Tree};

/// A trace that is decided on.
pub struct Trace<'a> {
    pub id: [u8; 16],
    pub batches: &'a [OtlpBatch],
    pub trees: Vec<Tree<'a, Span<'a>>>,
    pub spans: usize,
}

impl<'a> Trace<'a> {
    pub fn of(id: [u8; 16], batches: &'a [OtlpBatch]) -> Trace<'a> {
        Trace {
            id,
            batches,
            trees: batches.iter().map(OtlpBatch::spans).collect(),
            spans: batches.iter().map(OtlpBatch::items).sum(),
        }
    }

    /// All of them.
    pub fn spans(&self) -> impl Iterator<Item = &Span<'a>> {
        let groups = self.trees.iter().flat_map(|tree| &tree.resources);
        let scopes = groups.flat_map(|group| &group.scopes);
        scopes.flat_map(|scope| &scope.items).map(|span| span.get())
    }

    /// Bytes on the wire.
    pub fn bytes(&self) -> usize {
        self.batches.iter().map(OtlpBatch::bytes).sum()
    }

    /// Whether attributes of a resource, or else of a span, are so.
    pub fn has(&self, fits: impl Fn(&Attributes<'_>) -> bool) -> bool {
        let mut groups = self.trees.iter().flat_map(|tree| &tree.resources);
        groups.any(|group| fits(&group.resource.get().attributes))
            || self.spans().any(|span| fits(&span.attributes))
    }
}
