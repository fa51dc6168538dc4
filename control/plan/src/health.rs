//! How a component is: the worst of what its evaluation, its resolver and its shards say.

use std::collections::BTreeMap;

use engine::Health as InstanceHealth;

/// In the order in which one hides another: the worst is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    Healthy,
    /// Not evaluated yet.
    Unknown,
    Unhealthy,
    Exited,
}

impl State {
    pub const ALL: [State; 4] = [
        State::Healthy,
        State::Unknown,
        State::Unhealthy,
        State::Exited,
    ];

    /// The word of the API and of the `health_type` label.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Healthy => "healthy",
            State::Unknown => "unknown",
            State::Unhealthy => "unhealthy",
            State::Exited => "exited",
        }
    }
}

/// A state with its reason and the time of the last change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    pub state: State,
    pub message: String,
    /// Nanoseconds since the epoch.
    pub updated_ns: i64,
}

impl Health {
    pub fn new(state: State, message: impl Into<String>) -> Health {
        Health {
            state,
            message: message.into(),
            updated_ns: runtime::wall_ns(),
        }
    }
}

/// All that is known about one component's health.
#[derive(Clone, Debug)]
pub(crate) struct HealthBook {
    evaluation: Health,
    resolver: Option<Health>,
    /// Of what an import brought, or of a template with the present elements.
    content: Option<Health>,
    /// What instances say of themselves, by shard.
    instances: BTreeMap<usize, Health>,
    /// Shards that could not build the instance, and why.
    unbuilt: BTreeMap<usize, Health>,
}

impl HealthBook {
    pub fn new() -> HealthBook {
        HealthBook {
            evaluation: Health::new(State::Unknown, "component created"),
            resolver: None,
            content: None,
            instances: BTreeMap::new(),
            unbuilt: BTreeMap::new(),
        }
    }

    pub fn evaluated(&mut self, result: Result<(), String>) {
        self.evaluation = match result {
            Ok(()) => Health::new(State::Healthy, "component evaluated"),
            Err(message) => Health::new(State::Unhealthy, message),
        };
    }

    pub fn evaluation_failed(&self) -> bool {
        self.evaluation.state == State::Unhealthy
    }

    pub fn resolver(&mut self, health: Health) {
        self.resolver = Some(health);
    }

    pub fn content(&mut self, result: Result<(), String>) {
        self.content = match result {
            Ok(()) => Some(Health::new(State::Healthy, "content updated")),
            Err(message) => Some(Health::new(State::Unhealthy, message)),
        };
    }

    pub fn instance(&mut self, shard: usize, health: InstanceHealth, message: String) {
        let state = match health {
            InstanceHealth::Healthy => State::Healthy,
            InstanceHealth::Unhealthy => State::Unhealthy,
            InstanceHealth::Exited => State::Exited,
        };
        self.instances.insert(shard, Health::new(state, message));
    }

    /// A shard has applied a plan; `error` is what it says about this node.
    pub fn applied(&mut self, shard: usize, error: Option<&str>) {
        match error {
            Some(message) => {
                let health =
                    Health::new(State::Unhealthy, format!("building component: {message}"));
                self.unbuilt.insert(shard, health);
            }
            None => {
                self.unbuilt.remove(&shard);
            }
        }
    }

    /// The worst; of equally bad ones the newest.
    pub fn worst(&self) -> &Health {
        let all = std::iter::once(&self.evaluation)
            .chain(&self.resolver)
            .chain(&self.content)
            .chain(self.instances.values())
            .chain(self.unbuilt.values());
        all.max_by_key(|health| (health.state, health.updated_ns))
            .expect("there is at least one")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_is_shown_until_it_is_over() {
        let mut book = HealthBook::new();
        assert_eq!(book.worst().state, State::Unknown);
        book.evaluated(Ok(()));
        book.instance(0, InstanceHealth::Healthy, "fine".to_owned());
        assert_eq!(book.worst().state, State::Healthy);
        book.instance(1, InstanceHealth::Unhealthy, "no disk".to_owned());
        assert_eq!(book.worst().message, "no disk");
        book.applied(0, Some("no lane"));
        book.instance(1, InstanceHealth::Exited, "ended".to_owned());
        assert_eq!(book.worst().message, "ended");
        book.instance(1, InstanceHealth::Healthy, "fine".to_owned());
        assert_eq!(book.worst().message, "building component: no lane");
        book.applied(0, None);
        assert_eq!(book.worst().state, State::Healthy);
    }
}
