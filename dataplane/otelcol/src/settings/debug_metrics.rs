//! debug_metrics: taken for compatibility.

use schema::Arguments;

/// How much the component tells of itself. Taken for compatibility: what is counted costs nothing
/// and is always told.
#[derive(Arguments, Clone)]
pub struct DebugMetrics {
    /// Leave attributes out of metrics that would make many series.
    #[arg(default = true)]
    pub disable_high_cardinality_metrics: bool,
    /// How much is told.
    #[arg(default = "detailed", one_of("none", "basic", "normal", "detailed"))]
    pub level: String,
}
