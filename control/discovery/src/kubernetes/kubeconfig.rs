//! kubeconfig files: the server and user of the current context.
//!
//! Compat: as kubectl reads them. Credentials that a program would have to be run for (`exec`,
//! `auth-provider`) are refused, since such programs are not part of what runs here.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use net::tls::{ClientTls, Identity, Pem};
use net::{Auth, ClientOptions, Proxy, ProxyOptions, Secret, SecretSource};
use serde::Deserialize;

use super::cluster::bearer;
use crate::file::to_json;

/// Limit: bytes of a file; with certificates for a hundred clusters it has 1 MB.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case", default)]
struct Config {
    current_context: String,
    clusters: Vec<Named<ClusterEntry>>,
    contexts: Vec<Named<Context>>,
    users: Vec<Named<User>>,
}

/// An entry of a list; its content stands under the list's own name.
#[derive(Deserialize)]
struct Named<T> {
    name: String,
    #[serde(alias = "cluster", alias = "context", alias = "user")]
    content: T,
}

#[derive(Deserialize, Default, Clone)]
#[serde(default)]
struct Context {
    cluster: String,
    user: String,
}

#[derive(Deserialize, Default, Clone)]
#[serde(rename_all = "kebab-case", default)]
struct ClusterEntry {
    server: String,
    certificate_authority: String,
    certificate_authority_data: String,
    insecure_skip_tls_verify: String,
    tls_server_name: String,
    proxy_url: String,
}

#[derive(Deserialize, Default, Clone)]
#[serde(rename_all = "kebab-case", default)]
struct User {
    token: String,
    #[serde(rename = "tokenFile")]
    token_file: String,
    client_certificate: String,
    client_certificate_data: String,
    client_key: String,
    client_key_data: String,
    username: String,
    password: String,
    exec: Option<serde_json::Value>,
    auth_provider: Option<serde_json::Value>,
}

/// The client's options and the server's URL.
pub(super) fn read(path: &Path, options: ClientOptions) -> Result<(ClientOptions, String), String> {
    let failed = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
    if FILE_BYTES_MAX < fs::metadata(path).map_err(failed)?.len() {
        return Err(format!(
            "{} is larger than {FILE_BYTES_MAX} bytes",
            path.display()
        ));
    }
    let text = fs::read_to_string(path).map_err(failed)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    parse(&text, folder, options).map_err(|error| format!("{}: {error}", path.display()))
}

fn parse(
    text: &str,
    folder: &Path,
    mut options: ClientOptions,
) -> Result<(ClientOptions, String), String> {
    let json = to_json(&eval::yaml_texts(text)?)?;
    let config: Config = serde_json::from_value(json)
        .map_err(|error| format!("it is no kubeconfig file: {error}"))?;
    let context = find(&config.contexts, &config.current_context, "context")?;
    let cluster = find(&config.clusters, &context.cluster, "cluster")?;
    // A cluster may let everybody in.
    let user = match context.user.is_empty() {
        true => User::default(),
        false => find(&config.users, &context.user, "user")?,
    };
    options.tls = tls(&cluster, &user, folder)?;
    options.auth = auth(&user, folder)?;
    if !cluster.proxy_url.is_empty() {
        let proxy = net::Target::parse(&cluster.proxy_url);
        proxy.map_err(|error| error.to_string())?;
        options.proxy = ProxyOptions {
            proxy: Proxy::Fixed {
                url: cluster.proxy_url.clone(),
                no_proxy: String::new(),
            },
            ..ProxyOptions::direct()
        };
    }
    Ok((options, cluster.server))
}

fn find<T: Clone>(list: &[Named<T>], name: &str, what: &str) -> Result<T, String> {
    let entry = list.iter().find(|entry| entry.name == name);
    let entry = entry.ok_or_else(|| format!("{what} {name:?} does not exist"))?;
    Ok(entry.content.clone())
}

fn tls(cluster: &ClusterEntry, user: &User, folder: &Path) -> Result<ClientTls, String> {
    let authority = &cluster.certificate_authority;
    let ca = pem(&cluster.certificate_authority_data, authority, folder)?;
    let certificate = pem(
        &user.client_certificate_data,
        &user.client_certificate,
        folder,
    )?;
    let key = pem(&user.client_key_data, &user.client_key, folder)?;
    let server_name = Some(cluster.tls_server_name.clone());
    Ok(ClientTls {
        ca,
        identity: certificate
            .zip(key)
            .map(|(certificate, key)| Identity { certificate, key }),
        server_name: server_name.filter(|name| !name.is_empty()),
        insecure_skip_verify: cluster.insecure_skip_tls_verify == "true",
        ..ClientTls::system()
    })
}

/// What is written out counts, else the file, which is sought from the kubeconfig's folder.
fn pem(data: &str, file: &str, folder: &Path) -> Result<Option<Pem>, String> {
    if !data.is_empty() {
        let bytes = STANDARD
            .decode(data.trim())
            .map_err(|error| error.to_string())?;
        let text = String::from_utf8(bytes).map_err(|error| error.to_string())?;
        return Ok(Some(Pem::Inline(Secret::new(&text))));
    }
    Ok((!file.is_empty()).then(|| Pem::File(folder.join(file))))
}

fn auth(user: &User, folder: &Path) -> Result<Auth, String> {
    if user.exec.is_some() || user.auth_provider.is_some() {
        return Err(
            "credentials of a user come from a program (exec, auth-provider), which is not run \
             here; use a token or a client certificate"
                .to_owned(),
        );
    }
    Ok(if !user.token_file.is_empty() {
        bearer(SecretSource::File(folder.join(&user.token_file)))
    } else if !user.token.is_empty() {
        bearer(SecretSource::Inline(Secret::new(&user.token)))
    } else if !user.username.is_empty() {
        Auth::Basic {
            username: user.username.clone(),
            password: Some(SecretSource::Inline(Secret::new(&user.password))),
        }
    } else {
        Auth::None
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    const CONFIG: &str = "
apiVersion: v1
kind: Config
current-context: two
preferences: {}
clusters:
- {name: a, cluster: {server: 'https://a:6443'}}
- name: b
  cluster:
    server: https://b:6443/k8s
    certificate-authority-data: Q0E=
    insecure-skip-tls-verify: true
    tls-server-name: other
    proxy-url: http://proxy:3128
contexts:
- {name: one, context: {cluster: a, user: plain, namespace: x}}
- {name: two, context: {cluster: b, user: cert}}
- {name: three, context: {cluster: a, user: run}}
- {name: four, context: {cluster: a}}
users:
- {name: plain, user: {username: u, password: 12}}
- {name: cert, user: {client-certificate: c.pem, client-key-data: S0VZ, tokenFile: /t}}
- {name: run, user: {exec: {command: x}}}
";

    fn parse_at(context: &str) -> Result<(ClientOptions, String), String> {
        let text = CONFIG.replace(
            "current-context: two",
            &format!("current-context: {context}"),
        );
        parse(&text, Path::new("/k"), ClientOptions::new("t"))
    }

    #[test]
    fn the_current_context_says_whom_to_ask_and_as_whom() {
        let (options, url) = parse_at("two").expect("is valid");
        assert_eq!(url, "https://b:6443/k8s");
        assert!(options.tls.insecure_skip_verify);
        assert_eq!(options.tls.server_name.as_deref(), Some("other"));
        let identity = options.tls.identity.expect("a certificate with its key");
        assert!(matches!(identity.certificate, Pem::File(path) if path == Path::new("/k/c.pem")));
        assert!(matches!(identity.key, Pem::Inline(_)));
        let token = SecretSource::File(PathBuf::from("/t"));
        assert!(matches!(
            options.auth,
            Auth::Authorization { credentials, .. } if credentials == Some(token)
        ));
        let (options, url) = parse_at("one").expect("is valid");
        assert_eq!(url, "https://a:6443");
        assert!(matches!(options.auth, Auth::Basic { username, .. } if username == "u"));
        assert!(matches!(parse_at("four"), Ok((options, _)) if matches!(options.auth, Auth::None)));
    }

    #[test]
    fn what_is_missing_or_cannot_be_done_is_told() {
        let error = |context| parse_at(context).err().expect("is refused");
        assert_eq!(error("five"), "context \"five\" does not exist");
        assert!(error("three").contains("exec"));
        let text = CONFIG.replace("Q0E=", "?");
        assert!(parse(&text, Path::new(""), ClientOptions::new("t")).is_err());
        assert!(parse("[]", Path::new(""), ClientOptions::new("t")).is_err());
    }
}
