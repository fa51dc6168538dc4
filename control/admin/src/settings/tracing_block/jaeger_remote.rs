//! What a Jaeger server says about sampling, asked again and again.
//!
//! An answer that cannot be used, or none, leaves the last decision in place and is told once.

use std::time::Duration;

use net::{BodyLimits, Client, ClientOptions, Request, StatusCode, Target};
use plan::{OperationRate, Strategy, Tracer};
use serde_json::Value;
use tokio::task::AbortHandle;

use super::JaegerRemote;

/// Limit: how long an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Limit: bytes of an answer. An operation takes about a hundred.
const ANSWER_BYTES_MAX: u64 = 1024 * 1024;

/// Compat: who Alloy says that it is.
const SERVICE: &str = "service=alloy";

/// Begins to ask; none, and a line in the log, where the server cannot even be asked.
pub(super) fn poll(
    settings: JaegerRemote,
    tracer: Tracer,
    user_agent: &str,
) -> Option<AbortHandle> {
    let begun = begin(&settings, user_agent);
    let (client, request) = match begun {
        Ok(begun) => begun,
        Err(error) => {
            tracing::error!(err = error, "tracing: cannot ask the Jaeger server");
            return None;
        }
    };
    let run = async move {
        let mut failing = false;
        loop {
            match ask(&client, &request, &settings).await {
                Ok(strategy) => {
                    failing = false;
                    tracer.refine(strategy);
                }
                Err(error) if !failing => {
                    failing = true;
                    let url = &settings.url;
                    tracing::warn!(url, err = error, "tracing: the Jaeger server is no help");
                }
                Err(_) => {}
            }
            tokio::time::sleep(settings.refresh_interval).await;
        }
    };
    Some(tokio::task::spawn_local(run).abort_handle())
}

fn begin(settings: &JaegerRemote, user_agent: &str) -> Result<(Client, Request), String> {
    let separator = if settings.url.contains('?') { '&' } else { '?' };
    let url = format!("{}{separator}{SERVICE}", settings.url);
    let target = Target::parse(&url).map_err(|error| error.to_string())?;
    let client = Client::new(ClientOptions::new(user_agent));
    let client = client.map_err(|error| error.to_string())?;
    Ok((client, Request::get(&target)))
}

async fn ask(
    client: &Client,
    request: &Request,
    settings: &JaegerRemote,
) -> Result<Strategy, String> {
    let limits = BodyLimits::both(ANSWER_BYTES_MAX);
    let sent = client.send(request, ANSWER_MAX, limits).await;
    let response = sent.map_err(|error| error.to_string())?;
    if response.head.status != StatusCode::OK {
        return Err(format!("unexpected status code {}", response.head.status));
    }
    strategy(&response.body, settings.max_operations)
}

/// Reads the JSON of Jaeger's `SamplingStrategyResponse`.
pub fn strategy(body: &[u8], operations_max: i64) -> Result<Strategy, String> {
    let body: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let number = |at: &str| body.pointer(at).and_then(Value::as_f64);
    if let Some(operations) = body.get("operationSampling").filter(|it| !it.is_null()) {
        let operations_max = usize::try_from(operations_max).unwrap_or_default();
        return Ok(operation_strategy(operations, operations_max));
    }
    if body
        .get("rateLimitingSampling")
        .is_some_and(Value::is_object)
    {
        let rate = number("/rateLimitingSampling/maxTracesPerSecond").unwrap_or_default();
        return Ok(Strategy::PerSecond(rate));
    }
    if body
        .get("probabilisticSampling")
        .is_some_and(Value::is_object)
    {
        let fraction = number("/probabilisticSampling/samplingRate").unwrap_or_default();
        return Ok(Strategy::Fraction(fraction));
    }
    Err("the answer has no strategy".to_owned())
}

fn operation_strategy(operations: &Value, operations_max: usize) -> Strategy {
    let number = |name: &str| operations.get(name).and_then(Value::as_f64);
    let list = operations.get("perOperationStrategies");
    let list = list.and_then(Value::as_array).into_iter().flatten();
    let rates = list.filter_map(|it| {
        let fraction = it.pointer("/probabilisticSampling/samplingRate");
        Some(OperationRate {
            operation: it.get("operation")?.as_str()?.to_owned(),
            fraction: fraction.and_then(Value::as_f64)?,
        })
    });
    Strategy::Operations {
        rates: rates.take(operations_max).collect(),
        default_fraction: number("defaultSamplingProbability").unwrap_or_default(),
        least_per_second: number("defaultLowerBoundTracesPerSecond").unwrap_or_default(),
        operations_max,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Strategy, String> {
        strategy(text.as_bytes(), 1)
    }

    #[test]
    fn each_kind_of_strategy_is_read() {
        let fraction = r#"{"strategyType": 0, "probabilisticSampling": {"samplingRate": 0.25}}"#;
        assert_eq!(read(fraction), Ok(Strategy::Fraction(0.25)));
        let rate = r#"{"rateLimitingSampling": {"maxTracesPerSecond": 3}}"#;
        assert_eq!(read(rate), Ok(Strategy::PerSecond(3.0)));
        let operations = r#"{"probabilisticSampling": {"samplingRate": 1}, "operationSampling": {
            "defaultSamplingProbability": 0.5, "defaultLowerBoundTracesPerSecond": 2,
            "perOperationStrategies": [
                {"operation": "Reload", "probabilisticSampling": {"samplingRate": 1}},
                {"operation": "x", "probabilisticSampling": {"samplingRate": 0}}]}}"#;
        let rates = vec![OperationRate {
            operation: "Reload".to_owned(),
            fraction: 1.0,
        }];
        assert_eq!(
            read(operations),
            Ok(Strategy::Operations {
                rates,
                default_fraction: 0.5,
                least_per_second: 2.0,
                operations_max: 1,
            })
        );
    }

    #[test]
    fn an_answer_without_a_strategy_is_refused() {
        for bad in ["", "[]", "{}", r#"{"operationSampling": null}"#, "\u{0}"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
