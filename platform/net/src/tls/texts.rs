//! Certificates and keys as PEM texts, given or from files, and what is made of them.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use rustls::pki_types::pem::{Error, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::{Pem, TlsError};
use crate::file::WatchedFile;

pub(super) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if found.is_empty() => Err("it holds no certificate in PEM form".to_owned()),
        Ok(found) => Ok(found),
        Err(error) => Err(format!("it is not valid PEM: {error}")),
    }
}

pub(super) fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    // The key's own text is in no message: PEM errors quote section names and no content.
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| match error {
        Error::NoItemsFound => {
            "it holds no private key in PEM form that is not encrypted".to_owned()
        }
        error => format!("it is not valid PEM: {error}"),
    })
}

/// Where one PEM text comes from, with its name in messages.
pub(super) enum Source {
    Inline {
        what: &'static str,
        text: Rc<[u8]>,
    },
    File {
        what: &'static str,
        file: WatchedFile,
    },
}

impl Source {
    pub(super) fn new(what: &'static str, pem: &Pem) -> Source {
        match pem {
            Pem::Inline(text) => Source::Inline {
                what,
                text: text.expose().as_bytes().into(),
            },
            Pem::File(path) => Source::File {
                what,
                file: WatchedFile::new(path),
            },
        }
    }

    async fn text(&self) -> Result<Rc<[u8]>, TlsError> {
        match self {
            Source::Inline { text, .. } => Ok(text.clone()),
            Source::File { what, file } => file.content().await.map_err(|error| {
                let path = file.path().display();
                TlsError(format!("cannot read {what} \"{path}\": {error}"))
            }),
        }
    }

    pub(super) fn refuse(&self, cause: String) -> TlsError {
        TlsError(match self {
            Source::Inline { what, .. } => format!("{what} is not usable: {cause}"),
            Source::File { what, file } => {
                format!(
                    "{what} \"{}\" is not usable: {cause}",
                    file.path().display()
                )
            }
        })
    }
}

/// The texts that a configuration was made of, by source.
pub(super) type Texts = Vec<Rc<[u8]>>;

/// A configuration made of texts, made again when they change.
pub(super) struct Reloading<C> {
    pub(super) sources: Vec<Source>,
    made: RefCell<Option<(Texts, Arc<C>)>>,
    /// Texts that did not parse, so that they are tried and logged once.
    refused: RefCell<Option<Texts>>,
}

impl<C> Reloading<C> {
    pub(super) fn new(sources: Vec<Source>) -> Reloading<C> {
        Reloading {
            sources,
            made: RefCell::new(None),
            refused: RefCell::new(None),
        }
    }

    pub(super) async fn get(
        &self,
        make: impl AsyncFnOnce(&Texts) -> Result<C, TlsError>,
    ) -> Result<Arc<C>, TlsError> {
        let mut texts = Vec::with_capacity(self.sources.len());
        for source in &self.sources {
            texts.push(source.text().await?);
        }
        let current = self.made.borrow().as_ref().map(|(from, config)| {
            let known = *from == texts || self.refused.borrow().as_ref() == Some(&texts);
            (known, config.clone())
        });
        if let Some((true, config)) = current {
            return Ok(config);
        }
        match make(&texts).await {
            Ok(config) => {
                let config = Arc::new(config);
                *self.made.borrow_mut() = Some((texts, config.clone()));
                Ok(config)
            }
            Err(error) => {
                let Some((_, config)) = current else {
                    return Err(error);
                };
                tracing::warn!("changed TLS settings are refused: {error}; the last ones go on");
                *self.refused.borrow_mut() = Some(texts);
                Ok(config)
            }
        }
    }
}
