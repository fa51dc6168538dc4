//! What evaluation makes known of the graph itself: the texts of imports and the elements of
//! `foreach` blocks. The graph is built anew with them; what makes it wrong is refused, and the
//! last good content goes on.

use syntax::{Diagnostic, SourceMap};

use crate::controller::{Controller, split};
use crate::graph::{Node, Role, build};
use crate::knowledge::{Content, Imported, Items, Knowledge, known_items};
use crate::live::ConfigText;
use crate::load;
use crate::rollout::{Failure, Failures};
use crate::validate;

/// A graph's texts and knowledge with something new in them, before it is known to be right.
struct Candidate {
    text: ConfigText,
    knowledge: Knowledge,
}

/// Why a candidate is refused, with the texts to show it in.
struct Refused {
    sources: SourceMap,
    errors: Vec<Diagnostic>,
}

impl Controller {
    /// Takes what nodes have told since the last time. Whether the graph is another one now.
    pub(crate) fn learn(&mut self, failures: &mut Failures) -> bool {
        let told: Vec<String> = std::mem::take(&mut self.learnable).into_iter().collect();
        let mut news = Vec::new();
        for id in told {
            if let Some(content) = self.parse_told(&id) {
                news.push((id, content));
            }
        }
        if news.is_empty() {
            return false;
        }
        if self.try_all(&news).is_ok() {
            return true;
        }
        // One of them makes the graph wrong; the others are taken all the same.
        let mut learned = false;
        for new in news {
            match self.try_all(std::slice::from_ref(&new)) {
                Ok(()) => learned = true,
                Err(refused) => self.refuse_content(&new.0, refused, failures),
            }
        }
        learned
    }

    /// What a node's exports say, if it is anything new.
    fn parse_told(&mut self, id: &str) -> Option<Told> {
        let at = self.live.find(id)?;
        let exports = &self.live.states[at].exports;
        let knowledge = &self.live.knowledge;
        if let Role::Foreach = self.live.graph.nodes[at].role {
            let items = known_items(exports);
            let known = knowledge.items.get(id).cloned().unwrap_or_default();
            return (known != items).then_some(Told::Items(items));
        }
        let mut told = Imported::from_exports(exports)?;
        if told.path.is_empty() {
            // A text that came from nowhere is where its import stands.
            let module = self.live.graph.nodes[at].module;
            told.path = self.live.graph.modules[module].path.clone();
        }
        let known = knowledge.imports.get(id);
        let same = known.is_some_and(|it| it.files == told.files && it.path == told.path);
        (!same).then_some(Told::Import(told))
    }

    /// Builds the graph with all that is new, and takes it if it is right.
    fn try_all(&mut self, news: &[(String, Told)]) -> Result<(), Refused> {
        let mut candidate = Candidate {
            text: self.live.text.clone(),
            knowledge: self.live.knowledge.clone(),
        };
        let mut unusable = Vec::new();
        for (id, told) in news {
            match told {
                Told::Items(items) => {
                    candidate.knowledge.items.insert(id.clone(), items.clone());
                }
                Told::Import(imported) => {
                    if let Some(refused) = candidate.import(id, imported.clone()) {
                        let good = self.live.knowledge.imports.get(id);
                        if good.is_some_and(|it| matches!(it.content, Content::Trees(_))) {
                            return Err(refused);
                        }
                        unusable.push((id, refused));
                    }
                }
            }
        }
        let Candidate { text, knowledge } = candidate;
        let built = build(&load::inputs(&self.options, &text, &knowledge));
        let mut errors = load::errors_of(&built, false);
        if errors.is_empty() {
            let new = |node: &Node| !self.is_same(node);
            errors = split(validate::check(&built.graph, self.options.stability, new)).0;
        }
        if !errors.is_empty() {
            let sources = text.sources;
            return Err(Refused { sources, errors });
        }
        self.live.text = text;
        self.live.knowledge = knowledge;
        self.live.rebuild(built.graph);
        for (id, _) in news {
            self.content_health(id, Ok(()));
        }
        for (id, refused) in unusable {
            self.note_unusable(id, &refused);
        }
        Ok(())
    }

    /// What is wrong with new content: the last good one goes on, if there is one.
    fn refuse_content(&mut self, id: &str, refused: Refused, failures: &mut Failures) {
        let Some(at) = self.live.find(id) else { return };
        let again = self.live.states[at].health.evaluation_failed();
        let known = self.live.knowledge.imports.contains_key(id);
        let is_import = matches!(self.live.graph.nodes[at].role, Role::Import(_));
        self.note_unusable(id, &refused);
        if !is_import || !known {
            // Their places are in texts that stay, or that nothing else has the place of.
            self.live.text.sources = refused.sources;
            let (id, errors) = (id.to_owned(), refused.errors);
            return failures.add(Failure {
                id,
                exports: false,
                errors,
                again,
            });
        }
        let span = self.live.graph.nodes[at].text.span();
        let why = first_of(&refused);
        let message = format!("new content is refused, the last good one goes on: {why}");
        let error = Diagnostic::error(span, message).path(id);
        failures.add(Failure {
            id: id.to_owned(),
            exports: false,
            errors: vec![error],
            // It has just been logged.
            again: true,
        });
    }

    fn note_unusable(&mut self, id: &str, refused: &Refused) {
        let err = syntax::render_all(&refused.errors, &refused.sources);
        tracing::error!(node_id = id, err, "content cannot be used");
        self.content_health(id, Err(first_of(refused)));
    }

    fn content_health(&mut self, id: &str, result: Result<(), String>) {
        if let Some(at) = self.live.find(id) {
            self.live.states[at].health.content(result);
        }
    }

    /// Takes back what imports had before a reload that changed their blocks, where nothing usable
    /// came of the change. Whether the graph is another one now.
    pub(crate) fn fall_back(&mut self) -> bool {
        let mut news = Vec::new();
        for (id, old) in std::mem::take(&mut self.fallback) {
            let known = self.live.knowledge.imports.get(&id);
            let usable = known.is_some_and(|it| matches!(it.content, Content::Trees(_)));
            if !usable && self.live.find(&id).is_some() {
                news.push((id, Told::Import(old)));
            }
        }
        let mut changed = false;
        for new in news {
            // What it had may not fit the text of now; then there is nothing to go on with.
            let health = self
                .live
                .find(&new.0)
                .map(|at| self.live.states[at].health.clone());
            if self.try_all(std::slice::from_ref(&new)).is_ok() {
                changed = true;
                if let (Some(at), Some(health)) = (self.live.find(&new.0), health) {
                    self.live.states[at].health = health;
                }
            }
        }
        changed
    }
}

/// What a node told.
enum Told {
    Import(Imported),
    Items(Items),
}

impl Candidate {
    /// Puts in what an import brought. What is wrong with it by itself comes back.
    fn import(&mut self, id: &str, mut imported: Imported) -> Option<Refused> {
        let slots = self.text.slots.entry(id.to_owned()).or_default();
        let parsed = imported.parse(&mut self.text.sources, slots);
        let refused = parsed.err().map(|errors| Refused {
            sources: self.text.sources.clone(),
            errors,
        });
        if let Some(refused) = &refused {
            let reason = format!("{id} has no usable content: {}", first_of(refused));
            imported.content = Content::Unusable(reason);
        }
        self.knowledge.imports.insert(id.to_owned(), imported);
        refused
    }
}

/// The first error with its place, in a line.
fn first_of(refused: &Refused) -> String {
    let Some(first) = refused.errors.iter().find(|error| error.is_error()) else {
        return "it cannot be used".to_owned();
    };
    match first.span.and_then(|span| refused.sources.location(span)) {
        Some(at) => format!("{at}: {}", first.message),
        None => first.message.clone(),
    }
}
