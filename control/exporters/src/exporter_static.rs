//! prometheus.exporter.static: metrics from the configuration itself.
//!
//! The text is read once, when the configuration is loaded; each scrape gets the same page.
//! Reference: docs/sources/reference/components/prometheus/prometheus.exporter.static.md

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use batch::MetricKind;
use eval::{Component, Page, PageAnswer, PageRequest, ResolverCx, ResolverError};
use schema::{Check, Stability};

use crate::exporter::{Exporter, Exporting, page};
use crate::families::Families;
use crate::text::Text;

pub static COMPONENT: Component = Component::of::<Exporting<Static>>();

/// What to serve.
#[derive(schema::Arguments)]
#[arg(check = Arguments::check)]
pub struct Arguments {
    /// Metrics in the Prometheus text format.
    #[arg(required)]
    text: String,
}

impl Arguments {
    fn check(&self, check: &mut Check<'_>) {
        if let Err(error) = Text::parse(&self.text) {
            let message = format!("\"text\" holds no metrics in the text format: {error}");
            check.attribute("text", message);
        }
    }
}

struct Static {
    pages: Arc<Pages>,
}

/// The text as each kind of scraper sees it.
struct Pages {
    plain: String,
    open_metrics: String,
}

impl Exporter for Static {
    type Arguments = Arguments;

    const NAME: &'static str = "prometheus.exporter.static";
    const JOB: &'static str = "static";
    const STABILITY: Stability = Stability::Experimental;

    async fn start(arguments: Arc<Arguments>, _: ResolverCx) -> Result<Static, ResolverError> {
        let text = Text::parse(&arguments.text).map_err(ResolverError::new)?;
        let pages = Arc::new(Pages {
            plain: written(&text, false),
            open_metrics: written(&text, true),
        });
        Ok(Static { pages })
    }

    fn page(&self) -> Option<Arc<dyn Page>> {
        Some(self.pages.clone())
    }
}

impl Page for Pages {
    fn answer(&self, request: PageRequest) -> Pin<Box<dyn Future<Output = PageAnswer> + Send>> {
        let text = if request.accept.contains("application/openmetrics-text") {
            &self.open_metrics
        } else {
            &self.plain
        };
        Box::pin(std::future::ready(page(text.clone())))
    }
}

/// Compat: who takes OpenMetrics gets counters under names that end in `_total`, as that format
/// wants them.
fn written(text: &Text, open_metrics: bool) -> String {
    let mut families = Families::new();
    for (name, family) in &text.families {
        let help = family.help.as_deref().unwrap_or_default();
        if open_metrics && family.kind == MetricKind::Counter && !name.ends_with("_total") {
            family.write(&format!("{name}_total"), help, &mut families);
        } else {
            family.write(name, help, &mut families);
        }
    }
    families.finish()
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::tests::{on_control, refusals, scrape, scrape_with, start};

    const TEXT: &str = "# TYPE hits counter\nhits{a=\"1\"} 5 1000\n# HELP g G.\ng 1\n";

    #[test]
    fn the_text_is_served_with_counters_named_as_the_scraper_wants() {
        on_control(async || {
            let environment = Rc::new(eval::Environment::default());
            let started = start(&COMPONENT, [("text", TEXT.into())], environment).await;
            let instance = started.expect("the text is valid");
            let plain = "# HELP g G.\n# TYPE g untyped\ng 1\n\
                         # TYPE hits counter\nhits{a=\"1\"} 5 1000\n";
            assert_eq!(scrape(&instance, &[]).await, plain);
            let request = PageRequest {
                accept: "application/openmetrics-text;version=1.0.0".to_owned(),
                ..PageRequest::default()
            };
            let open = scrape_with(&instance, request).await.body;
            assert!(open.ends_with("hits_total{a=\"1\"} 5 1000\n"), "{open}");
        });
    }

    #[test]
    fn a_text_that_is_no_exposition_is_refused() {
        let refused = refusals(&COMPONENT, [("text", "a{".into())]);
        assert!(refused[0].contains("holds no metrics"), "{refused:?}");
    }
}
