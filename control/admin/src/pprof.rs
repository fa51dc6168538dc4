//! `/debug/pprof`: says why there are no profiles, to tools that ask as they ask Alloy.
//!
//! There is no Go runtime to profile. Stacks of this process need symbols, which a released binary
//! does not have, and a sampler in signal handlers, which Windows does not have; the system's own
//! profilers see every thread by its name without either.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

pub(crate) async fn absent() -> Response {
    let text = "this process has no profiler of its own; use perf, Instruments or ETW, which see \
                its threads by name, and build with --profile profiling for symbols\n";
    (StatusCode::NOT_IMPLEMENTED, text).into_response()
}
