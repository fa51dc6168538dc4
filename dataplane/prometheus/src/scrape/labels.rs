//! From exposed labels to those of a series: the target's labels, conflicts, limits.

use batch::{LabelsBuf, MetricKind};

use super::error::ScrapeError;
use super::settings::LabelSettings;

/// Adds the target's labels to exposed ones.
pub fn join(
    labels: &mut LabelsBuf,
    target: &LabelsBuf,
    settings: &LabelSettings,
    conflicts: &mut Vec<(String, String)>,
) -> Result<(), ScrapeError> {
    if settings.honor_labels {
        fill_in(labels, target);
    } else {
        put_over(labels, target, conflicts);
    }
    check(labels, settings)
}

/// Adds the labels `__type__` and `__unit__`, in place of exposed ones.
pub fn describe(labels: &mut LabelsBuf, kind: MetricKind, unit: &str) {
    if kind != MetricKind::Unknown {
        labels.set("__type__", kind.name());
    }
    if !unit.is_empty() {
        labels.set("__unit__", unit);
    }
}

/// Honouring exposed labels: the target's fill the gaps.
///
/// Compat: a label that is exposed with an empty value keeps the target's out too.
fn fill_in(labels: &mut LabelsBuf, target: &LabelsBuf) {
    for (name, value) in target.iter() {
        if !labels.contains(name) {
            labels.set(name, value);
        }
    }
    labels.retain(|_, value| !value.is_empty());
}

/// The target's labels win; what they hide goes on as `exported_NAME`, shorter names first.
fn put_over(labels: &mut LabelsBuf, target: &LabelsBuf, conflicts: &mut Vec<(String, String)>) {
    conflicts.clear();
    labels.retain(|_, value| !value.is_empty());
    for (name, value) in target.iter() {
        if let Some(exposed) = labels.get(name) {
            conflicts.push((name.to_owned(), exposed.to_owned()));
        }
        labels.set(name, value);
    }
    conflicts.sort_by_key(|(name, _)| name.len());
    for (name, value) in &*conflicts {
        let mut exported = format!("exported_{name}");
        while labels.contains(&exported) {
            exported.insert_str(0, "exported_");
        }
        labels.set(&exported, value);
    }
}

fn check(labels: &LabelsBuf, settings: &LabelSettings) -> Result<(), ScrapeError> {
    let name = labels.get("__name__").unwrap_or_default();
    if !settings.names.is_metric_name(name) {
        return Err(ScrapeError::Parse(format!("invalid metric name {name:?}")));
    }
    let over = |limit: u64, length: usize| limit > 0 && length as u64 > limit;
    if over(settings.label_limit, labels.len()) {
        let (count, limit) = (labels.len(), settings.label_limit);
        let text =
            format!("label_limit exceeded (metric: {name:?}, labels: {count}, limit: {limit})");
        return Err(ScrapeError::LabelLimit(text));
    }
    for (label, value) in labels.iter() {
        if !settings.names.is_label_name(label) {
            return Err(ScrapeError::Parse(format!(
                "invalid label name {label:?} of {name:?}"
            )));
        }
        let (setting, limit) = if over(settings.name_length_limit, label.len()) {
            ("label_name_length_limit", settings.name_length_limit)
        } else if over(settings.value_length_limit, value.len()) {
            ("label_value_length_limit", settings.value_length_limit)
        } else {
            continue;
        };
        let text =
            format!("{setting} exceeded (metric: {name:?}, label: {label:?}, limit: {limit})");
        return Err(ScrapeError::LabelLimit(text));
    }
    Ok(())
}
