//! [`Dimension`] and [`Key`]: what sums are grouped by.

use crate::event::Event;
use crate::exporter::Resource;
use crate::text::Text;
use crate::words::words;

words! {
    /// Something to group or filter by.
    ///
    /// ```
    /// use jobmon_core::Dimension;
    /// assert_eq!("feature".parse(), Ok(Dimension::Feature));
    /// ```
    enum Dimension, "dimension" {
        Project "project" "The project (`project_id`)."
        Service "service" "The service (`service_name`)."
        Environment "environment" "Where it runs."
        Feature "feature" "The feature that pays; none is reported as unattributed."
        Strategy "strategy" "The strategy that is tried."
        Operation "operation" "Kind of work, such as `chat`."
        Name "name" "Name of the annotated function."
        Provider "provider" "Who runs the model."
        Model "model" "The model asked for, else the one that answered."
        Prompt "prompt" "Name of the prompt."
        PromptVersion "prompt_version" "Version of the prompt."
        Category "category" "Why calls failed."
        Score "score" "Name of a score. Calls have none: grouping by it keeps them in every group."
        Outcome "outcome" "Kind of an outcome. Calls have none: grouping by it keeps them in every group."
        Label "label" "Name of what is predicted. Calls have none: grouping by it keeps them in every group."
        Session "session" "The session. Answered from single events, so only within their retention."
        User "user" "The user. Answered from single events, so only within their retention."
    }
}

impl Dimension {
    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();

    /// Those that the hourly and daily rows are kept by: all that have few values.
    pub const ROLLUP: &[Self] = Self::ALL.split_at(Self::COUNT - 2).0;

    /// Whether it belongs to one kind of fact, so that it says nothing about other events.
    pub const fn is_of_facts(self) -> bool {
        matches!(self, Self::Score | Self::Outcome | Self::Label)
    }
}

/// A value, or none, for each dimension.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key([Option<Text>; Dimension::COUNT]);

impl Key {
    /// The key of an event, all dimensions filled that it has.
    pub fn of(resource: &Resource, event: &Event) -> Self {
        let mut key = Self::default();
        key.set(Dimension::Project, resource.project_id.clone());
        key.set(Dimension::Service, resource.service_name.clone());
        key.set(Dimension::Environment, resource.environment.clone());
        let scope = event.scope();
        key.set(Dimension::Feature, scope.feature.clone());
        key.set(Dimension::Strategy, scope.strategy.clone());
        key.set(Dimension::Session, scope.session.clone());
        key.set(Dimension::User, scope.user.clone());
        if let Some(subject) = event.fact().and_then(|fact| fact.subject.as_ref()) {
            key.set(Dimension::Operation, Some(Text::literal(subject.operation.name())));
            key.set(Dimension::Name, Some(subject.name.clone()));
            key.set(Dimension::Provider, subject.provider.clone());
            key.set(Dimension::Model, subject.model.clone());
            if let Some(prompt) = &subject.prompt {
                key.set(Dimension::Prompt, Some(prompt.name.clone()));
                key.set(Dimension::PromptVersion, prompt.version.clone());
            }
        }
        match event {
            Event::Call(call) => {
                key.set(Dimension::Operation, Some(Text::literal(call.operation.name())));
                key.set(Dimension::Name, Some(call.name.clone()));
                key.set(Dimension::Provider, call.provider.clone());
                key.set(Dimension::Model, call.model_name().cloned());
                if let Some(prompt) = &call.prompt {
                    key.set(Dimension::Prompt, Some(prompt.name.clone()));
                    key.set(Dimension::PromptVersion, prompt.version.clone());
                }
                key.set(Dimension::Category, call.failure.as_ref().map(|f| Text::literal(f.category.name())));
            }
            Event::Score(score) => key.set(Dimension::Score, Some(score.name.clone())),
            Event::Outcome(outcome) => key.set(Dimension::Outcome, Some(outcome.kind.clone())),
            Event::Label(label) => key.set(Dimension::Label, Some(label.name.clone())),
            Event::Feedback(_) | Event::Search(_) => {}
            Event::Late(late) => key.set(Dimension::Category, late.category.map(|c| Text::literal(c.name()))),
        }
        key
    }

    /// The value of a dimension.
    pub const fn get(&self, dimension: Dimension) -> Option<&Text> {
        self.0[dimension as usize].as_ref()
    }

    /// Sets the value of a dimension; the empty text is none.
    pub fn set(&mut self, dimension: Dimension, value: Option<Text>) {
        self.0[dimension as usize] = value.filter(|value| !value.is_empty());
    }

    /// Only the given dimensions of it.
    #[must_use]
    pub fn only(&self, dimensions: &[Dimension]) -> Self {
        let mut key = Self::default();
        for dimension in dimensions {
            key.set(*dimension, self.get(*dimension).cloned());
        }
        key
    }
}
