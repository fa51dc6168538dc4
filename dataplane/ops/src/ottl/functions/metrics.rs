//! The editors of whole metrics, as what they are to do. Who holds the metric does it.

use super::call::Literals;
use super::{Body, Definition, Parameter, Set, optional, parameter};
use crate::ottl::coerce::Kind;
use crate::ottl::path::Owner;
use crate::ottl::text::go_float;

/// A change of a metric, or a metric that is made of one.
#[derive(Debug, Clone, PartialEq)]
pub enum MetricEdit {
    SumToGauge,
    GaugeToSum(Target),
    ExtractCount {
        monotonic: bool,
        suffix: String,
    },
    ExtractSum {
        monotonic: bool,
        suffix: String,
    },
    ExtractPercentile {
        percentile: f64,
        suffix: String,
    },
    /// A part of a summary as a sum.
    SummaryToSum {
        part: SummaryPart,
        target: Target,
        suffix: String,
    },
    SummaryQuantiles {
        attribute: String,
        suffix: String,
    },
    /// Name, description and unit are values 0 to 2 of the call, if given.
    Copy,
    /// The unit is value 1 of the call, if given.
    Scale {
        multiplier: f64,
    },
    AggregateOnAttributes {
        aggregation: Aggregation,
        /// Those that are kept; all, if nothing is said.
        attributes: Option<Vec<String>>,
    },
    AggregateOnValue {
        aggregation: Aggregation,
        attribute: String,
        values: Vec<String>,
        new_value: String,
    },
    ToHistogram {
        distribution: Distribution,
        bounds: Vec<f64>,
    },
    /// The bound is value 0 of the call.
    RemoveBound,
    /// The most buckets are value 0 of the call.
    LimitBuckets,
}

/// What a sum is to be: its temporality as OTLP numbers it, and whether it only grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    pub temporality: i32,
    pub monotonic: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SummaryPart {
    Count,
    Sum,
}

/// How points that fall together become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregation {
    Sum,
    Mean,
    Min,
    Max,
    Median,
    Count,
}

/// How the counts of an exponential bucket are dealt to explicit ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distribution {
    Upper,
    Midpoint,
    Uniform,
    Random,
}

pub(super) const TABLE: &[Definition] = &[
    of_metrics("convert_sum_to_gauge", &[], |_| Ok(MetricEdit::SumToGauge)),
    of_metrics("convert_gauge_to_sum", TO_SUM, |literals| {
        target(literals).map(MetricEdit::GaugeToSum)
    }),
    of_metrics("extract_count_metric", EXTRACT, |literals| {
        Ok(MetricEdit::ExtractCount {
            monotonic: literals.flag(0).unwrap_or_default(),
            suffix: suffix(literals, 1, "_count"),
        })
    }),
    of_metrics("extract_sum_metric", EXTRACT, |literals| {
        Ok(MetricEdit::ExtractSum {
            monotonic: literals.flag(0).unwrap_or_default(),
            suffix: suffix(literals, 1, "_sum"),
        })
    }),
    of_metrics(
        "extract_percentile_metric",
        &[
            parameter("percentile", Kind::LiteralFloat),
            optional("suffix", Kind::LiteralText),
        ],
        extract_percentile,
    ),
    of_points("convert_summary_count_val_to_sum", SUMMARY, |literals| {
        summary(literals, SummaryPart::Count, "_count")
    }),
    of_points("convert_summary_sum_val_to_sum", SUMMARY, |literals| {
        summary(literals, SummaryPart::Sum, "_sum")
    }),
    of_metrics(
        "convert_summary_quantile_val_to_gauge",
        &[
            optional("attribute_key", Kind::LiteralText),
            optional("suffix", Kind::LiteralText),
        ],
        |literals| {
            Ok(MetricEdit::SummaryQuantiles {
                attribute: suffix(literals, 0, "quantile"),
                suffix: suffix(literals, 1, ".quantiles"),
            })
        },
    ),
    of_metrics(
        "copy_metric",
        &[
            optional("name", Kind::Text),
            optional("description", Kind::Text),
            optional("unit", Kind::Text),
        ],
        |_| Ok(MetricEdit::Copy),
    ),
    of_metrics(
        "scale_metric",
        &[
            parameter("multiplier", Kind::LiteralFloat),
            optional("unit", Kind::Text),
        ],
        |literals| {
            Ok(MetricEdit::Scale {
                multiplier: literals.float(0).unwrap_or(1.0),
            })
        },
    ),
    of_metrics(
        "aggregate_on_attributes",
        &[
            parameter("aggregation_function", Kind::LiteralText),
            optional("attributes", Kind::LiteralTextList),
        ],
        |literals| {
            Ok(MetricEdit::AggregateOnAttributes {
                aggregation: aggregation(literals)?,
                attributes: literals.texts(1),
            })
        },
    ),
    of_metrics(
        "aggregate_on_attribute_value",
        &[
            parameter("aggregation_function", Kind::LiteralText),
            parameter("attribute", Kind::LiteralText),
            parameter("values", Kind::LiteralTextList),
            parameter("new_value", Kind::LiteralText),
        ],
        |literals| {
            Ok(MetricEdit::AggregateOnValue {
                aggregation: aggregation(literals)?,
                attribute: literals.text(1).unwrap_or_default().to_owned(),
                values: literals.texts(2).unwrap_or_default(),
                new_value: literals.text(3).unwrap_or_default().to_owned(),
            })
        },
    ),
    of_metrics(
        "convert_exponential_histogram_to_histogram",
        &[
            parameter("distribution_fn", Kind::LiteralText),
            parameter("explicit_bounds", Kind::LiteralFloatList),
        ],
        to_histogram,
    ),
    of_points(
        "merge_histogram_buckets",
        &[
            parameter("target_value", Kind::FloatLike),
            optional("method", Kind::LiteralText),
        ],
        merge_buckets,
    ),
];

const TO_SUM: &[Parameter] = &[
    parameter("string_agg_temp", Kind::LiteralText),
    parameter("monotonic", Kind::LiteralBool),
];
const SUMMARY: &[Parameter] = &[
    parameter("string_agg_temp", Kind::LiteralText),
    parameter("monotonic", Kind::LiteralBool),
    optional("suffix", Kind::LiteralText),
];
const EXTRACT: &[Parameter] = &[
    parameter("monotonic", Kind::LiteralBool),
    optional("suffix", Kind::LiteralText),
];

type Prepare = fn(&Literals) -> Result<MetricEdit, String>;

const fn of_metrics(
    name: &'static str,
    parameters: &'static [Parameter],
    prepare: Prepare,
) -> Definition {
    Definition {
        name,
        parameters,
        body: Body::Metric(prepare),
        contexts: &[Owner::Metric],
        set: Set::Transform,
    }
}

const fn of_points(
    name: &'static str,
    parameters: &'static [Parameter],
    prepare: Prepare,
) -> Definition {
    Definition {
        name,
        parameters,
        body: Body::Metric(prepare),
        contexts: &[Owner::DataPoint],
        set: Set::Transform,
    }
}

fn suffix(literals: &Literals, index: usize, default: &str) -> String {
    literals.text(index).unwrap_or(default).to_owned()
}

fn target(literals: &Literals) -> Result<Target, String> {
    let temporality = match literals.text(0).unwrap_or_default() {
        "delta" => 1,
        "cumulative" => 2,
        other => return Err(format!("unknown aggregation temporality: {other}")),
    };
    Ok(Target {
        temporality,
        monotonic: literals.flag(1).unwrap_or_default(),
    })
}

fn summary(literals: &Literals, part: SummaryPart, name: &str) -> Result<MetricEdit, String> {
    Ok(MetricEdit::SummaryToSum {
        part,
        target: target(literals)?,
        suffix: suffix(literals, 2, name),
    })
}

fn extract_percentile(literals: &Literals) -> Result<MetricEdit, String> {
    let percentile = literals.float(0).unwrap_or_default();
    if percentile <= 0.0 || percentile >= 100.0 {
        return Err(format!(
            "percentile must be greater than 0 and less than 100, got {percentile}"
        ));
    }
    let given = literals.text(1).filter(|suffix| !suffix.is_empty());
    let suffix = given.map_or_else(|| format!("_p{}", go_float(percentile)), str::to_owned);
    Ok(MetricEdit::ExtractPercentile { percentile, suffix })
}

fn aggregation(literals: &Literals) -> Result<Aggregation, String> {
    Ok(match literals.text(0).unwrap_or_default() {
        "sum" => Aggregation::Sum,
        "mean" => Aggregation::Mean,
        "min" => Aggregation::Min,
        "max" => Aggregation::Max,
        "median" => Aggregation::Median,
        "count" => Aggregation::Count,
        other => {
            return Err(format!(
                "invalid aggregation function: '{other}', valid options: \
                 sum, mean, min, max, median, count"
            ));
        }
    })
}

fn to_histogram(literals: &Literals) -> Result<MetricEdit, String> {
    let distribution = match literals.text(0).unwrap_or_default() {
        "" | "random" => Distribution::Random,
        "upper" => Distribution::Upper,
        "midpoint" => Distribution::Midpoint,
        "uniform" => Distribution::Uniform,
        other => {
            return Err(format!(
                "invalid conversion function: {other}, must be one of \
                 [upper, midpoint, random, uniform]"
            ));
        }
    };
    let bounds = literals.floats(1).unwrap_or_default();
    match bounds.is_empty() {
        true => Err("explicit bounds cannot be empty".to_owned()),
        false => Ok(MetricEdit::ToHistogram {
            distribution,
            bounds,
        }),
    }
}

fn merge_buckets(literals: &Literals) -> Result<MetricEdit, String> {
    match literals.text(1).unwrap_or("remove_explicit_bound") {
        "remove_explicit_bound" => Ok(MetricEdit::RemoveBound),
        "limit_buckets" => match literals.float(0) {
            Some(most) => most_buckets(most).map(|_| MetricEdit::LimitBuckets),
            None => Ok(MetricEdit::LimitBuckets),
        },
        other => Err(format!(
            "unsupported method {other:?}, expected \"remove_explicit_bound\" or \"limit_buckets\""
        )),
    }
}

/// The most buckets as a number of them.
pub(in crate::ottl) fn most_buckets(value: f64) -> Result<usize, String> {
    if value < 1.0 || value.fract() != 0.0 || value > 1e15 {
        return Err(format!(
            "target_value must be a positive integer when method is \"limit_buckets\", got {value}"
        ));
    }
    Ok(value as usize)
}
