//! otelcol.auth.bearer: a token, for clients that send and servers that check.
//!
//! Exports a handler and does nothing else. Compatible with otelcol.auth.bearer of Alloy.

use std::sync::Arc;

use engine::{Build, BuildError, Built, Component, DataComponent, Role, Spread};
use schema::{Argument, Arguments, ExportField, Secret, Stability, Value};

use crate::settings::{ClientAuth, DebugMetrics, Handler, ServerAuth};

pub static COMPONENT: Component = Component::of::<AuthBearer>();

/// The component.
pub struct AuthBearer;

#[derive(Arguments)]
pub struct AuthBearerArguments {
    /// The header that holds the token.
    #[arg(default = "Authorization")]
    pub header: String,
    /// What stands before the token.
    #[arg(default = "Bearer")]
    pub scheme: String,
    /// The token.
    #[arg(required)]
    pub token: Secret,
    /// How much the component tells of itself.
    #[arg(block)]
    pub debug_metrics: Option<DebugMetrics>,
}

impl DataComponent for AuthBearer {
    type Arguments = AuthBearerArguments;
    const NAME: &'static str = "otelcol.auth.bearer";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Processor;
    const SPREAD: Spread = Spread::One;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "handler",
        type_name: "otelcol.Handler",
    }];

    async fn build(_arguments: Arc<AuthBearerArguments>, _cx: &Build) -> Result<Built, BuildError> {
        Ok(Built::new())
    }

    fn exports(arguments: &AuthBearerArguments, _node: &str) -> Vec<(&'static str, Value)> {
        let AuthBearerArguments {
            header,
            scheme,
            token,
            ..
        } = arguments;
        let client = ClientAuth::Bearer {
            header: header.clone(),
            scheme: scheme.clone(),
            token: token.clone(),
        };
        let server = ServerAuth::Bearer {
            header: header.clone(),
            scheme: scheme.clone(),
            token: token.clone(),
        };
        let handler = Handler::auth(Some(client), Some(server));
        vec![("handler", handler.to_value())]
    }
}
