//! otelcol.storage.file: a place on disk for queues. Taken and mapped: every exporter keeps what it
//! has acknowledged in its log below `--storage.path`, with this component or without it.
//!
//! Exports a handler and does nothing else. Compatible with the configuration of
//! otelcol.storage.file of Alloy; its files are neither read nor written.

use std::sync::Arc;
use std::time::Duration;

use engine::{Build, BuildError, Built, Component, DataComponent, Role, Spread};
use schema::{Argument, Arguments, ExportField, Stability, Value};

use crate::settings::{DebugMetrics, Handler};

pub static COMPONENT: Component = Component::of::<StorageFile>();

/// The component.
pub struct StorageFile;

#[derive(Arguments)]
pub struct StorageFileArguments {
    /// Taken for compatibility: the log makes its folders.
    #[arg(default = true)]
    pub create_directory: bool,
    /// Taken for compatibility: the log lies below `--storage.path`.
    pub directory: String,
    /// Taken for compatibility: the log's folders are those of the process.
    #[arg(default = "0750")]
    pub directory_permissions: String,
    /// Taken for compatibility: the log syncs before it acknowledges.
    #[arg(default = false)]
    pub fsync: bool,
    /// Taken for compatibility: nobody else has the log open.
    #[arg(default = "1s")]
    pub timeout: Duration,
    /// How the files of Alloy shrink.
    #[arg(block)]
    pub compaction: Option<Compaction>,
    /// How much the component tells of itself.
    #[arg(block)]
    pub debug_metrics: Option<DebugMetrics>,
}

/// How the files of Alloy shrink. Taken for compatibility: the log reuses its segments.
#[derive(Arguments)]
pub struct Compaction {
    /// Taken for compatibility.
    #[arg(default = "5s")]
    pub check_interval: Duration,
    /// Taken for compatibility.
    #[arg(default = false)]
    pub cleanup_on_start: bool,
    /// Taken for compatibility.
    pub directory: String,
    /// Taken for compatibility.
    #[arg(default = 65536)]
    pub max_transaction_size: i64,
    /// Taken for compatibility.
    #[arg(default = false)]
    pub on_rebound: bool,
    /// Taken for compatibility.
    #[arg(default = false)]
    pub on_start: bool,
    /// Taken for compatibility.
    #[arg(default = 100)]
    pub rebound_needed_threshold_mib: i64,
    /// Taken for compatibility.
    #[arg(default = 10)]
    pub rebound_trigger_threshold_mib: i64,
}

impl DataComponent for StorageFile {
    type Arguments = StorageFileArguments;
    const NAME: &'static str = "otelcol.storage.file";
    const STABILITY: Stability = Stability::PublicPreview;
    const ROLE: Role = Role::Processor;
    const SPREAD: Spread = Spread::One;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "handler",
        type_name: "otelcol.Handler",
    }];

    async fn build(
        _arguments: Arc<StorageFileArguments>,
        _cx: &Build,
    ) -> Result<Built, BuildError> {
        Ok(Built::new())
    }

    fn exports(_arguments: &StorageFileArguments, _node: &str) -> Vec<(&'static str, Value)> {
        vec![("handler", Handler::storage().to_value())]
    }
}
