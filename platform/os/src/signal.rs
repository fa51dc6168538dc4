//! Signals that an operator or a service manager sends.

use std::io;

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Read the configuration again (SIGHUP; never on Windows).
    Reload,
    /// Finish and stop (SIGTERM).
    Terminate,
    /// Finish and stop (SIGINT, Ctrl-C).
    Interrupt,
}

/// Calls `handler` for each signal from now on, on a thread named `signals`; the default action
/// (ending the process) no longer happens. Call it once per process.
#[cfg(unix)]
pub fn signals(mut handler: impl FnMut(Signal) + Send + 'static) -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let mut pending = signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGTERM])?;
    let run = move || {
        for number in pending.forever() {
            handler(match number {
                SIGHUP => Signal::Reload,
                SIGTERM => Signal::Terminate,
                _ => Signal::Interrupt,
            });
        }
    };
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(run)?;
    Ok(())
}

/// Calls `handler` for each signal from now on, on a thread named `signals`; the default action
/// (ending the process) no longer happens. Call it once per process.
#[cfg(windows)]
pub fn signals(mut handler: impl FnMut(Signal) + Send + 'static) -> io::Result<()> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let (sender, receiver) = std::sync::mpsc::channel();
    for (number, signal) in [(SIGINT, Signal::Interrupt), (SIGTERM, Signal::Terminate)] {
        let sender = sender.clone();
        // SAFETY: Windows runs the action on a thread of its own, where a channel may be used.
        unsafe {
            signal_hook::low_level::register(number, move || {
                // The receiving thread lives as long as the process; at its end nobody listens.
                let _ended = sender.send(signal);
            })?;
        }
    }
    let run = move || {
        while let Ok(signal) = receiver.recv() {
            handler(signal);
        }
    };
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(run)?;
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn each_signal_reaches_the_handler() {
        let (sender, receiver) = std::sync::mpsc::channel();
        signals(move |signal| sender.send(signal).unwrap()).unwrap();
        for (number, signal) in [
            (libc::SIGHUP, Signal::Reload),
            (libc::SIGTERM, Signal::Terminate),
            (libc::SIGINT, Signal::Interrupt),
        ] {
            // SAFETY: raise has no preconditions; a handler is installed for the signal.
            assert_eq!(unsafe { libc::raise(number) }, 0);
            let seen = receiver.recv_timeout(std::time::Duration::from_secs(10));
            assert_eq!(seen, Ok(signal));
        }
    }
}
