//! From the settings of stages to a program.

use std::rc::Rc;
use std::time::Duration;

use ops::names::NameScheme;
use ops::regex::GoRegex;
use ops::stages::{
    Action, Cri, CustomMetric, Database, Decolorize, Docker, Drop, EventLog, Extract, GeoIp, Json,
    LabelDrop, LabelKeep, LabelSource, Limit, Logfmt, Luhn, MakeLabels, MakeMetadata, MetadataDrop,
    Metrics, Multiline, Output, Pack, Pattern, ProgramBuilder, Replace, Sampling, Selector,
    SetTemplate, Source, SplitJson, StaticLabels, Tenant, Timestamp, TimestampOptions, Truncate,
    TruncateRule, TruncateWhat, WindowsEvent,
};
use ops::template::Template;

use super::arguments::*;
use super::limit_arguments::LimitStage;
use super::metric_arguments::{Metric, MetricsStage};
use super::write_arguments::*;

/// What stages need beside their settings. Without databases the settings are only checked.
#[derive(Default)]
pub(super) struct Parts {
    /// By path.
    pub databases: Vec<(String, Rc<Database>)>,
    pub seed: u64,
}

/// Adds the stages to a program. The error is what is wrong with the first bad one.
pub(super) fn add(
    stages: &[Stage],
    parts: &Parts,
    builder: &mut ProgramBuilder,
) -> Result<(), String> {
    for stage in stages {
        add_one(stage, parts, builder)?;
    }
    Ok(())
}

/// The paths of the databases that the stages need.
pub(super) fn databases(stages: &[Stage], paths: &mut Vec<String>) {
    for stage in stages {
        match stage {
            Stage::GeoIp(geoip) if !paths.contains(&geoip.db) => paths.push(geoip.db.clone()),
            Stage::Match(inner) => databases(&inner.stages, paths),
            _ => {}
        }
    }
}

fn add_one(stage: &Stage, parts: &Parts, builder: &mut ProgramBuilder) -> Result<(), String> {
    match stage {
        Stage::Cri(stage) => builder.push(cri(stage)),
        Stage::Decolorize(_) => builder.push(Decolorize::default()),
        Stage::Docker(_) => builder.push(Docker),
        Stage::Drop(stage) => builder.push(drop_stage(stage)?),
        Stage::EventLogMessage(stage) => builder.push(EventLog {
            source: stage.source.clone(),
            drop_invalid_labels: stage.drop_invalid_labels,
            overwrite_existing: stage.overwrite_existing,
        }),
        Stage::GeoIp(stage) => builder.push(geoip(stage, parts)?),
        Stage::Json(stage) => builder.push(json(stage)?),
        Stage::LabelDrop(stage) => builder.push(LabelDrop {
            names: some_names(&stage.values, "labeldrop")?,
        }),
        Stage::LabelKeep(stage) => builder.push(LabelKeep {
            names: some_names(&stage.values, "labelallow")?,
        }),
        Stage::Labels(stage) => builder.push(labels(stage)?),
        Stage::Limit(stage) => builder.push(limit(stage)?),
        Stage::Logfmt(stage) => builder.push(logfmt(stage)?),
        Stage::Luhn(stage) => builder.push(luhn(stage)?),
        Stage::Match(stage) => matching(stage, parts, builder)?,
        Stage::Metrics(stage) => builder.push(metrics(stage)),
        Stage::Multiline(stage) => builder.push(multiline(stage)?),
        Stage::Output(stage) => builder.push(output(stage)?),
        Stage::Pack(stage) => {
            builder.push(Pack::new(stage.labels.clone(), stage.ingest_timestamp));
        }
        Stage::Pattern(stage) => builder.push(pattern(stage)?),
        Stage::Regex(stage) => builder.push(extract(stage)?),
        Stage::Replace(stage) => builder.push(replace(stage, parts)?),
        Stage::Sampling(stage) => {
            let reason = stage.drop_counter_reason.clone();
            builder.push(Sampling::new(stage.rate, reason, parts.seed));
        }
        Stage::SplitJson(stage) => {
            let source = stage.source.as_ref().map(|name| name.0.as_str());
            builder.push(SplitJson::new(source));
        }
        Stage::StaticLabels(stage) => builder.push(static_labels(stage)?),
        Stage::StructuredMetadata(stage) => builder.push(structured_metadata(stage)?),
        Stage::StructuredMetadataDrop(stage) => builder.push(MetadataDrop {
            names: some_names(&stage.values, "structured_metadata_drop")?,
        }),
        Stage::Template(stage) => builder.push(template(stage, parts)?),
        Stage::Tenant(stage) => builder.push(tenant(stage)?),
        Stage::Timestamp(stage) => builder.push(timestamp(stage)?),
        Stage::Truncate(stage) => builder.push(truncate(stage)),
        Stage::WindowsEvent(stage) => builder.push(WindowsEvent {
            source: stage.source.clone(),
            drop_invalid_labels: stage.drop_invalid_labels,
            overwrite_existing: stage.overwrite_existing,
        }),
    }
    Ok(())
}

fn cri(stage: &CriStage) -> Cri {
    let cut = stage.max_partial_line_size as usize;
    let truncate = stage.max_partial_line_size_truncate.then_some(cut);
    Cri::new(stage.max_partial_lines as usize, truncate)
}

fn multiline(stage: &MultilineStage) -> Result<Multiline, String> {
    let first = required_regex(&stage.firstline, "firstline")?;
    let wait = nanoseconds(stage.max_wait_time);
    Ok(Multiline::new(
        first,
        stage.max_lines,
        wait,
        stage.trim_newlines,
    ))
}

fn output(stage: &OutputStage) -> Result<Output, String> {
    not_empty(Some(&stage.source), "output source value")?;
    Ok(Output::new(&stage.source))
}

fn pattern(stage: &PatternStage) -> Result<Pattern, String> {
    let source = stage.source.as_deref();
    not_empty(source, "source")?;
    Pattern::new(source, &stage.pattern, stage.labels_from_groups)
}

fn extract(stage: &RegexStage) -> Result<Extract, String> {
    let source = stage.source.as_deref();
    not_empty(source, "source")?;
    let expression = required_regex(&stage.expression, "expression")?;
    Ok(Extract::new(source, expression, stage.labels_from_groups))
}

fn replace(stage: &ReplaceStage, parts: &Parts) -> Result<Replace, String> {
    let expression = required_regex(&stage.expression, "expression")?;
    let template = Template::parse(&stage.replace)?;
    let source = given(&stage.source);
    Ok(Replace::new(source, expression, template, parts.seed))
}

fn static_labels(stage: &StaticLabelsStage) -> Result<StaticLabels, String> {
    legal_names(&stage.values)?;
    Ok(StaticLabels::new(pairs(&stage.values)))
}

fn structured_metadata(stage: &MetadataStage) -> Result<MakeMetadata, String> {
    legal_names(&stage.values)?;
    let names = optional_regex(&stage.regex)?;
    Ok(MakeMetadata::new(pairs(&stage.values), names))
}

fn template(stage: &TemplateStage, parts: &Parts) -> Result<SetTemplate, String> {
    let template = Template::parse(&stage.template.0)?;
    Ok(SetTemplate::new(&stage.source, template, parts.seed))
}

fn given(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn nanoseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

fn not_empty(text: Option<&str>, what: &str) -> Result<(), String> {
    match text {
        Some("") => Err(format!("{what} is required and must not be empty")),
        _ => Ok(()),
    }
}

fn optional_regex(text: &str) -> Result<Option<GoRegex>, String> {
    given(text).map(regex).transpose()
}

fn regex(text: &str) -> Result<GoRegex, String> {
    GoRegex::new(text).map_err(|error| format!("could not compile regular expression: {error}"))
}

fn required_regex(text: &str, what: &str) -> Result<GoRegex, String> {
    not_empty(Some(text), what)?;
    regex(text)
}

fn some_names(names: &[String], stage: &str) -> Result<Vec<String>, String> {
    match names {
        [] => Err(format!("{stage} stage config cannot be empty")),
        names => Ok(names.to_vec()),
    }
}

fn pairs(names: &Names) -> impl Iterator<Item = (&str, &str)> {
    names
        .iter()
        .map(|(name, source)| (name.as_str(), source.as_deref().unwrap_or_default()))
}

/// Compat: any text but the empty one is a label's name here.
fn legal_names(names: &Names) -> Result<(), String> {
    let illegal = names
        .keys()
        .find(|name| !NameScheme::Utf8.is_label_name(name));
    match illegal {
        Some(name) => Err(format!("invalid label name: {name:?}")),
        None => Ok(()),
    }
}

fn drop_stage(stage: &DropStage) -> Result<Drop, String> {
    let timeless = stage.older_than.is_zero() && stage.longer_than.0 == 0;
    if stage.source.is_empty() && stage.expression.is_empty() && timeless {
        let needed = "one of source, expression, older_than and longer_than";
        return Err(format!("drop stage config must contain at least {needed}"));
    }
    if !stage.value.is_empty() && !stage.expression.is_empty() {
        return Err("drop stage config must contain either value or expression".to_owned());
    }
    if !stage.value.is_empty() && stage.source.is_empty() {
        return Err("drop stage config must contain source if value is given".to_owned());
    }
    let sources = given(&stage.source).map(|sources| sources.split(',').map(str::to_owned));
    Ok(Drop {
        reason: given(&stage.drop_counter_reason)
            .unwrap_or("drop_stage")
            .to_owned(),
        sources: sources.into_iter().flatten().collect(),
        separator: given(&stage.separator).unwrap_or(";").to_owned(),
        expression: optional_regex(&stage.expression)?,
        value: given(&stage.value).map(str::to_owned),
        older_than_ns: (!stage.older_than.is_zero()).then(|| nanoseconds(stage.older_than)),
        longer_than: (stage.longer_than.0 > 0).then_some(stage.longer_than.0 as usize),
    })
}

fn geoip(stage: &GeoIpStage, parts: &Parts) -> Result<GeoIp, String> {
    not_empty(Some(&stage.db), "db")?;
    not_empty(stage.source.as_deref(), "source")?;
    if stage.db_type.is_empty() && stage.custom_lookups.is_none() {
        return Err("db_type or custom_lookups need to be set".to_owned());
    }
    let lookups = stage.custom_lookups.iter().flatten();
    let lookups = lookups.map(|(name, path)| (name.as_str(), path.as_str()));
    let known = parts.databases.iter().find(|(path, _)| *path == stage.db);
    let database = known.map(|(_, database)| database.clone());
    let source = stage.source.as_deref().unwrap_or_default();
    GeoIp::new(source, &stage.db_type, lookups, database)
}

fn json(stage: &JsonStage) -> Result<Json, String> {
    if stage.expressions.is_empty() && stage.regex.is_empty() {
        return Err("JMES expressions or regex is required".to_owned());
    }
    not_empty(stage.source.as_deref(), "source")?;
    let expressions = stage.expressions.iter();
    let expressions = expressions.map(|(name, path)| (name.as_str(), path.as_str()));
    let keys = optional_regex(&stage.regex)?;
    Json::new(
        stage.source.as_deref(),
        expressions,
        keys,
        stage.drop_malformed,
    )
}

fn labels(stage: &LabelsStage) -> Result<MakeLabels, String> {
    let from = match stage.source_type {
        SourceType::Extracted => LabelSource::Extracted,
        SourceType::StructuredMetadata => LabelSource::StructuredMetadata,
        other => {
            let known = "can only be 'extracted' or 'structured_metadata'";
            return Err(format!(
                "invalid labels source_type {:?}: {known}",
                other.as_str()
            ));
        }
    };
    legal_names(&stage.values)?;
    Ok(MakeLabels::new(from, pairs(&stage.values)))
}

fn limit(stage: &LimitStage) -> Result<Limit, String> {
    let rate = stage.rate.per_second;
    let burst = u64::try_from(stage.burst).unwrap_or(0);
    if rate.is_nan() || rate <= 0.0 || burst == 0 {
        return Err("limit stage needs a rate and a burst above zero".to_owned());
    }
    if stage.by_label_name.is_empty() {
        return Ok(Limit::new(
            rate,
            burst,
            stage.rate.bucket.clone(),
            stage.drop,
        ));
    }
    if !stage.drop {
        return Err("limit stage by label must drop".to_owned());
    }
    let buckets = stage.max_distinct_labels.buckets();
    Ok(Limit::by_label(rate, burst, &stage.by_label_name, buckets))
}

fn logfmt(stage: &LogfmtStage) -> Result<Logfmt, String> {
    if stage.mapping.is_empty() && stage.regex.is_empty() {
        return Err("logfmt mapping or regex is required".to_owned());
    }
    let mapping = stage.mapping.iter();
    let mapping = mapping.map(|(name, key)| (name.as_str(), key.as_str()));
    let keys = optional_regex(&stage.regex)?;
    Ok(Logfmt::new(given(&stage.source), mapping, keys))
}

fn luhn(stage: &LuhnStage) -> Result<Luhn, String> {
    not_empty(stage.source.as_deref(), "source")?;
    Ok(Luhn {
        source: Source::new(stage.source.as_deref()),
        replacement: given(&stage.replacement)
            .unwrap_or("**REDACTED**")
            .to_owned(),
        min_length: usize::try_from(stage.min_length)
            .ok()
            .filter(|n| *n > 0)
            .unwrap_or(13),
        delimiters: stage.delimiters.clone(),
        skip: optional_regex(&stage.skip_regex)?,
    })
}

fn matching(stage: &MatchStage, parts: &Parts, builder: &mut ProgramBuilder) -> Result<(), String> {
    not_empty(Some(&stage.selector), "selector statement")?;
    let drops = match stage.action.as_str() {
        "keep" | "" => false,
        "drop" => true,
        _ => return Err("match stage action should be 'keep' or 'drop'".to_owned()),
    };
    let selector = || {
        let bad = |error| format!("invalid selector syntax for match stage: {error}");
        Selector::parse(&stage.selector).map_err(bad)
    };
    match (drops, stage.stages.is_empty()) {
        (false, true) => Err("match stage requires at least one stage inside".to_owned()),
        (true, false) => Err("match stage that drops entries cannot contain stages".to_owned()),
        (true, true) => {
            let reason = given(&stage.drop_counter_reason).unwrap_or("match_stage");
            builder.drop_matching(selector()?, reason.to_owned());
            Ok(())
        }
        (false, false) => {
            builder.matching(selector()?, |builder| add(&stage.stages, parts, builder))
        }
    }
}

fn metrics(stage: &MetricsStage) -> Metrics {
    Metrics {
        metrics: stage.metrics.iter().map(metric).collect(),
    }
}

/// What the three kinds of metrics have in common.
struct Shared<'a> {
    name: &'a str,
    description: &'a str,
    source: &'a str,
    prefix: &'a str,
    value: &'a str,
    idle: Duration,
}

fn metric(metric: &Metric) -> CustomMetric {
    macro_rules! shared {
        ($block:expr) => {
            Shared {
                name: &$block.name,
                description: &$block.description,
                source: &$block.source,
                prefix: &$block.prefix,
                value: &$block.value,
                idle: $block.max_idle_duration,
            }
        };
    }
    let (shared, action) = match metric {
        Metric::Counter(block) if block.action == "add" => (shared!(block), Action::CounterAdd),
        Metric::Counter(block) => (shared!(block), Action::CounterInc),
        Metric::Gauge(block) => {
            let action = match block.action.as_str() {
                "set" => Action::GaugeSet,
                "inc" => Action::GaugeInc,
                "dec" => Action::GaugeDec,
                "add" => Action::GaugeAdd,
                _ => Action::GaugeSub,
            };
            (shared!(block), action)
        }
        Metric::Histogram(block) => (shared!(block), Action::Observe(block.buckets.clone())),
    };
    let (match_all, count_bytes) = match metric {
        Metric::Counter(block) => (block.match_all, block.count_entry_bytes),
        Metric::Gauge(_) | Metric::Histogram(_) => (false, false),
    };
    let prefix = given(shared.prefix).unwrap_or("loki_process_custom_");
    CustomMetric {
        name: format!("{prefix}{}", shared.name),
        help: shared.description.to_owned(),
        source: given(shared.source).unwrap_or(shared.name).to_owned(),
        value: given(shared.value).map(str::to_owned),
        action,
        match_all,
        count_bytes,
        idle_ns: nanoseconds(shared.idle),
        series: Default::default(),
    }
}

fn tenant(stage: &TenantStage) -> Result<Tenant, String> {
    match (
        given(&stage.label),
        given(&stage.source),
        given(&stage.value),
    ) {
        (Some(label), None, None) => Ok(Tenant::Label(label.to_owned())),
        (None, Some(source), None) => Ok(Tenant::Extracted(source.to_owned())),
        (None, None, Some(value)) => Ok(Tenant::Fixed(value.to_owned())),
        (None, None, None) => Err("label, source or value config are required".to_owned()),
        _ => Err("label, source and value are mutually exclusive".to_owned()),
    }
}

fn timestamp(stage: &TimestampStage) -> Result<Timestamp, String> {
    not_empty(Some(&stage.source), "timestamp source value")?;
    not_empty(Some(&stage.format), "timestamp format")?;
    let choose = |given: &str, other: &str, what: &str| match given {
        "fudge" | "" => Ok(true),
        given if given == other => Ok(false),
        _ => Err(format!(
            "invalid {what} (supported values are {other} and fudge)"
        )),
    };
    Timestamp::new(TimestampOptions {
        source: stage.source.clone(),
        format: stage.format.clone(),
        fallback_formats: stage.fallback_formats.clone(),
        location: stage.location.clone(),
        fudge_failures: choose(&stage.action_on_failure, "skip", "action on failure")?,
        fudge_duplicates: choose(
            &stage.action_on_duplicate_timestamp,
            "keep",
            "action on duplicate timestamp",
        )?,
    })
}

fn truncate(stage: &TruncateStage) -> Truncate {
    let rule = |block: &TruncateRuleBlock| TruncateRule {
        what: match block.source_type {
            SourceType::Line => TruncateWhat::Line,
            SourceType::Label => TruncateWhat::Label,
            SourceType::StructuredMetadata => TruncateWhat::StructuredMetadata,
            SourceType::Extracted => TruncateWhat::Extracted,
        },
        limit: block.limit.0 as usize,
        suffix: block.suffix.clone(),
        sources: block.sources.clone(),
    };
    Truncate {
        rules: stage.rules.iter().map(rule).collect(),
    }
}
