//! [`Labels`]: by what a series is told from others.

use crate::semconv::{key, own};
use jobmon_core::Text;

/// Bytes of a value.
const LONGEST: usize = 256;

macro_rules! labels {
    ($($Label:ident $key:expr;)*) => {
        /// A dimension of metrics.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) enum Label { $($Label,)* }

        impl Label {
            /// The name of its attribute.
            pub(crate) const fn key(self) -> &'static str {
                match self { $(Self::$Label => $key,)* }
            }
        }
    };
}

labels! {
    Operation key::OPERATION;
    Provider key::PROVIDER;
    RequestModel key::REQUEST_MODEL;
    ResponseModel key::RESPONSE_MODEL;
    ServerAddress key::SERVER_ADDRESS;
    ServerPort key::SERVER_PORT;
    ErrorType key::ERROR_TYPE;
    Modality key::TOKEN_MODALITY;
    TokenType "gen_ai.token.type";
    Agent key::AGENT_NAME;
    Tool key::TOOL_NAME;
    ToolType key::TOOL_TYPE;
    Workflow key::WORKFLOW_NAME;
    Name own::NAME;
    Feature own::FEATURE;
    Strategy own::STRATEGY;
    End own::END;
    Score key::EVALUATION_NAME;
    Verdict key::EVALUATION_LABEL;
    Outcome own::OUTCOME_KIND;
    Predicted own::LABEL_NAME;
    Judged own::LABEL_JUDGED;
    Redaction own::REDACTION_KIND;
    Exporter "jobmon.exporter";
    Fate "jobmon.fate";
    Metric "jobmon.metric";
    Overflow "otel.metric.overflow";
}

/// Dimensions and their values, in order; made for one point, and used again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Labels {
    pairs: Vec<(Label, Text)>,
    /// Their number, where it was looked up.
    pub(super) set: Option<usize>,
}

impl Labels {
    pub(crate) fn pairs(&self) -> &[(Label, Text)] {
        &self.pairs
    }

    pub(crate) fn clear(&mut self) -> &mut Self {
        self.pairs.clear();
        self.set = None;
        self
    }

    /// Adds a dimension that has a value. They come in the order of [`Label`].
    pub(crate) fn with(&mut self, label: Label, value: Option<&Text>) -> &mut Self {
        if let Some(value) = value {
            let value = if value.len() > LONGEST { shortened(value) } else { value.clone() };
            self.pairs.push((label, value));
            self.set = None;
        }
        self
    }
}

fn shortened(value: &Text) -> Text {
    let mut end = LONGEST;
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    Text::copied(&value[..end])
}
