//! import.string: custom components from a text, mostly one that another component exports.
//! Reference: docs/sources/reference/config-blocks/import.string.md

use std::sync::Arc;

use eval::{Component, HealthState, ResolverComponent, ResolverCx, ResolverError};
use schema::{ExportField, OptionalSecret, Stability};

use super::{EXPORTS, TEXT_BYTES_MAX, Texts, export};

pub static COMPONENT: Component = Component::of::<ImportString>();

/// The text.
#[derive(schema::Arguments)]
pub struct Arguments {
    /// The text that declares custom components.
    #[arg(required)]
    content: OptionalSecret,
}

struct ImportString {
    cx: ResolverCx,
}

impl ResolverComponent for ImportString {
    type Arguments = Arguments;

    const NAME: &'static str = "import.string";
    const STABILITY: Stability = Stability::GenerallyAvailable;
    const EXPORTS: &'static [ExportField] = EXPORTS;

    async fn start(
        arguments: Arc<Arguments>,
        cx: ResolverCx,
    ) -> Result<ImportString, ResolverError> {
        let mut import = ImportString { cx };
        import.update(arguments).await?;
        Ok(import)
    }

    async fn update(&mut self, arguments: Arc<Arguments>) -> Result<(), ResolverError> {
        let text = arguments.content.expose();
        if text.len() as u64 > TEXT_BYTES_MAX {
            let message = format!("\"content\" is larger than {TEXT_BYTES_MAX} bytes");
            return Err(ResolverError::new(message));
        }
        // The name that stands in messages: where the text came from is not known.
        let texts = Texts::from([(self.cx.id().to_owned(), text.to_owned())]);
        // The path is that of the place of the block, which `plan` knows.
        export(&self.cx, texts, "");
        self.cx.health(HealthState::Healthy, "content updated");
        Ok(())
    }
}
