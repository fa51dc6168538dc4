//! The parts of the running program, put together and started in order.

use std::cell::RefCell;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use admin::settings::tracing_block::Tracers;
use engine::{Command, Globals, LaneDefaults};
use plan::{ConfigSource, Controller, Options, Shards, Tracer};

use crate::VERSION;
use crate::catalogue::{Switches, catalogue, settings};
use crate::exit::Failure;
use crate::logging::Log;
use crate::run::dataplane::{Dataplane, Started};
use crate::run::{Setup, identity, signals};

/// The built-in configuration; [`DEMO_ADDRESS`] in it stands for where this process listens.
const DEMO: &str = include_str!("demo.alloy");
const DEMO_ADDRESS: &str = "ADDRESS";

/// By then the first scrapes are over, and code that ran since the start mostly does not run again.
const SETTLED_AFTER: Duration = Duration::from_secs(2);

/// All parts, before a configuration is loaded.
pub(super) struct Program {
    runtime: tokio::runtime::Runtime,
    listener: TcpListener,
    server: admin::Server,
    tls: admin::TlsSwitch,
    controller: Controller,
    shards: Vec<runtime::ShardHandle>,
}

impl Program {
    /// Takes what the program needs of the machine. Everything that flags can ask for in vain fails
    /// here, with the flag's name.
    pub fn prepare(setup: &Setup<'_>, log: &Log) -> Result<Program, Failure> {
        let dataplane = Dataplane::new(setup.dataplane).map_err(Failure::message)?;
        let storage_path = storage(setup.storage_path)?;
        let (listener, address) = listen(setup)?;
        let globals = Arc::new(globals(storage_path, address)?);
        let Started {
            handles,
            commands,
            reports,
        } = dataplane.start(&globals)?;

        let prefix = admin::prefix(&setup.server.ui_path_prefix);
        let environment = Rc::new(eval::Environment {
            storage_path: globals.storage_path.clone(),
            http_address: setup.server.memory_addr.clone(),
            ui_path_prefix: prefix.to_string(),
            hostname: globals.hostname.clone(),
            user_agent: globals.user_agent.clone(),
        });
        let tracer = Tracer::default();
        let switches = Switches {
            log: log.clone(),
            gate: admin::Gate::default(),
            tls: admin::TlsSwitch::default(),
            live: admin::LiveDebugging::default(),
            tracers: Rc::new(tracers(&tracer, &commands, &globals)),
            shards: commands.clone(),
        };
        let hostname = globals.hostname.as_str().into();
        let options = Options {
            source: source(setup.path, address),
            catalogue: catalogue(),
            stability: setup.stability,
            globals,
            environment,
            version: VERSION,
            settings: settings(&switches),
            tracer: tracer.clone(),
        };
        let controller = Controller::new(options, Shards { commands, reports });
        let server = admin::Server {
            handle: controller.handle(),
            build: admin::Build {
                version: VERSION,
                revision: "",
            },
            prefix,
            hostname,
            address,
            gate: switches.gate,
            live: switches.live,
            tracer,
            facts: facts(setup, log),
            demo: setup.path.is_none(),
        };
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_io().enable_time().build().map_err(|error| {
            Failure::message(format!("cannot start the control thread: {error}"))
        })?;
        Ok(Program {
            runtime,
            listener,
            server,
            tls: switches.tls,
            controller,
            shards: handles,
        })
    }

    /// Loads the configuration and runs it until a signal ends the program.
    pub fn run(self) -> Result<(), Failure> {
        let Program {
            runtime,
            listener,
            server,
            tls,
            mut controller,
            shards,
        } = self;
        let signals = signals::listen()
            .map_err(|error| Failure::message(format!("cannot handle signals: {error}")))?;
        let local = tokio::task::LocalSet::new();
        local.block_on(&runtime, async move {
            controller.start().await.map_err(|rejected| {
                eprint!("{}", rejected.render());
                Failure::message("could not perform the initial load successfully")
            })?;
            let handle = controller.handle();
            tracing::info!(addr = %server.address, "now listening for http traffic");
            if server.demo {
                let (address, prefix) = (reachable(server.address), &server.prefix);
                println!("Invar shows itself at http://{address}{prefix} (Ctrl-C ends it)");
            }
            tokio::task::spawn_local(serve(listener, server, tls));
            tokio::task::spawn_local(async {
                tokio::time::sleep(SETTLED_AFTER).await;
                os::release_text();
            });
            let running = tokio::task::spawn_local(async move { controller.run().await });
            signals::obey(&signals, &handle).await;
            // The controller ends by its own answer to the stop.
            running.abort();
            Ok(())
        })?;
        for shard in shards {
            shard
                .join()
                .map_err(|panic| Failure::message(panic.to_string()))?;
        }
        tracing::info!("stopped");
        Ok(())
    }
}

/// For the support bundle.
struct Facts {
    flags: String,
    log: Log,
}

impl admin::Facts for Facts {
    fn flags(&self) -> String {
        self.flags.clone()
    }

    fn logs(&self) -> String {
        self.log.recent()
    }
}

fn facts(setup: &Setup<'_>, log: &Log) -> Option<Arc<dyn admin::Facts>> {
    let facts = Facts {
        flags: std::env::args()
            .skip(1)
            .fold(String::new(), |text, argument| text + &argument + "\n"),
        log: log.clone(),
    };
    (!setup.server.disable_support_bundle).then(|| Arc::new(facts) as Arc<dyn admin::Facts>)
}

fn tracers(tracer: &Tracer, shards: &[flume::Sender<Command>], globals: &Globals) -> Tracers {
    Tracers {
        tracer: tracer.clone(),
        shards: shards.to_vec(),
        version: VERSION,
        user_agent: globals.user_agent.clone(),
        polls: RefCell::default(),
    }
}

async fn serve(listener: TcpListener, server: admin::Server, tls: admin::TlsSwitch) {
    if let Err(error) = admin::serve(listener, server, tls).await {
        tracing::error!(err = %error, "the admin server has ended");
    }
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

fn listen(setup: &Setup<'_>) -> Result<(TcpListener, SocketAddr), Failure> {
    let wanted = setup.server.listen().map_err(Failure::message)?;
    let bound = admin::bind(wanted).and_then(|listener| {
        let address = listener.local_addr()?;
        Ok((listener, address))
    });
    bound.map_err(|error| {
        Failure::message(format!(
            "cannot listen on {wanted}: {error}; choose another address with \
             --server.http.listen-addr"
        ))
    })
}

fn globals(storage_path: PathBuf, address: SocketAddr) -> Result<Globals, Failure> {
    let instance_id = identity::instance_id(&storage_path)
        .map_err(|error| Failure::message(format!("cannot write to --storage.path: {error}")))?;
    Ok(Globals {
        user_agent: format!("invar/{}", env!("CARGO_PKG_VERSION")),
        http_address: Some(reachable(address)),
        hostname: os::process::hostname(),
        instance_id,
        storage_path,
        lanes: LaneDefaults::standard(),
    })
}

/// Makes the folder; the path becomes absolute, so that it is the same in messages and for shards.
fn storage(path: &Path) -> Result<PathBuf, Failure> {
    let made = std::fs::create_dir_all(path).and_then(|()| std::fs::canonicalize(path));
    made.map_err(|error| {
        Failure::message(format!(
            "cannot use --storage.path \"{}\": {error}",
            path.display()
        ))
    })
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
