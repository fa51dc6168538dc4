//! AWS Signature Version 4: each request carries a keyed hash of itself.
//!
//! Signed are the method, the path, the query, the body, and of the headers the host and those that
//! signing adds; proxies may change the others. Keys come from the settings, the environment or the
//! file that the tools of AWS share, which is read again when it changes.

use std::path::PathBuf;

use http::{HeaderMap, HeaderValue, Method, header};
use sha2::{Digest, Sha256};

use crate::file::WatchedFile;
use crate::pieces::Chunks;
use crate::{HttpError, Secret, Target};

/// Who signs, for what.
#[derive(Clone)]
pub struct SigV4Options {
    /// From `AWS_REGION` when empty.
    pub region: String,
    pub service: String,
    /// With the secret key; from the environment or the shared file when empty.
    pub access_key: String,
    pub secret_key: Secret,
    /// Section of the shared file; `AWS_PROFILE` or `default` when empty.
    pub profile: String,
}

/// Signs the requests of one client.
pub(crate) struct Signer {
    region: String,
    service: String,
    keys: KeySource,
}

enum KeySource {
    Fixed(Keys),
    Shared { file: WatchedFile, profile: String },
}

#[derive(Clone)]
struct Keys {
    access: String,
    secret: Secret,
    /// Keys that end some day come with one.
    session: Option<Secret>,
}

/// What of a request is signed.
struct Signed<'a> {
    method: &'a Method,
    target: &'a Target,
    body: &'a Chunks,
    /// `20150830T123600Z`.
    time: &'a str,
}

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const DATE: &str = "x-amz-date";
const TOKEN: &str = "x-amz-security-token";

impl Signer {
    pub(crate) fn new(options: &SigV4Options) -> Result<Signer, HttpError> {
        let region = non_empty(options.region.clone())
            .or_else(|| variable("AWS_REGION"))
            .or_else(|| variable("AWS_DEFAULT_REGION"))
            .ok_or_else(|| refuse("no region, neither in sigv4 nor in AWS_REGION"))?;
        Ok(Signer {
            region,
            service: options.service.clone(),
            keys: KeySource::new(options)?,
        })
    }

    /// Adds what makes the request one of ours.
    pub(crate) async fn sign(
        &self,
        method: &Method,
        target: &Target,
        body: &Chunks,
        headers: &mut HeaderMap,
    ) -> Result<(), HttpError> {
        let keys = self.keys.get().await?;
        let time = amz_time(runtime::wall_ms());
        let signed = Signed {
            method,
            target,
            body,
            time: &time,
        };
        headers.insert(DATE, header_value(&time)?);
        if let Some(session) = &keys.session {
            headers.insert(TOKEN, header_value(session.expose())?);
        }
        let authorization = self.authorization(&keys, &signed);
        headers.insert(header::AUTHORIZATION, header_value(&authorization)?);
        Ok(())
    }

    fn authorization(&self, keys: &Keys, signed: &Signed<'_>) -> String {
        let (canonical, names) = canonical(keys, signed);
        let date = &signed.time[..DATE_LEN];
        let scope = format!("{date}/{}/{}/aws4_request", self.region, self.service);
        let digest = hex(&Sha256::digest(canonical.as_bytes()));
        let to_sign = format!("{ALGORITHM}\n{}\n{scope}\n{digest}", signed.time);
        let first = format!("AWS4{}", keys.secret.expose());
        let steps = [date, &self.region, &self.service, "aws4_request", &to_sign];
        let mut key = first.into_bytes();
        for step in steps {
            key = hmac(&key, step.as_bytes()).to_vec();
        }
        format!(
            "{ALGORITHM} Credential={}/{scope}, SignedHeaders={names}, Signature={}",
            keys.access,
            hex(&key)
        )
    }
}

/// `20150830`.
const DATE_LEN: usize = 8;

/// The request in the form that is signed, and the names of its headers.
fn canonical(keys: &Keys, signed: &Signed<'_>) -> (String, &'static str) {
    let uri = signed.target.path_and_query();
    let path = escape(uri.path(), Escape::Path);
    let mut query: Vec<(String, String)> =
        url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
            .map(|(name, value)| (escape(&name, Escape::Query), escape(&value, Escape::Query)))
            .collect();
    query.sort();
    let query: Vec<String> = query
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let host = signed.target.host_header().to_str().unwrap_or_default();
    let mut headers = format!("host:{host}\n{DATE}:{}\n", signed.time);
    let mut names = "host;x-amz-date";
    if let Some(session) = &keys.session {
        headers.push_str(&format!("{TOKEN}:{}\n", session.expose()));
        names = "host;x-amz-date;x-amz-security-token";
    }
    let mut body = Sha256::new();
    signed.body.iter().for_each(|chunk| body.update(chunk));
    let text = format!(
        "{}\n{path}\n{}\n{headers}\n{names}\n{}",
        signed.method,
        query.join("&"),
        hex(&body.finalize())
    );
    (text, names)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Escape {
    Path,
    Query,
}

/// Everything but the unreserved characters as `%XX`. A path is escaped as it was sent, so once
/// more than it is already; its slashes stay.
fn escape(text: &str, escape: Escape) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        let kept = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if kept || byte == b'/' && escape == Escape::Path {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

impl KeySource {
    fn new(options: &SigV4Options) -> Result<KeySource, HttpError> {
        if let Some(access) = non_empty(options.access_key.clone()) {
            return Ok(KeySource::Fixed(Keys {
                access,
                secret: options.secret_key.clone(),
                session: None,
            }));
        }
        let secret = variable("AWS_SECRET_ACCESS_KEY").map(|secret| Secret::new(&secret));
        let of_environment = variable("AWS_ACCESS_KEY_ID").zip(secret);
        if options.profile.is_empty()
            && let Some((access, secret)) = of_environment
        {
            let session = variable("AWS_SESSION_TOKEN").map(|token| Secret::new(&token));
            return Ok(KeySource::Fixed(Keys {
                access,
                secret,
                session,
            }));
        }
        let path = shared_file().ok_or_else(|| {
            refuse(
                "no keys: set access_key and secret_key, or AWS_ACCESS_KEY_ID and \
                 AWS_SECRET_ACCESS_KEY",
            )
        })?;
        let profile = non_empty(options.profile.clone()).or_else(|| variable("AWS_PROFILE"));
        Ok(KeySource::Shared {
            file: WatchedFile::new(&path),
            profile: profile.unwrap_or_else(|| "default".to_owned()),
        })
    }

    async fn get(&self) -> Result<Keys, HttpError> {
        let (file, profile) = match self {
            KeySource::Fixed(keys) => return Ok(keys.clone()),
            KeySource::Shared { file, profile } => (file, profile),
        };
        let path = file.path().display().to_string();
        let content = file.content().await.map_err(|cause| HttpError::File {
            path: path.clone(),
            cause,
        })?;
        let text = String::from_utf8_lossy(&content);
        read_profile(&text, profile)
            .ok_or_else(|| refuse(&format!("\"{path}\" has no keys of profile {profile:?}")))
    }
}

/// The keys of a section of the shared file: `[name]`, then `name = value` lines.
fn read_profile(text: &str, profile: &str) -> Option<Keys> {
    let (mut access, mut secret, mut session) = (None, None, None);
    let mut inside = false;
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[') {
            inside = name.trim_end_matches(']').trim() == profile;
        } else if let Some((name, value)) = line.split_once('=').filter(|_| inside) {
            let value = value.trim();
            match name.trim() {
                "aws_access_key_id" => access = Some(value.to_owned()),
                "aws_secret_access_key" => secret = Some(Secret::new(value)),
                "aws_session_token" => session = Some(Secret::new(value)),
                _ => {}
            }
        }
    }
    Some(Keys {
        access: access?,
        secret: secret?,
        session,
    })
}

fn shared_file() -> Option<PathBuf> {
    if let Some(path) = variable("AWS_SHARED_CREDENTIALS_FILE") {
        return Some(PathBuf::from(path));
    }
    let home = variable("HOME").or_else(|| variable("USERPROFILE"))?;
    Some(PathBuf::from(home).join(".aws").join("credentials"))
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().and_then(non_empty)
}

fn non_empty(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

/// HMAC (RFC 2104) with SHA-256.
fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    const BLOCK: usize = 64;
    let mut block = [0; BLOCK];
    if key.len() > BLOCK {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let pad = |with: u8| block.map(|byte| byte ^ with);
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(text);
    let outer = Sha256::new().chain_update(pad(0x5c));
    outer.chain_update(inner.finalize()).finalize().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `20150830T123600Z`.
fn amz_time(wall_ms: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(wall_ms).unwrap_or_default();
    time.strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn header_value(text: &str) -> Result<HeaderValue, HttpError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| HttpError::Credentials)?;
    value.set_sensitive(true);
    Ok(value)
}

fn refuse(cause: &str) -> HttpError {
    HttpError::Signing {
        cause: cause.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The keys of the examples that AWS publishes.
    fn keys(session: Option<&str>) -> Keys {
        Keys {
            access: "AKIDEXAMPLE".to_owned(),
            secret: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            session: session.map(Secret::new),
        }
    }

    fn signature(method: Method, url: &str) -> String {
        let signer = Signer {
            region: "us-east-1".to_owned(),
            service: "service".to_owned(),
            keys: KeySource::Fixed(keys(None)),
        };
        let signed = Signed {
            method: &method,
            target: &Target::parse(url).expect("a URL"),
            body: &Chunks::default(),
            time: &amz_time(1_440_938_160_000),
        };
        signer.authorization(&keys(None), &signed)
    }

    #[test]
    fn published_examples_get_their_signatures() {
        let start = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/\
                     aws4_request, SignedHeaders=host;x-amz-date, Signature=";
        let cases = [
            (
                Method::GET,
                "https://example.amazonaws.com/",
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            ),
            (
                Method::POST,
                "https://example.amazonaws.com/",
                "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            ),
            (
                Method::GET,
                "https://example.amazonaws.com/?Param2=value2&Param1=value1",
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            ),
        ];
        for (method, url, expected) in cases {
            assert_eq!(
                signature(method, url),
                format!("{start}{expected}"),
                "{url}"
            );
        }
    }

    #[test]
    fn keys_are_read_from_the_section_of_the_profile() {
        let text = "[default]\naws_access_key_id = A\naws_secret_access_key = s\n\
                    [other]\naws_access_key_id=B\naws_secret_access_key=t=\n\
                    aws_session_token = u\n[half]\naws_access_key_id = C\n";
        let read = |profile| {
            let keys = read_profile(text, profile)?;
            let session = keys.session.map(|token| token.expose().to_owned());
            Some((keys.access, keys.secret.expose().to_owned(), session))
        };
        let strings = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        let (access, secret) = strings("A", "s");
        assert_eq!(read("default"), Some((access, secret, None)));
        let (access, secret) = strings("B", "t=");
        assert_eq!(read("other"), Some((access, secret, Some("u".to_owned()))));
        assert_eq!(read("half"), None);
        assert_eq!(read("missing"), None);
    }
}
