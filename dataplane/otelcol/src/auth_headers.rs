//! otelcol.auth.headers: headers of each request.
//!
//! Exports a handler and does nothing else. Values may come from the request that brought the data
//! (`from_context`, where its receiver has `include_metadata`) or from what authentication knows of
//! its sender (`from_attribute`); these go into the log with the data.
//!
//! Compatible with otelcol.auth.headers of Alloy.

use std::sync::Arc;

use engine::{Build, BuildError, Built, Component, DataComponent, Role, Spread};
use schema::{Argument, Arguments, Check, ExportField, OptionalSecret, Secret, Stability, Value};

use crate::settings::{ClientAuth, DebugMetrics, Handler, HeaderAction, HeaderRule, HeaderSource};

pub static COMPONENT: Component = Component::of::<AuthHeaders>();

/// The component.
pub struct AuthHeaders;

#[derive(Arguments)]
pub struct AuthHeadersArguments {
    /// How much the component tells of itself.
    #[arg(block)]
    pub debug_metrics: Option<DebugMetrics>,
    /// A header of each request.
    #[arg(block, name = "header", required)]
    pub headers: Vec<HeaderBlock>,
}

/// A header of each request.
#[derive(Arguments, Clone)]
#[arg(check = HeaderBlock::check)]
pub struct HeaderBlock {
    /// Name of the header.
    #[arg(required)]
    pub key: String,
    /// What becomes of a header that is there, or is not.
    #[arg(default = "upsert", one_of("insert", "update", "upsert", "delete"))]
    pub action: String,
    /// Attribute of the sender that has the value: `username` or `raw`, of its credentials.
    pub from_attribute: String,
    /// Metadata of the request that has the value.
    pub from_context: String,
    /// The value.
    pub value: Option<OptionalSecret>,
}

impl HeaderBlock {
    fn check(&self, check: &mut Check<'_>) {
        let dynamic = !self.from_context.is_empty() || !self.from_attribute.is_empty();
        if self.value.is_none() && self.action != "delete" && !dynamic {
            check.body("either value or from_context must be specified");
        }
        if self.value.is_some() && dynamic {
            check.body("only one of value, from_context and from_attribute may be specified");
        }
    }

    fn rule(&self) -> HeaderRule {
        HeaderRule {
            key: self.key.clone(),
            action: match self.action.as_str() {
                "insert" => HeaderAction::Insert,
                "update" => HeaderAction::Update,
                "delete" => HeaderAction::Delete,
                _ => HeaderAction::Upsert,
            },
            value: match (self.from_context.as_str(), self.from_attribute.as_str()) {
                ("", "") => {
                    let value = self.value.as_ref();
                    HeaderSource::Value(Secret::new(value.map_or("", |value| value.expose())))
                }
                ("", name) => HeaderSource::Identity(name.to_owned()),
                (name, _) => HeaderSource::Context(name.to_owned()),
            },
        }
    }
}

impl DataComponent for AuthHeaders {
    type Arguments = AuthHeadersArguments;
    const NAME: &'static str = "otelcol.auth.headers";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Processor;
    const SPREAD: Spread = Spread::One;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "handler",
        type_name: "otelcol.Handler",
    }];

    async fn build(
        _arguments: Arc<AuthHeadersArguments>,
        _cx: &Build,
    ) -> Result<Built, BuildError> {
        Ok(Built::new())
    }

    fn exports(arguments: &AuthHeadersArguments, _node: &str) -> Vec<(&'static str, Value)> {
        let rules = arguments.headers.iter().map(HeaderBlock::rule).collect();
        let handler = Handler::auth(Some(ClientAuth::Headers(rules)), None);
        vec![("handler", handler.to_value())]
    }
}
