//! Groups: requests with the same metadata, under the names that `metadata_keys` lists.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use batch::otlp::{Client, Metadata};
use engine::Nack;
use runtime::metrics::Gauge;

use super::ProcessorBatchArguments;

/// The number of a group.
pub type Group = usize;

/// The groups of one shard. Without `metadata_keys` there is one, without a client.
pub struct Groups {
    keys: Vec<String>,
    count_max: usize,
    /// By the values of each key.
    known: RefCell<HashMap<Vec<Vec<String>>, Group>>,
    clients: RefCell<Vec<Option<Arc<Client>>>>,
    cardinality: Gauge,
}

impl Groups {
    pub fn new(arguments: &ProcessorBatchArguments, cardinality: Gauge) -> Groups {
        let keys = arguments.metadata_keys.iter();
        let keys: Vec<String> = keys.map(|key| key.to_ascii_lowercase()).collect();
        let clients = match keys.is_empty() {
            true => vec![None],
            false => Vec::new(),
        };
        cardinality.set(clients.len() as f64);
        Groups {
            keys,
            count_max: match arguments.metadata_cardinality_limit {
                0 => usize::MAX,
                limit => limit as usize,
            },
            known: RefCell::default(),
            clients: RefCell::new(clients),
            cardinality,
        }
    }

    /// Whether there is more than one.
    pub fn is_used(&self) -> bool {
        !self.keys.is_empty()
    }

    /// The part of a client's metadata that tells groups apart.
    pub fn metadata(&self, client: Option<&Client>) -> Metadata {
        let mut metadata = Metadata::default();
        let Some(client) = client else {
            return metadata;
        };
        for key in &self.keys {
            for value in client.metadata.get(key) {
                metadata.add(key, value.clone());
            }
        }
        metadata
    }

    /// Refuses what would be a group too many. Compat: the Collector refuses it for good.
    pub fn admit(&self, metadata: &Metadata) -> Result<(), Nack> {
        let known = self.known.borrow();
        if known.len() < self.count_max || known.contains_key(&self.values(metadata)) {
            return Ok(());
        }
        let text = "too many batcher metadata-value combinations; raise metadata_cardinality_limit";
        Err(Nack::permanent("metadata_cardinality", text))
    }

    /// The group of this metadata. What comes from the log was admitted before.
    pub fn of(&self, metadata: Metadata) -> Group {
        if !self.is_used() {
            return 0;
        }
        let mut clients = self.clients.borrow_mut();
        let mut known = self.known.borrow_mut();
        let group = *known.entry(self.values(&metadata)).or_insert(clients.len());
        if group == clients.len() {
            clients.push(Some(Client::with_metadata(metadata)));
            self.cardinality.set(clients.len() as f64);
        }
        group
    }

    fn values(&self, metadata: &Metadata) -> Vec<Vec<String>> {
        let keys = self.keys.iter();
        keys.map(|key| metadata.get(key).to_vec()).collect()
    }

    /// What batches of a group say of their client.
    pub fn client(&self, group: Group) -> Option<Arc<Client>> {
        self.clients.borrow()[group].clone()
    }
}
