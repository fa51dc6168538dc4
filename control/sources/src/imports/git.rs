//! import.git: custom components from a file or folder of a git repository.
//!
//! The newest commit of the revision is asked for each `pull_frequency`, and read whole when it is
//! another one. Its files are also written to the storage folder, where `module_path` leads, so
//! that what is imported can import its neighbours with `import.file`.
//! Reference: docs/sources/reference/config-blocks/import.git.md

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use eval::{Component, HealthState, ResolverComponent, ResolverCx, ResolverError};
use net::{Auth, Client, ClientOptions, SecretSource};
use schema::{Check, ExportField, Secret, Stability};
use tokio::task::AbortHandle;

use super::{EXPORTS, FILES_MAX, TEXT_BYTES_MAX, Texts, export};
use crate::git::{self, Files, GitError, Id, Remote};

pub static COMPONENT: Component = Component::of::<ImportGit>();

/// Which repository, what of it, and how often to look.
#[derive(schema::Arguments)]
#[arg(check = Arguments::check)]
pub struct Arguments {
    /// Where the repository is: an URL, `user@host:path`, or a folder of this machine.
    #[arg(required)]
    repository: String,
    /// Branch, tag or commit.
    #[arg(default = "main")]
    revision: String,
    /// The file in the repository, or a folder with `*.alloy` files.
    #[arg(required)]
    path: String,
    /// How often to look for new commits; 0 is never.
    #[arg(default = "60s")]
    pull_frequency: Duration,
    /// User name and password, for `http` and `https`.
    #[arg(block)]
    basic_auth: Option<BasicAuth>,
    /// The key, for `ssh`.
    #[arg(block)]
    ssh_key: Option<SshKey>,
}

#[derive(schema::Arguments)]
struct BasicAuth {
    /// User name.
    #[arg(required)]
    username: String,
    /// Password or token.
    #[arg(required)]
    password: Secret,
}

#[derive(schema::Arguments)]
struct SshKey {
    /// User name at the server.
    #[arg(required)]
    username: String,
    /// The private key.
    key: Option<Secret>,
    /// File with the private key.
    #[arg(default = "")]
    key_file: String,
    /// What the private key is encrypted with.
    passphrase: Option<Secret>,
}

impl Arguments {
    fn check(&self, check: &mut Check<'_>) {
        let special = [
            "HEAD",
            "FETCH_HEAD",
            "ORIG_HEAD",
            "MERGE_HEAD",
            "CHERRY_PICK_HEAD",
        ];
        if special.contains(&self.revision.as_str()) {
            let message = "\"revision\" cannot be a special git reference such as HEAD";
            check.attribute("revision", message);
        }
        if self.repository.is_empty() || self.repository.starts_with('-') {
            check.attribute("repository", "\"repository\" is no address of a repository");
        }
    }

    /// The address as git reads it.
    fn remote(&self, cx: &ResolverCx) -> Result<Remote, String> {
        let address = self.repository.as_str();
        if address.starts_with("http://") || address.starts_with("https://") {
            let mut options = ClientOptions::new(&cx.environment().user_agent);
            if let Some(basic) = &self.basic_auth {
                options.auth = Auth::Basic {
                    username: basic.username.clone(),
                    password: Some(SecretSource::Inline(net::Secret::new(
                        basic.password.expose(),
                    ))),
                };
            }
            let client = Client::new(options).map_err(|error| error.to_string())?;
            return Remote::http(address, client).map_err(|error| error.to_string());
        }
        if let Some(path) = address.strip_prefix("file://") {
            return Ok(Remote::folder(path));
        }
        if let Some(rest) = address.strip_prefix("ssh://") {
            let (host, path) = rest.split_once('/').ok_or("the ssh address has no path")?;
            let (host, port) = match host.rsplit_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (host, None),
            };
            return self.ssh(cx, host, port, &format!("/{path}"));
        }
        if let Some((scheme, _)) = address.split_once("://") {
            return Err(format!("repositories at \"{scheme}://\" cannot be read"));
        }
        match address.split_once(':') {
            Some((host, path)) if !host.contains('/') => self.ssh(cx, host, None, path),
            _ => Ok(Remote::folder(address)),
        }
    }

    fn ssh(
        &self,
        cx: &ResolverCx,
        host: &str,
        port: Option<&str>,
        path: &str,
    ) -> Result<Remote, String> {
        let mut options = Vec::new();
        let mut host = host.to_owned();
        if let Some(port) = port {
            options.extend(["-p".to_owned(), port.to_owned()]);
        }
        if let Some(key) = &self.ssh_key {
            if key.passphrase.as_ref().is_some_and(|it| !it.is_empty()) {
                return Err("keys with a passphrase cannot be used; give the key to \
                            ssh-agent, or remove its passphrase"
                    .to_owned());
            }
            let file = match &key.key {
                Some(secret) if !secret.is_empty() => key_file(&cx.storage_path(), secret)?,
                _ => PathBuf::from(&key.key_file),
            };
            if !file.as_os_str().is_empty() {
                let identities = ["-o", "IdentitiesOnly=yes", "-i"].map(str::to_owned);
                options.extend(identities);
                options.push(file.display().to_string());
            }
            let bare = host.rsplit('@').next().unwrap_or_default();
            host = format!("{}@{bare}", key.username);
        }
        Ok(Remote::ssh(&host, path, options))
    }
}

/// `ssh` reads keys from files that nobody else can read.
fn key_file(folder: &Path, key: &Secret) -> Result<PathBuf, String> {
    let file = folder.join("key");
    let text = format!("{}\n", key.expose().trim_end());
    let written = fs::create_dir_all(folder).and_then(|()| write_private(&file, text.as_bytes()));
    written.map_err(|error| format!("cannot write {file:?}: {error}"))?;
    Ok(file)
}

#[cfg(unix)]
fn write_private(file: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut open = options.open(file)?;
    open.set_permissions(fs::Permissions::from_mode(0o600))?;
    open.write_all(bytes)
}

#[cfg(not(unix))]
fn write_private(file: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::write(file, bytes)
}

struct ImportGit {
    cx: ResolverCx,
    pulls: AbortHandle,
}

impl ResolverComponent for ImportGit {
    type Arguments = Arguments;

    const NAME: &'static str = "import.git";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const EXPORTS: &'static [ExportField] = EXPORTS;

    async fn start(arguments: Arc<Arguments>, cx: ResolverCx) -> Result<ImportGit, ResolverError> {
        let pulls = pull(arguments, cx.clone()).await?;
        Ok(ImportGit { cx, pulls })
    }

    async fn update(&mut self, arguments: Arc<Arguments>) -> Result<(), ResolverError> {
        let pulls = pull(arguments, self.cx.clone()).await?;
        std::mem::replace(&mut self.pulls, pulls).abort();
        Ok(())
    }
}

impl Drop for ImportGit {
    fn drop(&mut self) {
        self.pulls.abort();
    }
}

/// Reads the revision, and begins to look for new commits.
async fn pull(arguments: Arc<Arguments>, cx: ResolverCx) -> Result<AbortHandle, ResolverError> {
    let remote = arguments.remote(&cx).map_err(ResolverError::new)?;
    let mut seen = read(&remote, &arguments, &cx, None)
        .await
        .map_err(ResolverError::new)?;
    let run = async move {
        if arguments.pull_frequency.is_zero() {
            return;
        }
        loop {
            tokio::time::sleep(arguments.pull_frequency).await;
            match read(&remote, &arguments, &cx, Some(seen)).await {
                Ok(id) => seen = id,
                Err(error) => {
                    tracing::error!(
                        node_id = cx.id(),
                        err = error,
                        "cannot read the repository, the last content goes on"
                    );
                    cx.health(HealthState::Unhealthy, error);
                }
            }
        }
    };
    Ok(tokio::task::spawn_local(run).abort_handle())
}

/// Reads the revision unless it is the one that was seen last. Gives its id.
async fn read(
    remote: &Remote,
    arguments: &Arguments,
    cx: &ResolverCx,
    seen: Option<Id>,
) -> Result<Id, String> {
    let failed = |error: GitError| format!("{}: {error}", arguments.repository);
    let id = git::resolve(remote, &arguments.revision).await;
    let id = id.map_err(failed)?;
    if seen != Some(id) {
        let files = git::files(remote, id).await.map_err(failed)?;
        let texts = texts_of(&files, &arguments.path)?;
        let folder = cx.storage_path().join("repo");
        let written = write_out(&folder, &files);
        written.map_err(|error| format!("cannot write to {folder:?}: {error}"))?;
        export(cx, texts, &folder.display().to_string());
    }
    cx.health(HealthState::Healthy, "module updated");
    Ok(id)
}

/// The file at a path, or the `*.alloy` files of the folder there.
fn texts_of(files: &Files, path: &str) -> Result<Texts, String> {
    let path = path.trim_start_matches("./").trim_matches('/');
    let folder = match path {
        "" | "." => String::new(),
        path => format!("{path}/"),
    };
    let wanted = |name: &str| {
        let inside = name.strip_prefix(folder.as_str());
        name == path || inside.is_some_and(|it| !it.contains('/') && it.ends_with(".alloy"))
    };
    let known = files.contains_key(path) || files.keys().any(|name| name.starts_with(&folder));
    if !known {
        return Err(format!("the repository has no {path:?}"));
    }
    let mut texts = Texts::new();
    for (name, content) in files.iter().filter(|(name, _)| wanted(name)) {
        if content.len() as u64 > TEXT_BYTES_MAX {
            return Err(format!("{name:?} is larger than {TEXT_BYTES_MAX} bytes"));
        }
        let text = std::str::from_utf8(content).map_err(|_| format!("{name:?} is not UTF-8"))?;
        texts.insert(name.clone(), text.to_owned());
        if texts.len() > FILES_MAX {
            return Err(format!("{path:?} has more than {FILES_MAX} files"));
        }
    }
    Ok(texts)
}

/// Puts the files in the place of the last ones in one step. The names of git's objects were
/// checked: none leads out of the folder.
fn write_out(folder: &Path, files: &Files) -> io::Result<()> {
    let (new, old) = (folder.with_extension("new"), folder.with_extension("old"));
    for left_over in [&new, &old] {
        if left_over.exists() {
            fs::remove_dir_all(left_over)?;
        }
    }
    fs::create_dir_all(&new)?;
    for (name, content) in files {
        let path = new.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, content)?;
    }
    if folder.exists() {
        fs::rename(folder, &old)?;
    }
    fs::rename(&new, folder)?;
    if old.exists() {
        fs::remove_dir_all(&old)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_file_or_the_modules_of_a_folder() {
        let names = [
            "a.alloy",
            "lib/b.alloy",
            "lib/c.alloy",
            "lib/deep/d.alloy",
            "lib/readme",
        ];
        let files: Files = names
            .iter()
            .map(|name| ((*name).to_owned(), name.as_bytes().into()))
            .collect();
        let check = |path: &str, expect: &[&str]| {
            let texts = texts_of(&files, path).unwrap_or_default();
            assert_eq!(texts.keys().collect::<Vec<_>>(), expect, "of {path}");
        };
        check("a.alloy", &["a.alloy"]);
        check("lib", &["lib/b.alloy", "lib/c.alloy"]);
        check("./lib/", &["lib/b.alloy", "lib/c.alloy"]);
        check("lib/readme", &["lib/readme"]);
        check(".", &["a.alloy"]);
        check("missing", &[]);
        assert!(texts_of(&files, "missing").is_err());
    }
}
