//! Writes the Prometheus text format.

/// Appends metric families to a page, in the Prometheus text format 0.0.4.
#[derive(Default)]
pub struct Writer {
    page: String,
}

impl Writer {
    #[must_use]
    pub fn new() -> Writer {
        Writer::default()
    }

    /// Starts a family; `kind` is the word behind TYPE.
    pub fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = (name, kind, help);
    }

    /// Writes one sample; `name` is the family's name with its suffix, if any.
    pub fn sample<'a>(
        &mut self,
        name: &str,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
        value: f64,
    ) {
        let _ = (name, labels.into_iter().count(), value);
    }

    /// The page so far.
    #[must_use]
    pub fn finish(self) -> String {
        self.page
    }
}
