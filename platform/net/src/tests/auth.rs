//! Credentials on requests.

use super::*;

fn with_auth(auth: Auth) -> Client {
    client(|options| options.auth = auth)
}

fn inline(text: &str) -> Option<SecretSource> {
    Some(SecretSource::Inline(Secret::new(text)))
}

#[test]
fn each_way_makes_its_header() {
    on_each_backend(|| async {
        let server = TestServer::start(|_| ok(""));
        let basic = Auth::Basic {
            username: "usr".to_owned(),
            password: inline("p:w"),
        };
        let token = Auth::Authorization {
            scheme: "Token".to_owned(),
            credentials: inline("cred"),
        };
        let cases = [
            (basic, "Basic dXNyOnA6dw=="),
            (token, "Token cred"),
            (Auth::None, ""),
        ];
        for (index, (auth, expected)) in cases.into_iter().enumerate() {
            get(&with_auth(auth), &server.url("/"))
                .await
                .expect("answered");
            assert_eq!(server.seen.header(index, "authorization"), expected);
        }
        let url = format!("http://u:p@{}/", server.address);
        get(&client(|_| {}), &Target::parse(&url).expect("valid"))
            .await
            .expect("answered");
        assert_eq!(server.seen.header(3, "authorization"), "Basic dTpw");
    });
}

#[test]
fn a_changed_password_file_is_read_again() {
    simulated(|| async {
        let server = TestServer::start(|_| ok(""));
        let path = PathBuf::from("/password");
        let password = Some(SecretSource::File(path.clone()));
        let client = with_auth(Auth::Basic {
            username: "u".to_owned(),
            password,
        });
        let error = get(&client, &server.url("/"))
            .await
            .expect_err("no such file");
        assert_eq!(error.kind(), ErrorKind::Auth);
        assert!(
            error.to_string().starts_with("cannot read \"/password\": "),
            "{error}"
        );
        for password in ["one\n", "two"] {
            runtime::fs::write_atomic(&path, password.into())
                .await
                .expect("written");
            runtime::sleep(6 * SECOND).await;
            get(&client, &server.url("/")).await.expect("answered");
        }
        runtime::fs::remove_file(&path).await.expect("removed");
        runtime::sleep(6 * SECOND).await;
        get(&client, &server.url("/"))
            .await
            .expect("the last content goes on");
        let headers: Vec<String> = (0..3)
            .map(|n| server.seen.header(n, "authorization"))
            .collect();
        assert_eq!(
            headers,
            ["Basic dTpvbmU=", "Basic dTp0d28=", "Basic dTp0d28="]
        );
    });
}

#[test]
fn credentials_stay_behind_when_a_redirect_leaves_the_host() {
    on_each_backend(|| async {
        let end = TestServer::start(|_| ok("end"));
        let elsewhere = format!("http://localhost:{}/", end.address.port());
        let same_host = end.url("/").to_string();
        let server = TestServer::start(move |asked| match asked.uri.as_str() {
            "/elsewhere" => redirect(302, &elsewhere),
            _ => redirect(302, &same_host),
        });
        let auth = Auth::Authorization {
            scheme: "Bearer".to_owned(),
            credentials: inline("tok"),
        };
        let client = with_auth(auth);
        get(&client, &server.url("/elsewhere"))
            .await
            .expect("answered");
        get(&client, &server.url("/same")).await.expect("answered");
        assert_eq!(server.seen.header(0, "authorization"), "Bearer tok");
        assert_eq!(end.seen.header(0, "authorization"), "");
        assert_eq!(end.seen.header(1, "authorization"), "Bearer tok");
    });
}

fn oauth2(tokens: &TestServer) -> Auth {
    Auth::OAuth2(Box::new(OAuth2Options {
        client_id: "cid".to_owned(),
        client_secret: SecretSource::Inline(Secret::new("s/c")),
        scopes: vec!["s1".to_owned(), "s2".to_owned()],
        token_url: tokens.url("/token").to_string(),
        endpoint_params: vec![("aud".to_owned(), "me".to_owned())],
        proxy: ProxyOptions::direct(),
        tls: crate::tls::ClientTls::system(),
    }))
}

#[test]
fn a_token_is_fetched_once_for_requests_at_once() {
    on_each_backend(|| async {
        let tokens = TestServer::start(|_| {
            ok(r#"{"access_token":"AT","token_type":"bearer","expires_in":3600}"#)
        });
        let server = TestServer::start(|_| ok(""));
        let client = with_auth(oauth2(&tokens));
        let done = runtime::sync::Semaphore::new(0);
        for _ in 0..5 {
            let (client, target, done) = (client.clone(), server.url("/"), done.clone());
            runtime::spawn(async move {
                get(&client, &target).await.expect("answered");
                done.add_permits(1);
            });
        }
        done.acquire(5).await;
        assert_eq!(tokens.seen.uris(), ["POST /token"]);
        assert_eq!(tokens.seen.header(0, "authorization"), "Basic Y2lkOnMlMkZj");
        let body = String::from_utf8(tokens.seen.0.borrow()[0].body.clone()).expect("text");
        assert_eq!(body, "aud=me&grant_type=client_credentials&scope=s1+s2");
        for index in 0..5 {
            assert_eq!(server.seen.header(index, "authorization"), "Bearer AT");
        }
    });
}

#[test]
fn a_token_near_its_end_is_fetched_again() {
    simulated(|| async {
        let tokens = TestServer::start(|_| ok(r#"{"access_token":"AT","expires_in":60}"#));
        let server = TestServer::start(|_| ok(""));
        let client = with_auth(oauth2(&tokens));
        for (pause, fetched) in [(0, 1), (49, 1), (2, 2)] {
            runtime::sleep(pause * SECOND).await;
            get(&client, &server.url("/")).await.expect("answered");
            assert_eq!(tokens.seen.count(), fetched, "after {pause} s");
        }
    });
}

#[test]
fn an_endpoint_that_wants_the_secret_in_the_form_gets_it_there() {
    simulated(|| async {
        let tokens = TestServer::start(|asked| match asked.headers.contains_key("authorization") {
            true => Answer::empty(StatusCode::UNAUTHORIZED),
            false => ok(r#"{"access_token":"AT","expires_in":11}"#),
        });
        let server = TestServer::start(|_| ok(""));
        let client = with_auth(oauth2(&tokens));
        for _ in 0..2 {
            get(&client, &server.url("/")).await.expect("answered");
            runtime::sleep(5 * SECOND).await;
        }
        assert_eq!(tokens.seen.count(), 3, "the second fetch knows what works");
        let body = String::from_utf8(tokens.seen.0.borrow()[1].body.clone()).expect("text");
        assert!(
            body.contains("client_id=cid&client_secret=s%2Fc&grant_type="),
            "{body}"
        );
    });
}

#[test]
fn a_refused_token_fails_the_request_with_the_endpoints_words() {
    on_each_backend(|| async {
        let tokens = TestServer::start(|_| {
            let mut refusal = ok(r#"{"error":"invalid_client"}"#);
            refusal.status = StatusCode::UNAUTHORIZED;
            refusal
        });
        let server = TestServer::start(|_| ok(""));
        let error = get(&with_auth(oauth2(&tokens)), &server.url("/"))
            .await
            .expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Auth);
        assert_eq!(
            error.to_string(),
            format!(
                "no token from \"{}\": it answered 401 Unauthorized, invalid_client",
                tokens.url("/token")
            )
        );
        assert_eq!(server.seen.count(), 0);
    });
}
