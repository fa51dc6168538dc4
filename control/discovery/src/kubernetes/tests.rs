//! discovery.kubernetes against the API as recorded, on loopback: pages, watches that end, break
//! and expire, errors, and objects that go.

use std::collections::BTreeMap;

use schema::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::*;
use crate::tests::{block, body, on_control, refusals, start_body, targets, until};

/// An API server. Lists are pages by path; what is watched hears what the test says.
#[derive(Clone, Default)]
struct Api(Rc<Inner>);

#[derive(Default)]
struct Inner {
    lists: RefCell<BTreeMap<String, Vec<String>>>,
    watches: RefCell<BTreeMap<String, mpsc::UnboundedSender<String>>>,
    requests: RefCell<Vec<String>>,
    /// Status in place of each answer.
    refuse: RefCell<Option<&'static str>>,
}

impl Api {
    async fn start() -> (Api, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let api = Api::default();
        let serving = api.clone();
        tokio::task::spawn_local(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("loopback");
                tokio::task::spawn_local(serving.clone().serve(stream));
            }
        });
        (api, url)
    }

    /// Pages of a list, each the text of its objects.
    fn list(&self, path: &str, pages: &[&str]) {
        let pages = pages.iter().map(|page| page.to_string()).collect();
        self.0.lists.borrow_mut().insert(path.to_owned(), pages);
    }

    /// Tells who watches; false when nobody does.
    fn tell(&self, path: &str, kind: &str, object: &str) -> bool {
        let line = format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n");
        match self.0.watches.borrow().get(path) {
            Some(watch) => watch.send(line).is_ok(),
            None => false,
        }
    }

    /// Ends the watch of a path as servers do after a while.
    fn end(&self, path: &str) {
        self.0.watches.borrow_mut().remove(path);
    }

    fn requests(&self, part: &str) -> Vec<String> {
        let requests = self.0.requests.borrow();
        let found = requests.iter().filter(|request| request.contains(part));
        found.cloned().collect()
    }

    async fn serve(self, mut stream: TcpStream) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => return,
            }
        }
        let head = String::from_utf8(head).expect("a request is text");
        let target = head.split(' ').nth(1).expect("a request has a target");
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        self.0.requests.borrow_mut().push(target.to_owned());
        let refuse = *self.0.refuse.borrow();
        if let Some(status) = refuse {
            let body = r#"{"kind":"Status","message":"no"}"#;
            write(&mut stream, &answer(status, body)).await;
        } else if query.contains("watch=true") {
            self.watch(stream, path).await;
        } else {
            let body = self.page(path, query);
            write(&mut stream, &answer("200 OK", &body)).await;
        }
    }

    fn page(&self, path: &str, query: &str) -> String {
        let at = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("continue="));
        let at: usize = at.map_or(0, |at| at.parse().expect("we gave a number"));
        let lists = self.0.lists.borrow();
        let pages = lists.get(path).map(Vec::as_slice).unwrap_or_default();
        let next = match at + 1 < pages.len() {
            true => (at + 1).to_string(),
            false => String::new(),
        };
        let items = pages.get(at).map_or("", |page| page);
        let meta = format!(r#"{{"resourceVersion":"10","continue":"{next}"}}"#);
        format!(r#"{{"metadata":{meta},"items":[{items}]}}"#)
    }

    async fn watch(&self, mut stream: TcpStream, path: &str) {
        let (sender, mut lines) = mpsc::unbounded_channel();
        self.0.watches.borrow_mut().insert(path.to_owned(), sender);
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        write(&mut stream, head).await;
        while let Some(line) = lines.recv().await {
            let chunk = format!("{:x}\r\n{line}\r\n", line.len());
            write(&mut stream, &chunk).await;
        }
        write(&mut stream, "0\r\n\r\n").await;
    }
}

fn answer(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
}

async fn write(stream: &mut TcpStream, text: &str) {
    if let Err(error) = stream.write_all(text.as_bytes()).await {
        tracing::debug!("nobody reads the answer: {error}");
    }
}

fn service(name: &str, version: u32, label: &str) -> String {
    format!(
        r#"{{"metadata":{{"name":"{name}","namespace":"ns","resourceVersion":"{version}",
            "labels":{{"l":"{label}"}}}},
            "spec":{{"type":"ClusterIP","clusterIP":"10.0.0.1",
                     "ports":[{{"name":"http","port":80,"protocol":"TCP"}}]}}}}"#
    )
    .replace('\n', " ")
}

const SERVICES: &str = "/api/v1/services";

fn names(instance: &eval::Instance) -> Vec<String> {
    let name = |target: &Target| {
        let get = |name: &str| target.get(&format!("__meta_kubernetes_service_{name}"));
        let name = get("name").unwrap_or_default();
        format!("{name}={}", get("label_l").unwrap_or_default())
    };
    targets(instance).iter().map(name).collect()
}

async fn started<const N: usize>(arguments: [(&'static str, Value); N]) -> eval::Instance {
    let started = start_body(&COMPONENT, body(arguments), Rc::default()).await;
    started.expect("the arguments are valid")
}

#[test]
fn a_kind_is_listed_in_pages_and_then_followed() {
    on_control(async || {
        let (api, url) = Api::start().await;
        api.list(SERVICES, &[&service("a", 1, "1"), &service("b", 2, "1")]);
        let instance = started([("role", "service".into()), ("api_server", url.into())]).await;
        until("both pages", || names(&instance) == ["a=1", "b=1"]).await;
        assert!(api.requests(SERVICES)[0].ends_with("?limit=500"));
        assert!(api.requests(SERVICES)[1].ends_with("?limit=500&continue=1"));

        until("a watch", || {
            api.tell(SERVICES, "ADDED", &service("c", 11, "1"))
        })
        .await;
        assert!(api.tell(SERVICES, "MODIFIED", &service("a", 12, "2")));
        assert!(api.tell(SERVICES, "DELETED", &service("b", 13, "1")));
        until("changes", || names(&instance) == ["a=2", "c=1"]).await;
        let watch = "watch=true&allowWatchBookmarks=true&resourceVersion=10&timeoutSeconds=300";
        assert_eq!(api.requests(watch).len(), 1);

        // The next watch goes on from a bookmark.
        let bookmark = r#"{"metadata":{"resourceVersion":"99"}}"#;
        assert!(api.tell(SERVICES, "BOOKMARK", bookmark));
        api.end(SERVICES);
        until("a second watch", || {
            api.requests("resourceVersion=99").len() == 1
        })
        .await;
        until("it", || {
            api.tell(SERVICES, "DELETED", &service("c", 100, "1"))
        })
        .await;
        until("the change", || names(&instance) == ["a=2"]).await;
        assert_eq!(instance.metrics(), [(FAILURES, 0.0)]);
    });
}

#[test]
fn a_version_that_is_too_old_makes_a_new_list() {
    on_control(async || {
        let (api, url) = Api::start().await;
        api.list(SERVICES, &[&service("a", 1, "1")]);
        let instance = started([("role", "service".into()), ("api_server", url.into())]).await;
        until("a target", || names(&instance) == ["a=1"]).await;
        // What came and went meanwhile is in the new list only.
        api.list(SERVICES, &[&service("b", 5, "1")]);
        let expired = r#"{"kind":"Status","code":410,"message":"too old resource version"}"#;
        until("a watch", || api.tell(SERVICES, "ERROR", expired)).await;
        until("the new list", || names(&instance) == ["b=1"]).await;
        assert_eq!(instance.metrics(), [(FAILURES, 0.0)]);
    });
}

#[test]
fn failures_are_counted_and_leave_the_last_targets() {
    on_control(async || {
        let (api, url) = Api::start().await;
        *api.0.refuse.borrow_mut() = Some("403 Forbidden");
        let instance = started([("role", "service".into()), ("api_server", url.into())]).await;
        until("failures", || 2.0 <= instance.metrics()[0].1).await;
        let message = instance.health().message;
        assert!(
            message.ends_with("the API server answered 403 Forbidden: no"),
            "{message}"
        );
        api.list(SERVICES, &[&service("a", 1, "1")]);
        *api.0.refuse.borrow_mut() = None;
        until("a target", || names(&instance) == ["a=1"]).await;

        let failures = instance.metrics()[0].1;
        *api.0.refuse.borrow_mut() = Some("500 Oops");
        until("a watch", || {
            api.tell(SERVICES, "ERROR", r#"{"code":500,"message":"x"}"#)
        })
        .await;
        // The watch that broke is nobody's any more.
        api.end(SERVICES);
        until("failures", || failures + 2.0 < instance.metrics()[0].1).await;
        assert_eq!(names(&instance), ["a=1"]);
        *api.0.refuse.borrow_mut() = None;
        until("a watch", || {
            api.tell(SERVICES, "DELETED", &service("a", 9, "1"))
        })
        .await;
        until("no target", || names(&instance).is_empty()).await;
    });
}

#[test]
fn namespaces_and_selectors_narrow_what_is_asked() {
    on_control(async || {
        let (api, url) = Api::start().await;
        let texts = |texts: [&str; 3]| Value::array(texts.map(Value::from));
        let mut body = body([("role", "pod".into()), ("api_server", url.into())]);
        body.blocks = vec![
            block("namespaces", [("names", texts(["y", "x", "x"]))]),
            block(
                "selectors",
                [
                    ("role", "pod".into()),
                    ("field", "spec.nodeName=n 1".into()),
                    ("label", "a in (b,c)".into()),
                ],
            ),
            block(
                "attach_metadata",
                [("node", true.into()), ("namespace", true.into())],
            ),
        ];
        let started = start_body(&COMPONENT, body, Rc::default()).await;
        let instance = started.expect("the arguments are valid");
        let query = "fieldSelector=spec.nodeName%3Dn+1&labelSelector=a+in+%28b%2Cc%29&limit=500";
        for expected in [
            &format!("/api/v1/namespaces/x/pods?{query}"),
            &format!("/api/v1/namespaces/y/pods?{query}"),
            "/api/v1/nodes?limit=500",
            "/api/v1/namespaces?limit=500",
        ] {
            until("a list", || api.requests(expected).len() == 1).await;
        }
        let all = api.requests("limit=500").len();
        assert_eq!(all, 4, "each is listed once");
        drop(instance);
    });
}

#[test]
fn targets_wait_for_all_kinds_and_follow_what_they_refer_to() {
    on_control(async || {
        let (api, url) = Api::start().await;
        let endpoints = r#"{"metadata":{"name":"a","namespace":"ns"},"subsets":[{
            "addresses":[{"ip":"10.0.0.9","targetRef":{"kind":"Pod","namespace":"ns","name":"p"}}],
            "ports":[{"name":"http","port":80,"protocol":"TCP"}]}]}"#;
        api.list("/api/v1/endpoints", &[endpoints]);
        api.list(SERVICES, &[&service("a", 1, "1")]);
        let pod = |phase: &str| {
            format!(
                r#"{{"metadata":{{"name":"p","namespace":"ns"}},"spec":{{}},
                     "status":{{"podIP":"10.0.0.9","phase":"{phase}"}}}}"#
            )
            .replace('\n', " ")
        };
        api.list("/api/v1/pods", &[&pod("Pending")]);
        let instance = started([("role", "endpoints".into()), ("api_server", url.into())]).await;
        until("a target", || targets(&instance).len() == 1).await;
        let phase = || {
            let target = targets(&instance)[0].clone();
            target.get("__meta_kubernetes_pod_phase").map(str::to_owned)
        };
        assert_eq!(phase().as_deref(), Some("Pending"));
        assert_eq!(names(&instance), ["a=1"]);
        until("a watch", || {
            api.tell("/api/v1/pods", "MODIFIED", &pod("Running"))
        })
        .await;
        until("the phase", || phase().as_deref() == Some("Running")).await;
        assert!(api.tell(SERVICES, "MODIFIED", &service("a", 1, "2")));
        until("the label", || names(&instance) == ["a=2"]).await;
        assert!(api.tell(SERVICES, "DELETED", &service("a", 1, "2")));
        until("no service", || names(&instance) == ["="]).await;
    });
}

#[test]
fn settings_that_contradict_are_refused() {
    let role = || ("role", Value::from("node"));
    let errors = refusals(&COMPONENT, [("role", Value::from("nodes"))]);
    assert_eq!(errors.len(), 1, "{errors:?}");
    let both = [
        role(),
        ("api_server", "http://h".into()),
        ("kubeconfig_file", "k".into()),
    ];
    assert!(refusals(&COMPONENT, both)[0].contains("simultaneously"));
    let errors = refusals(&COMPONENT, [role(), ("api_server", "h:1".into())]);
    assert_eq!(errors.len(), 1, "{errors:?}");
}
