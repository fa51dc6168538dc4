//! JSONPath.

pub(crate) struct Path;

pub(crate) fn parse(_path: &str) -> Result<Path, String> {
    Err("not a path".to_owned())
}

impl Path {
    pub fn select<'j>(&self, _json: &'j serde_json::Value) -> Vec<&'j serde_json::Value> {
        Vec::new()
    }
}
