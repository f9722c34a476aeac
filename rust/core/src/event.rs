//! The schema of an event, in one place: its types, their fields, and what a caller may call them.

use crate::encode::Chunk;
use crate::summary::Token;

/// The type of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// A tool was called.
    #[default]
    ToolCall = 0,
    /// A language model was called.
    LlmCall = 1,
    /// The agent decided something.
    Decision = 2,
    /// Something failed.
    Error = 3,
    /// A phase or a step was reached.
    Checkpoint = 4,
}

impl Kind {
    /// Every kind, in the order of its numbers.
    pub const ALL: [Kind; 5] = [Kind::ToolCall, Kind::LlmCall, Kind::Decision, Kind::Error, Kind::Checkpoint];

    /// Its name in the trace file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Kind::ToolCall => "tool_call",
            Kind::LlmCall => "llm_call",
            Kind::Decision => "decision",
            Kind::Error => "error",
            Kind::Checkpoint => "checkpoint",
        }
    }

    /// Whether it is a call, which has a begin and an end, and succeeds or fails.
    #[must_use]
    pub const fn is_call(self) -> bool {
        matches!(self, Kind::ToolCall | Kind::LlmCall)
    }

    /// `","type":"…"`: how it stands in an event, behind the timestamp.
    #[must_use]
    pub const fn closing(self) -> &'static Chunk {
        const CLOSINGS: [Chunk; Kind::ALL.len()] = [
            Chunk::of(b"\",\"type\":\"tool_call\""),
            Chunk::of(b"\",\"type\":\"llm_call\""),
            Chunk::of(b"\",\"type\":\"decision\""),
            Chunk::of(b"\",\"type\":\"error\""),
            Chunk::of(b"\",\"type\":\"checkpoint\""),
        ];
        &CLOSINGS[self as usize]
    }

    /// The kind of a name in the trace file.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The kind of its number; unknown numbers cannot come out of a checked record.
    #[must_use]
    pub fn from_number(number: u8) -> Kind {
        Kind::ALL.get(usize::from(number)).copied().unwrap_or_default()
    }

    /// Fields of a finished event in the order in which they are written. The common ones follow.
    #[must_use]
    pub const fn fields(self) -> &'static [Field] {
        use Field::{
            CacheWriteTokens, CachedTokens, CompletionTokens, CostUsd, DecisionType, DurationMs, ErrorType,
            Message, Messages, Model, Outcome, Parameters, PhaseName, PromptTokens, Provider,
            ReasoningTokens, Recovery, Response, Result, Status, Success, TokensIn, TokensOut, Tool,
            TotalTokens, TtftMs,
        };
        match self {
            Kind::ToolCall => &[Tool, Parameters, Result, DurationMs, Success, TokensIn, TokensOut],
            Kind::LlmCall => &[
                Model,
                Provider,
                Messages,
                PromptTokens,
                CompletionTokens,
                TotalTokens,
                CachedTokens,
                CacheWriteTokens,
                ReasoningTokens,
                Response,
                TtftMs,
                DurationMs,
                CostUsd,
                Success,
            ],
            Kind::Decision => &[DecisionType, Outcome],
            Kind::Error => &[ErrorType, Tool, Message, DurationMs, Recovery],
            Kind::Checkpoint => &[PhaseName, Status, DurationMs],
        }
    }

    /// How many of [`Kind::fields`] are written when a span of this kind begins.
    #[must_use]
    pub const fn begin_fields(self) -> usize {
        match self {
            Kind::ToolCall => 2,
            Kind::LlmCall => 3,
            Kind::Decision | Kind::Error | Kind::Checkpoint => 0,
        }
    }

    /// Everything a caller may call a field of this kind: its name in the trace file, or another word for it.
    pub fn names(self) -> impl Iterator<Item = (&'static str, Field)> {
        let own = self.fields().iter().chain(&Field::COMMON).map(|field| (field.name(), *field));
        own.chain(self.aliases().iter().copied())
    }

    const fn aliases(self) -> &'static [(&'static str, Field)] {
        match self {
            Kind::ToolCall => &[
                ("name", Field::Tool),
                ("params", Field::Parameters),
                ("parameters", Field::Parameters),
                ("result", Field::Result),
            ],
            Kind::LlmCall => &[
                ("messages", Field::Messages),
                ("response", Field::Response),
                ("tokens_in", Field::PromptTokens),
                ("tokens_out", Field::CompletionTokens),
                ("cost", Field::CostUsd),
            ],
            Kind::Checkpoint => &[("name", Field::PhaseName)],
            Kind::Decision | Kind::Error => &[],
        }
    }

    /// The field of this kind that a caller means by `name`, if it has one.
    #[must_use]
    pub fn field(self, name: &str) -> Option<Field> {
        self.names().find(|(known, _)| *known == name).map(|(_, field)| field)
    }
}

/// What a field holds, and so how its value is checked and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A text, redacted as text.
    Text,
    /// Any value, redacted under the class that the field's own name has.
    Any,
    /// A mapping, redacted key by key.
    Mapping,
    /// Milliseconds, not negative.
    Millis,
    /// A count of tokens.
    Tokens(Token),
    /// US dollars.
    Dollars,
    /// True, false or unknown.
    Flag,
    /// A time: RFC 3339 text.
    Time,
}

macro_rules! fields {
    ($($variant:ident $name:literal $shape:expr, $doc:literal;)*) => {
        /// A field of an event.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Field { $(#[doc = $doc] $variant),* }

        impl Field {
            /// Every field.
            pub const ALL: [Field; [$($name),*].len()] = [$(Field::$variant),*];

            /// Its name in the trace file.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Field::$variant => $name),* }
            }

            /// What it holds.
            #[must_use]
            pub const fn shape(self) -> Shape {
                match self { $(Field::$variant => $shape),* }
            }

            /// `,"name":`: how it opens in an event.
            #[must_use]
            pub const fn opening(self) -> &'static Chunk {
                const OPENINGS: [Chunk; Field::ALL.len()] =
                    [$(Chunk::of(concat!(",\"", $name, "\":").as_bytes())),*];
                &OPENINGS[self as usize]
            }
        }
    };
}

fields! {
    Tool "tool" Shape::Text, "Name of the tool.";
    Parameters "parameters_redacted" Shape::Any, "What the tool was called with.";
    Result "result_redacted" Shape::Any, "What the tool gave back.";
    DurationMs "duration_ms" Shape::Millis, "How long it took.";
    Success "success" Shape::Flag, "Whether it worked; null is unknown.";
    TokensIn "tokens_in" Shape::Tokens(Token::ToolsIn), "Tokens a tool took in.";
    TokensOut "tokens_out" Shape::Tokens(Token::ToolsOut), "Tokens a tool gave out.";
    Model "model" Shape::Text, "Name of the model.";
    Provider "provider" Shape::Text, "Who serves the model.";
    PromptTokens "prompt_tokens" Shape::Tokens(Token::Prompt), "All input tokens.";
    CompletionTokens "completion_tokens" Shape::Tokens(Token::Completion), "All output tokens.";
    TotalTokens "total_tokens" Shape::Tokens(Token::Total), "Input and output tokens.";
    CachedTokens "cached_tokens" Shape::Tokens(Token::Cached), "Input tokens read from a cache.";
    CacheWriteTokens "cache_write_tokens" Shape::Tokens(Token::CacheWrite), "Input tokens written to a cache.";
    ReasoningTokens "reasoning_tokens" Shape::Tokens(Token::Reasoning), "Output tokens spent on reasoning.";
    Messages "messages_redacted" Shape::Any, "The prompt.";
    Response "response_redacted" Shape::Any, "The completion.";
    TtftMs "ttft_ms" Shape::Millis, "Time to the first token.";
    CostUsd "cost_usd" Shape::Dollars, "What the call cost: as the agent says, else by the table of prices; null: not in it.";
    DecisionType "decision_type" Shape::Text, "What kind of decision it was.";
    Outcome "outcome" Shape::Any, "What was decided.";
    ErrorType "error_type" Shape::Text, "What kind of error it was.";
    Message "message" Shape::Text, "What the error said.";
    Recovery "recovery" Shape::Mapping, "What was tried: attempted, strategy, success.";
    PhaseName "phase_name" Shape::Text, "Name of the phase or step.";
    Status "status" Shape::Text, "How the phase stands.";
    Timestamp "timestamp" Shape::Time, "When it began.";
    ParentId "parent_id" Shape::Text, "The call it happened in.";
    Phase "phase" Shape::Text, "The phase it happened in.";
    AgentId "agent_id" Shape::Text, "The sub-agent that did it.";
    SourceId "source_id" Shape::Text, "Its id where it came from.";
    Attributes "attributes" Shape::Mapping, "Whatever else is known.";
}

impl Field {
    /// Fields that every kind may carry, in the order in which they are written; `timestamp` is written first.
    pub const COMMON: [Field; 6] =
        [Field::Timestamp, Field::ParentId, Field::Phase, Field::AgentId, Field::SourceId, Field::Attributes];

    /// The key under which the redactor judges the value: the caller's word for it, without our suffix.
    #[must_use]
    pub fn redaction_key(self) -> &'static str {
        let name = self.name();
        name.strip_suffix("_redacted").unwrap_or(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_aliases_lead_to_their_fields() {
        assert_eq!(Kind::LlmCall.field("tokens_in"), Some(Field::PromptTokens));
        assert_eq!(Kind::ToolCall.field("tokens_in"), Some(Field::TokensIn));
        assert_eq!(Kind::ToolCall.field("params"), Some(Field::Parameters));
        assert_eq!(Kind::ToolCall.field("model"), None);
        for kind in Kind::ALL {
            assert_eq!(Kind::from_name(kind.name()), Some(kind));
            for field in kind.fields() {
                assert_eq!(kind.field(field.name()), Some(*field));
            }
        }
    }

    #[test]
    fn a_field_stands_at_its_number() {
        for (number, field) in Field::ALL.into_iter().enumerate() {
            assert_eq!(field as usize, number);
        }
    }
}
