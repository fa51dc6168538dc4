//! Where a Docker engine listens.

use net::Target;

/// The address of a Docker engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DockerHost {
    /// A URL without a path.
    Http(String),
    /// The path of a socket.
    Unix(String),
}

impl DockerHost {
    /// From `unix://`, `tcp://`, `http://` or `https://`; the error says what is wrong.
    pub fn parse(host: &str) -> Result<DockerHost, String> {
        let unknown = || format!("parsing host attribute: unable to parse docker host {host:?}");
        let (scheme, rest) = host.split_once("://").ok_or_else(unknown)?;
        let url = match scheme {
            "unix" if cfg!(unix) && !rest.is_empty() => {
                return Ok(DockerHost::Unix(rest.to_owned()));
            }
            "unix" | "npipe" => {
                return Err(format!(
                    "{host:?} cannot be reached on this system, use tcp:// or http://"
                ));
            }
            "http" | "https" => host.trim_end_matches('/').to_owned(),
            "tcp" => format!("http://{}", rest.trim_end_matches('/')),
            _ => return Err(unknown()),
        };
        match Target::parse(&url) {
            Ok(_) => Ok(DockerHost::Http(url)),
            Err(error) => Err(error.to_string()),
        }
    }
}
