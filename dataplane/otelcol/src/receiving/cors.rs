//! CORS: what pages of other origins may do, decided as the Collector's library does it.

use net::{Answer, HeaderMap, HeaderName, HeaderValue, Incoming, Method, StatusCode, header};

use crate::settings::Cors;

/// The decided rules.
pub struct Rules {
    origins: Vec<String>,
    any_origin: bool,
    headers: Vec<String>,
    any_header: bool,
    exposed: Option<HeaderValue>,
    max_age: i64,
    /// Pages may send what they are known by.
    credentials: bool,
}

impl Rules {
    /// None when no origin is allowed.
    pub fn new(settings: &Cors) -> Option<Rules> {
        if settings.allowed_origins.is_empty() {
            return None;
        }
        let lower = |list: &[String]| -> Vec<String> {
            list.iter().map(|it| it.to_ascii_lowercase()).collect()
        };
        let mut headers = lower(&settings.allowed_headers);
        headers.push("origin".to_owned());
        Some(Rules {
            any_origin: settings.allowed_origins.iter().any(|it| it == "*"),
            origins: lower(&settings.allowed_origins),
            any_header: headers.iter().any(|it| it == "*"),
            headers,
            exposed: HeaderValue::from_str(&settings.exposed_headers.join(", "))
                .ok()
                .filter(|value| !value.is_empty()),
            max_age: settings.max_age,
            credentials: true,
        })
    }

    /// Those of a receiver that asks for no credentials; none when no origin is allowed.
    pub fn without_credentials(origins: &[String], headers: &[&str]) -> Option<Rules> {
        let headers = headers.iter().map(|name| (*name).to_owned());
        let rules = Rules::new(&Cors {
            allowed_origins: origins.to_vec(),
            allowed_headers: headers.collect(),
            exposed_headers: Vec::new(),
            max_age: 0,
        })?;
        Some(Rules {
            credentials: false,
            ..rules
        })
    }

    /// The answer to a preflight, if the request is one.
    pub fn preflight(&self, request: &Incoming) -> Option<Answer> {
        let method = request.headers.get(header::ACCESS_CONTROL_REQUEST_METHOD)?;
        if request.method != Method::OPTIONS {
            return None;
        }
        let mut answer = Answer::empty(StatusCode::NO_CONTENT);
        let vary = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";
        set(&mut answer.headers, header::VARY, vary);
        let Some(origin) = self.allowed_origin(&request.headers) else {
            return Some(answer);
        };
        let known = ["GET", "POST", "HEAD"];
        if !method.to_str().is_ok_and(|it| known.contains(&it)) {
            return Some(answer);
        }
        let asked = request.headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS);
        if !asked.is_none_or(|asked| self.allows_headers(asked)) {
            return Some(answer);
        }
        let headers = &mut answer.headers;
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, method.clone());
        if let Some(asked) = asked {
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
        }
        if self.credentials {
            set(headers, header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
        }
        if self.max_age > 0 {
            headers.insert(
                header::ACCESS_CONTROL_MAX_AGE,
                HeaderValue::from(self.max_age),
            );
        }
        Some(answer)
    }

    /// Adds to the answer of a request proper.
    pub fn put(&self, request: &HeaderMap, answer: &mut HeaderMap) {
        set(answer, header::VARY, "Origin");
        let Some(origin) = self.allowed_origin(request) else {
            return;
        };
        answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        if self.credentials {
            set(answer, header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
        }
        if let Some(exposed) = &self.exposed {
            answer.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed.clone());
        }
    }

    fn allowed_origin(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(header::ORIGIN)?;
        if self.any_origin {
            return Some(HeaderValue::from_static("*"));
        }
        let text = origin.to_str().ok()?.to_ascii_lowercase();
        let matches = |allowed: &String| match allowed.split_once('*') {
            None => *allowed == text,
            Some((start, end)) => {
                start.len() + end.len() <= text.len()
                    && text.starts_with(start)
                    && text.ends_with(end)
            }
        };
        self.origins.iter().any(matches).then(|| origin.clone())
    }

    fn allows_headers(&self, asked: &HeaderValue) -> bool {
        let Ok(asked) = asked.to_str() else {
            return false;
        };
        let mut names = asked
            .split(',')
            .map(|name| name.trim().to_ascii_lowercase());
        self.any_header || names.all(|name| name.is_empty() || self.headers.contains(&name))
    }
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.insert(name, HeaderValue::from_static(value));
}
