//! The settings of stages that write more than labels: values, tenants, times, cuts.

use ops::template::Template;
use schema::{Argument, Arguments, Bytes, Check, Type, Value};

use super::arguments::SourceType;

/// The text of a template that was parsed once, to refuse what is none.
#[derive(Debug, PartialEq)]
pub struct TemplateText(pub String);

impl Argument for TemplateText {
    fn ty() -> Type {
        Type::String
    }

    fn from_value(value: &Value) -> Result<TemplateText, String> {
        let text = String::from_value(value)?;
        Template::parse(&text)?;
        Ok(TemplateText(text))
    }

    fn to_value(&self) -> Value {
        self.0.to_value()
    }

    fn zero() -> Option<TemplateText> {
        Some(TemplateText(String::new()))
    }
}

#[derive(Arguments, Debug, PartialEq)]
#[arg(check = Self::validate)]
pub struct TemplateStage {
    /// The value to set.
    #[arg(required)]
    pub source: String,
    /// A template of Go's text/template.
    #[arg(required)]
    pub template: TemplateText,
}

impl TemplateStage {
    fn validate(&self, check: &mut Check<'_>) {
        if self.source.is_empty() {
            check.body("template source value is required");
        }
    }
}

#[derive(Arguments, Debug, PartialEq)]
pub struct TenantStage {
    /// The label that names the tenant.
    pub label: String,
    /// The value that names the tenant.
    pub source: String,
    /// The tenant.
    pub value: String,
}

#[derive(Arguments, Debug, PartialEq)]
pub struct TimestampStage {
    /// The value to read.
    #[arg(required)]
    pub source: String,
    /// A named format, or a layout of Go.
    #[arg(required)]
    pub format: String,
    /// Formats to try when the first one fails.
    pub fallback_formats: Vec<String>,
    /// The zone of layouts that have none.
    pub location: Option<String>,
    /// What happens to a time that cannot be read: `fudge` or `skip`.
    #[arg(default = "fudge")]
    pub action_on_failure: String,
    /// What happens to the same time twice: `fudge` or `keep`.
    #[arg(default = "fudge")]
    pub action_on_duplicate_timestamp: String,
}

#[derive(Arguments, Debug, PartialEq)]
pub struct TruncateStage {
    /// The rules, applied in order.
    #[arg(block, required, name = "rule")]
    pub rules: Vec<TruncateRuleBlock>,
}

#[derive(Arguments, Debug, PartialEq)]
#[arg(check = Self::validate)]
pub struct TruncateRuleBlock {
    /// Most bytes, the suffix among them.
    #[arg(required)]
    pub limit: Bytes,
    /// Stands at the end of what was cut.
    pub suffix: String,
    /// Names of labels, metadata or values; none is all.
    pub sources: Vec<String>,
    /// What is cut.
    #[arg(default = SourceType::Line)]
    pub source_type: SourceType,
}

impl TruncateRuleBlock {
    fn validate(&self, check: &mut Check<'_>) {
        let limit = self.limit.0;
        if limit == 0 {
            check.body("limit must be greater than zero");
        } else if self.source_type == SourceType::Line && !self.sources.is_empty() {
            check.body("sources cannot be set when source_type is 'line'");
        } else if !self.suffix.is_empty() && limit <= self.suffix.len() as u64 {
            check.body("suffix length cannot be greater than or equal to limit");
        }
    }
}
