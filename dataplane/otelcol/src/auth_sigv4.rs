//! otelcol.auth.sigv4: signs requests for services of AWS.
//!
//! Exports a handler and does nothing else; who uses it signs, with keys from the environment or
//! the file that the tools of AWS share. Region and service are those of the settings, or those
//! that the host of the endpoint tells. Compatible with otelcol.auth.sigv4 of Alloy, but for roles,
//! which are refused.

use std::sync::Arc;

use engine::{Build, BuildError, Built, Component, DataComponent, Role, Spread};
use schema::{Argument, Arguments, Check, ExportField, Stability, Value};

use crate::settings::{ClientAuth, DebugMetrics, Handler};

pub static COMPONENT: Component = Component::of::<AuthSigV4>();

/// The component.
pub struct AuthSigV4;

#[derive(Arguments)]
pub struct AuthSigV4Arguments {
    /// Region to sign for; what the endpoint's host tells, or `AWS_REGION`, if it is empty.
    #[arg(default = "")]
    pub region: String,
    /// Service to sign for; what the endpoint's host tells if it is empty.
    #[arg(default = "")]
    pub service: String,
    /// A role to take on.
    #[arg(block)]
    pub assume_role: Option<AssumeRole>,
    /// How much the component tells of itself.
    #[arg(block)]
    pub debug_metrics: Option<DebugMetrics>,
}

/// A role to take on. Declared, and refused when it names one.
#[derive(Arguments)]
#[arg(check = AssumeRole::check)]
pub struct AssumeRole {
    /// The role's name.
    #[arg(default = "")]
    pub arn: String,
    /// What the session is called.
    #[arg(default = "")]
    pub session_name: String,
    /// Region of the service that gives its keys.
    #[arg(default = "")]
    pub sts_region: String,
}

impl AssumeRole {
    fn check(&self, check: &mut Check<'_>) {
        if !self.arn.is_empty() {
            let message = "roles are not supported yet; give keys that have the role's rights";
            check.attribute("arn", message);
        }
    }
}

impl DataComponent for AuthSigV4 {
    type Arguments = AuthSigV4Arguments;
    const NAME: &'static str = "otelcol.auth.sigv4";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const ROLE: Role = Role::Processor;
    const SPREAD: Spread = Spread::One;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "handler",
        type_name: "otelcol.Handler",
    }];

    async fn build(_arguments: Arc<AuthSigV4Arguments>, _cx: &Build) -> Result<Built, BuildError> {
        Ok(Built::new())
    }

    fn exports(arguments: &AuthSigV4Arguments, _node: &str) -> Vec<(&'static str, Value)> {
        let client = ClientAuth::SigV4 {
            region: arguments.region.clone(),
            service: arguments.service.clone(),
        };
        vec![("handler", Handler::auth(Some(client), None).to_value())]
    }
}

#[cfg(test)]
mod tests {
    use net::Auth;

    use super::*;

    fn check(region: &str, service: &str, endpoint: &str, expected: (&str, &str)) {
        let client = ClientAuth::SigV4 {
            region: region.to_owned(),
            service: service.to_owned(),
        };
        let Auth::SigV4(options) = client.auth(endpoint) else {
            panic!("requests are signed");
        };
        let found = (options.region.as_str(), options.service.as_str());
        assert_eq!(found, expected, "{endpoint}");
    }

    #[test]
    fn region_and_service_are_those_given_or_those_of_the_host() {
        let workspace = "https://aps-workspaces.us-east-1.amazonaws.com/workspaces/x";
        check("", "", workspace, ("us-east-1", "aps"));
        check("r", "s", workspace, ("r", "s"));
        check(
            "",
            "",
            "search-x.eu-west-1.es.amazonaws.com:443",
            ("eu-west-1", "es"),
        );
        check(
            "",
            "",
            "https://xray.us-west-2.amazonaws.com",
            ("us-west-2", "xray"),
        );
        check("r", "", "localhost:4317", ("r", ""));
    }
}
