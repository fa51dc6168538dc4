//! Which API server to ask, and as whom: given, from a kubeconfig file, or the cluster that this
//! process runs in.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use blocks::ClientContext;
use eval::ResolverCx;
use net::tls::{ClientTls, Pem};
use net::{Auth, Client, ClientOptions, SecretSource};

use super::{Arguments, kubeconfig};
use crate::labels::host_port;

/// Where the cluster puts what a pod needs to talk to it.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// An API server that can be asked.
pub(super) struct Cluster {
    pub client: Client,
    /// Scheme, host and port, and what stands before all paths.
    pub url: String,
}

impl Cluster {
    pub(super) fn new(arguments: &Arguments, cx: &ResolverCx) -> Result<Cluster, String> {
        let user_agent = &cx.environment().user_agent;
        let (options, url) = if !arguments.kubeconfig_file.is_empty() {
            let path = Path::new(&arguments.kubeconfig_file);
            kubeconfig::read(path, ClientOptions::new(user_agent))?
        } else if !arguments.api_server.is_empty() {
            let context = ClientContext {
                user_agent,
                overrides: &[],
            };
            (
                arguments.client.options(&context),
                arguments.api_server.clone(),
            )
        } else {
            let variable = |name| env::var(name).ok();
            in_cluster(variable, Path::new(ACCOUNT), ClientOptions::new(user_agent))?
        };
        let url = url.trim_end_matches('/').to_owned();
        net::Target::parse(&url).map_err(|error| error.to_string())?;
        let client = Client::new(options).map_err(|error| error.to_string())?;
        Ok(Cluster { client, url })
    }
}

/// The account of the pod that this process runs in.
fn in_cluster(
    variable: impl Fn(&'static str) -> Option<String>,
    account: &Path,
    mut options: ClientOptions,
) -> Result<(ClientOptions, String), String> {
    let given = |name| variable(name).filter(|value| !value.is_empty());
    let host = given("KUBERNETES_SERVICE_HOST").zip(given("KUBERNETES_SERVICE_PORT"));
    let (host, port) = host.ok_or(
        "unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and \
         KUBERNETES_SERVICE_PORT must be defined; set api_server or kubeconfig_file outside of a \
         cluster",
    )?;
    let token = account.join("token");
    if let Err(error) = fs::metadata(&token) {
        return Err(format!("cannot read {}: {error}", token.display()));
    }
    options.auth = bearer(SecretSource::File(token));
    options.tls = ClientTls {
        ca: Some(Pem::File(account.join("ca.crt"))),
        ..ClientTls::system()
    };
    Ok((options, format!("https://{}", host_port(&host, port))))
}

/// The namespace of the pod that this process runs in.
pub(super) fn own_namespace() -> Result<String, String> {
    let path = PathBuf::from(ACCOUNT).join("namespace");
    let text = fs::read_to_string(path);
    let text = text.map_err(|error| format!("could not determine the pod's namespace: {error}"))?;
    match text.trim() {
        "" => Err("could not read own namespace name (empty file)".to_owned()),
        name => Ok(name.to_owned()),
    }
}

pub(super) fn bearer(credentials: SecretSource) -> Auth {
    Auth::Authorization {
        scheme: "Bearer".to_owned(),
        credentials: Some(credentials),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_finds_its_cluster() {
        let account = tempfile::tempdir().expect("a scratch folder");
        let variable = |name| match name {
            "KUBERNETES_SERVICE_HOST" => Some("fd00::1".to_owned()),
            _ => Some("6443".to_owned()),
        };
        let find = |account| in_cluster(variable, account, ClientOptions::new("t"));
        let error = find(account.path()).err().expect("there is no token");
        assert!(error.contains("token"), "{error}");
        fs::write(account.path().join("token"), "t0ken").expect("a scratch folder");
        let (options, url) = find(account.path()).expect("all is there");
        assert_eq!(url, "https://[fd00::1]:6443");
        assert!(matches!(options.auth, Auth::Authorization { .. }));
        let nowhere = in_cluster(|_| None, account.path(), ClientOptions::new("t"));
        let error = nowhere.err().expect("there is no cluster");
        assert!(
            error.contains("set api_server or kubeconfig_file"),
            "{error}"
        );
    }
}
