//! What a statement needs of an item: fields to read and to write.

use super::error::Error;
use super::functions::MetricEdit;
use super::path::Path;
use super::time::Time;
use super::value::Value;

/// An item with what it is in: a span with its scope and its resource, and so on.
pub trait Context {
    /// A field as a whole; nil where the item has no such field.
    fn get(&self, path: Path) -> Result<Value<'_>, Error>;

    /// One entry of a field that is a map; nil if it is absent.
    fn get_entry(&self, path: Path, key: &str) -> Result<Value<'_>, Error>;

    /// Sets a field as a whole.
    fn set(&mut self, path: Path, value: &Value<'_>) -> Result<(), Error>;

    /// Sets one entry of a field that is a map.
    fn set_entry(&mut self, path: Path, key: &str, value: &Value<'_>) -> Result<(), Error>;

    /// Removes the entries of a field that is a map whose keys are not kept.
    fn retain_entries(
        &mut self,
        path: Path,
        keep: &mut dyn FnMut(&str) -> bool,
    ) -> Result<(), Error>;

    /// The time, which this crate does not know.
    fn now(&self) -> Time;

    /// Random bits.
    fn random(&self) -> u128;

    /// Changes the metric that the item is, or belongs to, and those beside it. The values are
    /// those of the arguments of the call.
    fn edit_metric(&mut self, edit: &MetricEdit, values: &[Value<'static>]) -> Result<(), Error>;

    /// Whether a data point of the metric has an attribute, and of this text if one is given.
    fn has_point_attribute(&self, key: &str, text: Option<&str>) -> bool;
}
