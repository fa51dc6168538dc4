//! `invar run` and `invar demo`: the program itself.
//!
//! ```text
//! flags -> storage, port -> shards -> controller loads the configuration -> admin HTTP
//!                                     signals: reload | stop
//! ```
//! The calling thread becomes the control thread.

mod dataplane;
pub mod flags;
mod identity;

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use engine::{Globals, LaneDefaults};
use os::Signal;
use plan::{ConfigSource, Controller, Handle, Options, Shards};
use schema::Stability;

use crate::catalogue::catalogue;
use crate::logging::{self, Log};
use crate::run::dataplane::{Dataplane, Started};
use crate::run::flags::{DataplaneFlags, DemoFlags, RunFlags, ServerFlags};
use crate::settings::settings;
use crate::{VERSION, exit};

/// How long the end may take: the shards' own limit and a moment for the answers.
const STOP_MAX: Duration = Duration::from_secs(9);

const _: () = assert!(STOP_MAX.as_secs() > engine::limits::SHUTDOWN_MAX.as_secs());

/// The built-in configuration; [`DEMO_ADDRESS`] in it stands for where this process listens.
const DEMO: &str = include_str!("demo.alloy");
const DEMO_ADDRESS: &str = "ADDRESS";

/// What to run, whichever command asked for it.
struct Setup<'a> {
    /// None for the built-in configuration.
    path: Option<&'a Path>,
    server: &'a ServerFlags,
    storage_path: &'a Path,
    stability: Stability,
    dataplane: &'a DataplaneFlags,
    warnings: Vec<String>,
}

pub fn run(flags: &RunFlags) -> ExitCode {
    match flags.check() {
        Ok(warnings) => start(Setup {
            path: Some(&flags.path),
            server: &flags.server,
            storage_path: &flags.storage_path,
            stability: flags.config.stability_level.into(),
            dataplane: &flags.dataplane,
            warnings,
        }),
        Err(error) => failed(error),
    }
}

pub fn demo(flags: &DemoFlags) -> ExitCode {
    start(Setup {
        path: None,
        server: &flags.server,
        storage_path: &flags.storage_path,
        stability: Stability::Experimental,
        dataplane: &flags.dataplane,
        warnings: Vec::new(),
    })
}

fn failed(error: impl Into<String>) -> ExitCode {
    exit::status(Err(exit::Failure::message(error)))
}

fn start(setup: Setup<'_>) -> ExitCode {
    let log = logging::start();
    let result = prepare(&setup, &log).and_then(|program| program.run(setup.path.is_none()));
    log.flush();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => exit::status(Err(failure)),
    }
}

/// All parts, before anything runs.
struct Program {
    runtime: tokio::runtime::Runtime,
    listener: TcpListener,
    address: SocketAddr,
    prefix: Arc<str>,
    controller: Controller,
    gate: admin::Gate,
    hostname: Arc<str>,
    shards: Vec<runtime::ShardHandle>,
}

fn prepare(setup: &Setup<'_>, log: &Log) -> Result<Program, exit::Failure> {
    let failure = |text: String| exit::Failure::message(text);
    for warning in &setup.warnings {
        tracing::warn!("{warning}");
    }
    let dataplane = Dataplane::new(setup.dataplane).map_err(failure)?;
    let storage_path = storage(setup.storage_path).map_err(failure)?;
    let wanted = setup.server.listen().map_err(failure)?;
    let cannot = |error| {
        failure(format!(
            "cannot listen on {wanted}: {error}; choose another address with \
             --server.http.listen-addr"
        ))
    };
    let listener = admin::bind(wanted).map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    if let Some(warning) = &dataplane.warning {
        tracing::warn!("{warning}");
    }

    let hostname = os::process::hostname();
    let user_agent = format!("invar/{}", env!("CARGO_PKG_VERSION"));
    let instance_id = identity::instance_id(&storage_path)
        .map_err(|error| failure(format!("cannot write to --storage.path: {error}")))?;
    let globals = Arc::new(Globals {
        user_agent: user_agent.clone(),
        http_address: Some(reachable(address)),
        hostname: hostname.clone(),
        instance_id,
        storage_path: storage_path.clone(),
        lanes: LaneDefaults::standard(),
    });
    let Started {
        handles,
        commands,
        reports,
    } = dataplane
        .start(&globals)
        .map_err(|error| failure(format!("cannot start the shards: {error}")))?;
    tracing::info!(
        shards = handles.len(),
        io = dataplane.backend.name(),
        memory_limit = stdx::format_bytes(dataplane.memory_bytes),
        "dataplane started"
    );
    let prefix = admin::prefix(&setup.server.ui_path_prefix);
    let environment = Rc::new(eval::Environment {
        storage_path,
        http_address: setup.server.memory_addr.clone(),
        ui_path_prefix: prefix.to_string(),
        hostname: hostname.clone(),
        user_agent,
    });
    let gate = admin::Gate::default();
    let options = Options {
        source: source(setup.path, address),
        catalogue: catalogue(),
        stability: setup.stability,
        globals,
        environment,
        version: VERSION,
        settings: settings(log, &gate),
    };
    let controller = Controller::new(options, Shards { commands, reports });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(|error| failure(format!("cannot start the control thread: {error}")))?;
    let hostname = hostname.into();
    Ok(Program {
        runtime,
        listener,
        address,
        prefix,
        controller,
        gate,
        hostname,
        shards: handles,
    })
}

fn source(path: Option<&Path>, address: SocketAddr) -> ConfigSource {
    match path {
        Some(path) => ConfigSource::Path(path.to_owned()),
        None => ConfigSource::Text {
            name: "demo.alloy",
            text: DEMO.replace(DEMO_ADDRESS, &reachable(address).to_string()),
        },
    }
}

/// Makes the folder; the path becomes absolute, so that it is the same in messages and for shards.
fn storage(path: &Path) -> Result<PathBuf, String> {
    let cannot = |error| {
        format!(
            "cannot use --storage.path {:?}: {error}",
            path.display().to_string()
        )
    };
    std::fs::create_dir_all(path).map_err(cannot)?;
    std::fs::canonicalize(path).map_err(cannot)
}

/// Where this process reaches its own server: a wildcard address is no place to connect to.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => ([127, 0, 0, 1], v4.port()).into(),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => {
            (std::net::Ipv6Addr::LOCALHOST, v6.port()).into()
        }
        other => other,
    }
}

impl Program {
    fn run(self, demo: bool) -> Result<(), exit::Failure> {
        let local = tokio::task::LocalSet::new();
        let Program {
            runtime,
            listener,
            address,
            prefix,
            mut controller,
            gate,
            hostname,
            shards,
        } = self;
        let server = admin::Server {
            handle: controller.handle(),
            build: admin::Build {
                version: VERSION,
                revision: "",
            },
            prefix: prefix.clone(),
            hostname,
            address,
            gate,
            demo,
        };
        let (signals_in, signals) = flume::unbounded();
        os::signals(move |signal| {
            // The control thread ends last; at its end nobody listens.
            drop(signals_in.send(signal));
        })
        .map_err(|error| exit::Failure::message(format!("cannot handle signals: {error}")))?;

        let finished = local.block_on(&runtime, async move {
            let handle = controller.handle();
            controller.start().await.map_err(|rejected| {
                eprint!("{}", rejected.render());
                exit::Failure::message("could not perform the initial load successfully")
            })?;
            tokio::task::spawn_local(serve(listener, server));
            tracing::info!(addr = %address, "now listening for http traffic");
            if demo {
                println!(
                    "Invar shows itself at http://{}{prefix} (Ctrl-C ends it)",
                    reachable(address)
                );
            }
            let running = tokio::task::spawn_local(async move { controller.run().await });
            obey(&signals, &handle).await;
            // The controller ends by its own answer to the stop.
            running.abort();
            Ok(())
        });
        if finished.is_ok() {
            for shard in shards {
                if let Err(panic) = shard.join() {
                    return Err(exit::Failure::message(panic.to_string()));
                }
            }
            tracing::info!("stopped");
        }
        finished
    }
}

async fn serve(listener: TcpListener, server: admin::Server) {
    if let Err(error) = admin::serve(listener, server).await {
        tracing::error!(err = %error, "the admin server has ended");
    }
}

/// Follows signals until one asks for the end, and then ends. A second Ctrl-C ends at once; a second
/// SIGTERM does not, since supervisors may send it to the process and again to its group.
async fn obey(signals: &flume::Receiver<Signal>, handle: &Handle) {
    loop {
        match signals.recv_async().await {
            Ok(Signal::Reload) => {
                // The controller has logged what came of it.
                drop(handle.reload().await);
            }
            Ok(Signal::Terminate | Signal::Interrupt) | Err(_) => break,
        }
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
