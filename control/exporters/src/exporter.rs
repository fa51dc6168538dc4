//! What exporters have in common: the target that they export, the page that it leads to, and how
//! blocking gathering stays away from the control thread.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use eval::{
    HealthState, Page, PageAnswer, PageRequest, ResolverComponent, ResolverCx, ResolverError,
};
use schema::{ExportField, Stability, Target, Targets, Value};

use crate::families::Families;

/// The content type of pages.
pub const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A component that exports targets and serves what scrapes of them get.
pub trait Exporter: Sized + 'static {
    type Arguments: schema::Arguments;

    const NAME: &'static str;
    /// What stands behind `integrations/` in the label `job`.
    const JOB: &'static str;
    const STABILITY: Stability = Stability::GenerallyAvailable;

    /// Begins to gather; an error refuses the configuration.
    fn start(
        arguments: Arc<Self::Arguments>,
        cx: ResolverCx,
    ) -> impl Future<Output = Result<Self, ResolverError>>;

    /// Takes new arguments, by default with a new instance that takes the place of this one.
    fn update(
        &mut self,
        arguments: Arc<Self::Arguments>,
        cx: ResolverCx,
    ) -> impl Future<Output = Result<(), ResolverError>> {
        async {
            *self = Self::start(arguments, cx).await?;
            Ok(())
        }
    }

    /// What scrapes get, unless the admin server itself knows it.
    fn page(&self) -> Option<Arc<dyn Page>>;

    /// The label `instance` of the targets.
    fn instance(_: &Self::Arguments, cx: &ResolverCx) -> String {
        cx.id().to_owned()
    }

    /// The targets, made from the one that leads to this component.
    fn targets(_: &Self::Arguments, base: BaseTarget) -> Vec<Target> {
        vec![base.target([])]
    }
}

/// The labels that all targets of a component share.
pub struct BaseTarget(Vec<(String, String)>);

impl BaseTarget {
    fn new<E: Exporter>(arguments: &E::Arguments, cx: &ResolverCx) -> BaseTarget {
        let labels = [
            ("__address__", cx.environment().http_address.clone()),
            (
                "__metrics_path__",
                format!("/api/v0/component/{}/metrics", cx.id()),
            ),
            ("__scheme__", "http".to_owned()),
            ("__meta_component_id", cx.id().to_owned()),
            ("__meta_component_name", E::NAME.to_owned()),
            ("instance", E::instance(arguments, cx)),
            ("job", format!("integrations/{}", E::JOB)),
        ];
        let owned = labels.map(|(name, value)| (name.to_owned(), value));
        BaseTarget(owned.into())
    }

    /// The label `job` of one of several targets.
    pub fn job(&self, name: &str) -> String {
        let job = self.0.iter().find(|(known, _)| known == "job");
        let job = job.map(|(_, value)| value.as_str()).unwrap_or_default();
        format!("{job}/{name}")
    }

    /// Those of a user's labels that no label of ours has the name of.
    pub fn only_new<'a>(&self, labels: &'a BTreeMap<String, String>) -> Vec<(&'a str, String)> {
        let new = labels
            .iter()
            .filter(|(name, _)| self.0.iter().all(|(known, _)| known != *name));
        new.map(|(name, value)| (name.as_str(), value.clone()))
            .collect()
    }

    /// A target with further labels, which replace those of the same name.
    pub fn target<'a>(&'a self, further: impl IntoIterator<Item = (&'a str, &'a str)>) -> Target {
        let mut labels: Vec<(&str, &str)> = Vec::with_capacity(self.0.len());
        labels.extend(self.0.iter().map(|(name, value)| (&**name, &**value)));
        for (name, value) in further {
            labels.retain(|(known, _)| *known != name);
            labels.push((name, value));
        }
        Target::new(labels)
    }
}

/// The resolver of an [`Exporter`].
pub struct Exporting<E> {
    cx: ResolverCx,
    exporter: E,
}

impl<E: Exporter> Exporting<E> {
    fn export(arguments: &E::Arguments, cx: &ResolverCx) {
        let targets = E::targets(arguments, BaseTarget::new::<E>(arguments, cx));
        cx.export([("targets", Value::Targets(Targets::new(targets)))]);
        cx.health(HealthState::Healthy, "serving metrics");
    }
}

impl<E: Exporter> ResolverComponent for Exporting<E> {
    type Arguments = E::Arguments;

    const NAME: &'static str = E::NAME;
    const STABILITY: Stability = E::STABILITY;
    const EXPORTS: &'static [ExportField] = &[ExportField {
        name: "targets",
        type_name: "list(map(string))",
    }];

    async fn start(arguments: Arc<E::Arguments>, cx: ResolverCx) -> Result<Self, ResolverError> {
        let exporter = E::start(arguments.clone(), cx.clone()).await?;
        Self::export(&arguments, &cx);
        Ok(Exporting { cx, exporter })
    }

    async fn update(&mut self, arguments: Arc<E::Arguments>) -> Result<(), ResolverError> {
        self.exporter
            .update(arguments.clone(), self.cx.clone())
            .await?;
        Self::export(&arguments, &self.cx);
        Ok(())
    }

    fn page(&self) -> Option<Arc<dyn Page>> {
        self.exporter.page()
    }
}

/// Gathers by blocking calls, such as reads of files.
pub trait Gather: Send + Sync + 'static {
    fn gather(&self) -> Families;
}

/// The page of something that gathers: each scrape is one call on a thread for such.
pub struct Gathered<G>(pub Arc<G>);

impl<G: Gather> Page for Gathered<G> {
    fn answer(&self, _: PageRequest) -> Pin<Box<dyn Future<Output = PageAnswer> + Send>> {
        let gather = self.0.clone();
        Box::pin(async move {
            let call = move || gather.gather().finish();
            match tokio::task::spawn_blocking(call).await {
                Ok(body) => page(body),
                Err(error) => {
                    tracing::error!(err = %error, "gathering metrics has failed");
                    PageAnswer::refused(500, "gathering metrics has failed")
                }
            }
        })
    }
}

/// A page of the text format.
pub fn page(body: String) -> PageAnswer {
    PageAnswer {
        status: 200,
        content_type: TEXT,
        body,
    }
}
