//! What signals do: reload, and the end.

use std::time::Duration;

use os::Signal;
use plan::Handle;

/// How long the end may take: the shards' own limit and a moment for the answers.
const STOP_MAX: Duration = Duration::from_secs(9);

const _: () = assert!(STOP_MAX.as_secs() > engine::limits::SHUTDOWN_MAX.as_secs());

/// Takes over the signals of the process.
pub(super) fn listen() -> std::io::Result<flume::Receiver<Signal>> {
    let (signals_in, signals) = flume::unbounded();
    os::signals(move |signal| {
        // The control thread ends last; at its end nobody listens.
        let _ = signals_in.send(signal);
    })?;
    Ok(signals)
}

/// Follows signals until one asks for the end, and then ends. A second Ctrl-C ends at once; a
/// second SIGTERM does not, since supervisors may send it to the process and to its group.
pub(super) async fn obey(signals: &flume::Receiver<Signal>, handle: &Handle) {
    while let Ok(Signal::Reload) = signals.recv_async().await {
        // The controller has logged what came of it.
        drop(handle.reload().await);
    }
    tracing::info!("stopping, draining what was accepted");
    tokio::select! {
        stopped = tokio::time::timeout(STOP_MAX, handle.stop()) => {
            if stopped.is_err() {
                tracing::warn!(
                    waited = stdx::format_duration(STOP_MAX),
                    "not all shards could finish; what is in the log stays there"
                );
                std::process::exit(0);
            }
        }
        () = impatient(signals) => std::process::exit(1),
    }
}

async fn impatient(signals: &flume::Receiver<Signal>) {
    while let Ok(signal) = signals.recv_async().await {
        if signal == Signal::Interrupt {
            return;
        }
    }
    std::future::pending().await
}
