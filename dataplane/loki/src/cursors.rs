//! Where sources other than files have come to, over restarts: texts in `positions.yml`, as the
//! reference keeps them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use runtime::fs;

use crate::source_file::positions::Key;
use crate::source_file::yaml;

/// How often cursors are saved: a killed process delivers again what it read since.
pub const SAVE_INTERVAL: Duration = Duration::from_secs(1);

/// The file, below the folder of a node.
const FILE: &str = "positions.yml";

/// Cursors of a node.
pub struct Cursors {
    path: PathBuf,
    texts: RefCell<BTreeMap<Key, String>>,
    unsaved: Cell<bool>,
}

impl Cursors {
    /// The error says what is to be done about a file that cannot be read.
    pub async fn load(folder: &Path) -> Result<Cursors, String> {
        let path = folder.join(FILE);
        let texts = match fs::read(&path).await {
            Ok(bytes) => yaml::positions(&String::from_utf8_lossy(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => return Err(format!("cannot read \"{}\": {error}", path.display())),
        };
        let texts = texts.map_err(|error| {
            let path = path.display();
            format!("\"{path}\" does not hold positions: {error}; remove it to start anew")
        })?;
        Ok(Cursors {
            path,
            texts: RefCell::new(texts.into_iter().collect()),
            unsaved: Cell::new(false),
        })
    }

    pub fn get(&self, key: &Key) -> Option<String> {
        self.texts.borrow().get(key).cloned()
    }

    pub fn set(&self, key: &Key, text: String) {
        self.texts.borrow_mut().insert(key.clone(), text);
        self.unsaved.set(true);
    }

    pub fn remove(&self, key: &Key) {
        if self.texts.borrow_mut().remove(key).is_some() {
            self.unsaved.set(true);
        }
    }

    /// Replaces the file if there is something new.
    pub async fn save(&self) -> io::Result<()> {
        if !self.unsaved.replace(false) {
            return Ok(());
        }
        let text = {
            let texts = self.texts.borrow();
            let entries: Vec<(&Key, &String)> = texts.iter().collect();
            yaml::write(&entries)
        };
        let saved = async {
            if let Some(folder) = self.path.parent() {
                fs::create_dir_all(folder).await?;
            }
            fs::write_atomic(&self.path, text.into_bytes()).await
        };
        let saved = saved.await;
        if saved.is_err() {
            self.unsaved.set(true);
        }
        saved
    }

    /// Saves again and again; the error of a disk is logged, and the next turn tries again.
    pub async fn keep(&self, node: &str) {
        loop {
            runtime::sleep(SAVE_INTERVAL).await;
            self.save_or_tell(node).await;
        }
    }

    pub async fn save_or_tell(&self, node: &str) {
        if let Err(error) = self.save().await {
            tracing::error!(component_id = node, "cannot save positions: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_survive_a_restart() {
        runtime::sim::check(1, || async {
            let folder = Path::new("/data/node");
            let key = |path: &str| Key {
                path: path.to_owned(),
                labels: "{a=\"b\"}".to_owned(),
            };
            let cursors = Cursors::load(folder).await.expect("there is none yet");
            assert_eq!(cursors.get(&key("cursor-x")), None);
            cursors.set(&key("cursor-x"), "s=1;i=\"2\"".to_owned());
            cursors.set(&key("cursor-y"), "7".to_owned());
            cursors.remove(&key("cursor-y"));
            cursors.save().await.expect("saved");
            let again = Cursors::load(folder).await.expect("there is one now");
            assert_eq!(again.get(&key("cursor-x")).as_deref(), Some("s=1;i=\"2\""));
            assert_eq!(again.get(&key("cursor-y")), None);
            fs::write_atomic(&folder.join(FILE), b"- no".to_vec())
                .await
                .expect("written");
            let error = Cursors::load(folder).await.err().expect("it is refused");
            assert!(error.ends_with("remove it to start anew"), "{error}");
        });
    }
}
