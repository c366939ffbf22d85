//! [`UsageUnit`]: everything that providers count and charge for.

use crate::words::UnknownWord;
use std::fmt;
use std::str::FromStr;

macro_rules! units {
    ($($Unit:ident $name:literal $price:literal $per:literal $dimensions:literal $doc:literal)*) => {
        /// Something that providers count and charge for, as the price list of `genai-prices` names it
        /// ([`units.yml`](https://github.com/pydantic/genai-prices/blob/main/prices/units.yml)).
        ///
        /// Units are parts of others: cached input is input, and a model without a price for the part charges that of
        /// the whole.
        ///
        /// ```
        /// use jobmon_core::{Usage, UsageUnit};
        ///
        /// let usage = Usage::new(900, 40).with(UsageUnit::WebSearches, 2);
        /// assert_eq!(usage.get(UsageUnit::WebSearches), Some(2));
        /// assert_eq!(usage.get(UsageUnit::InputTokens), Some(900));
        /// assert_eq!("web_searches".parse(), Ok(UsageUnit::WebSearches));
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum UsageUnit {
            $(#[doc = $doc] $Unit,)*
        }

        impl UsageUnit {
            /// All of them: first those that [`Usage`](crate::Usage) has a field for.
            pub const ALL: &[Self] = &[$(Self::$Unit),*];

            /// The name of what is used, such as `input_tokens`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$Unit => $name,)* }
            }

            /// The name of its price, such as `input_mtok`.
            pub const fn price_name(self) -> &'static str {
                match self { $(Self::$Unit => $price,)* }
            }

            /// How many of it a price is for: a million tokens, a thousand searches, the 3,600 seconds of an hour.
            pub const fn per(self) -> u64 {
                match self { $(Self::$Unit => $per,)* }
            }

            /// What it means, in one line.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$Unit => $doc,)* }
            }

            /// Words that say what is counted: those of a part are those of the whole and more.
            const fn dimensions(self) -> &'static str {
                match self { $(Self::$Unit => $dimensions,)* }
            }
        }
    };
}

units! {
    InputTokens "input_tokens" "input_mtok" 1_000_000 "tokens input" "All input tokens, cached ones included."
    OutputTokens "output_tokens" "output_mtok" 1_000_000 "tokens output" "All output tokens, reasoning included."
    CacheReadTokens "cache_read_tokens" "cache_read_mtok" 1_000_000 "tokens input cache_read" "Input tokens read from the cache."
    CacheWriteTokens "cache_write_tokens" "cache_write_mtok" 1_000_000 "tokens input cache_write" "Input tokens written to the cache."
    OutputReasoningTokens "output_reasoning_tokens" "output_reasoning_mtok" 1_000_000 "tokens output reasoning" "Output tokens spent on reasoning."
    InputAudioTokens "input_audio_tokens" "input_audio_mtok" 1_000_000 "tokens input audio" "Input tokens that carry audio."
    OutputAudioTokens "output_audio_tokens" "output_audio_mtok" 1_000_000 "tokens output audio" "Output tokens that carry audio."
    AudioSeconds "audio_seconds" "audio_hours" 3_600 "durations audio" "Audio, in microseconds."
    CacheAudioReadTokens "cache_audio_read_tokens" "cache_audio_read_mtok" 1_000_000 "tokens input audio cache_read" "Input tokens that carry audio, read from the cache."
    CacheAudioWrite1hTokens "cache_audio_write_1h_tokens" "cache_audio_write_1h_mtok" 1_000_000 "tokens input audio cache_write 1h" "Input tokens that carry audio, written to the cache for an hour."
    CacheAudioWrite5mTokens "cache_audio_write_5m_tokens" "cache_audio_write_5m_mtok" 1_000_000 "tokens input audio cache_write 5m" "Input tokens that carry audio, written to the cache for five minutes."
    CacheAudioWriteTokens "cache_audio_write_tokens" "cache_audio_write_mtok" 1_000_000 "tokens input audio cache_write" "Input tokens that carry audio, written to the cache."
    CacheImageReadTokens "cache_image_read_tokens" "cache_image_read_mtok" 1_000_000 "tokens input image cache_read" "Input tokens that carry images, read from the cache."
    CacheImageWrite1hTokens "cache_image_write_1h_tokens" "cache_image_write_1h_mtok" 1_000_000 "tokens input image cache_write 1h" "Input tokens that carry images, written to the cache for an hour."
    CacheImageWrite5mTokens "cache_image_write_5m_tokens" "cache_image_write_5m_mtok" 1_000_000 "tokens input image cache_write 5m" "Input tokens that carry images, written to the cache for five minutes."
    CacheImageWriteTokens "cache_image_write_tokens" "cache_image_write_mtok" 1_000_000 "tokens input image cache_write" "Input tokens that carry images, written to the cache."
    CacheTextReadTokens "cache_text_read_tokens" "cache_text_read_mtok" 1_000_000 "tokens input text cache_read" "Input tokens that carry text, read from the cache."
    CacheTextWrite1hTokens "cache_text_write_1h_tokens" "cache_text_write_1h_mtok" 1_000_000 "tokens input text cache_write 1h" "Input tokens that carry text, written to the cache for an hour."
    CacheTextWrite5mTokens "cache_text_write_5m_tokens" "cache_text_write_5m_mtok" 1_000_000 "tokens input text cache_write 5m" "Input tokens that carry text, written to the cache for five minutes."
    CacheTextWriteTokens "cache_text_write_tokens" "cache_text_write_mtok" 1_000_000 "tokens input text cache_write" "Input tokens that carry text, written to the cache."
    CacheVideoReadTokens "cache_video_read_tokens" "cache_video_read_mtok" 1_000_000 "tokens input video cache_read" "Input tokens that carry video, read from the cache."
    CacheVideoWrite1hTokens "cache_video_write_1h_tokens" "cache_video_write_1h_mtok" 1_000_000 "tokens input video cache_write 1h" "Input tokens that carry video, written to the cache for an hour."
    CacheVideoWrite5mTokens "cache_video_write_5m_tokens" "cache_video_write_5m_mtok" 1_000_000 "tokens input video cache_write 5m" "Input tokens that carry video, written to the cache for five minutes."
    CacheVideoWriteTokens "cache_video_write_tokens" "cache_video_write_mtok" 1_000_000 "tokens input video cache_write" "Input tokens that carry video, written to the cache."
    CacheWrite1hTokens "cache_write_1h_tokens" "cache_write_1h_mtok" 1_000_000 "tokens input cache_write 1h" "Input tokens written to the cache for an hour."
    CacheWrite5mTokens "cache_write_5m_tokens" "cache_write_5m_mtok" 1_000_000 "tokens input cache_write 5m" "Input tokens written to the cache for five minutes."
    CodeExecutions "code_executions" "code_executions_kcount" 1_000 "tool_calls code_execution" "Times the provider ran code."
    InputAnnotatedDocumentPages "input_annotated_document_pages" "input_annotated_document_kpages" 1_000 "document_pages input annotated" "Pages of documents that were annotated."
    InputAudioSeconds "input_audio_seconds" "input_audio_hours" 3_600 "durations input audio" "Audio given, in microseconds."
    InputAudioToolTokens "input_audio_tool_tokens" "input_audio_tool_mtok" 1_000_000 "tokens input audio tool" "Input tokens that carry audio, of tool results."
    InputCharacters "input_characters" "input_mchars" 1_000_000 "characters input" "Characters given, such as to be spoken."
    InputDocumentPages "input_document_pages" "input_document_kpages" 1_000 "document_pages input" "Pages of documents."
    InputImageTokens "input_image_tokens" "input_image_mtok" 1_000_000 "tokens input image" "Input tokens that carry images."
    InputImageToolTokens "input_image_tool_tokens" "input_image_tool_mtok" 1_000_000 "tokens input image tool" "Input tokens that carry images, of tool results."
    InputPixels "input_pixels" "input_gpixels" 1_000_000_000 "pixels input" "Pixels given."
    InputTextMessages "input_text_messages" "input_text_messages_kcount" 1_000 "messages input text" "Text messages given in a realtime session."
    InputTextTokens "input_text_tokens" "input_text_mtok" 1_000_000 "tokens input text" "Input tokens that carry text."
    InputTextToolTokens "input_text_tool_tokens" "input_text_tool_mtok" 1_000_000 "tokens input text tool" "Input tokens that carry text, of tool results."
    InputToolTokens "input_tool_tokens" "input_tool_mtok" 1_000_000 "tokens input tool" "Input tokens of tool results."
    InputVideoTokens "input_video_tokens" "input_video_mtok" 1_000_000 "tokens input video" "Input tokens that carry video."
    InputVideoToolTokens "input_video_tool_tokens" "input_video_tool_mtok" 1_000_000 "tokens input video tool" "Input tokens that carry video, of tool results."
    OutputAudioCitationTokens "output_audio_citation_tokens" "output_audio_citation_mtok" 1_000_000 "tokens output audio citation" "Output tokens that carry audio, spent on citations."
    OutputAudioReasoningTokens "output_audio_reasoning_tokens" "output_audio_reasoning_mtok" 1_000_000 "tokens output audio reasoning" "Output tokens that carry audio, spent on reasoning."
    OutputAudioSeconds "output_audio_seconds" "output_audio_hours" 3_600 "durations output audio" "Audio made, in microseconds."
    OutputCitationTokens "output_citation_tokens" "output_citation_mtok" 1_000_000 "tokens output citation" "Output tokens spent on citations."
    OutputImageCitationTokens "output_image_citation_tokens" "output_image_citation_mtok" 1_000_000 "tokens output image citation" "Output tokens that carry images, spent on citations."
    OutputImageReasoningTokens "output_image_reasoning_tokens" "output_image_reasoning_mtok" 1_000_000 "tokens output image reasoning" "Output tokens that carry images, spent on reasoning."
    OutputImageTokens "output_image_tokens" "output_image_mtok" 1_000_000 "tokens output image" "Output tokens that carry images."
    OutputTextCitationTokens "output_text_citation_tokens" "output_text_citation_mtok" 1_000_000 "tokens output text citation" "Output tokens that carry text, spent on citations."
    OutputTextReasoningTokens "output_text_reasoning_tokens" "output_text_reasoning_mtok" 1_000_000 "tokens output text reasoning" "Output tokens that carry text, spent on reasoning."
    OutputTextTokens "output_text_tokens" "output_text_mtok" 1_000_000 "tokens output text" "Output tokens that carry text."
    OutputVideoCitationTokens "output_video_citation_tokens" "output_video_citation_mtok" 1_000_000 "tokens output video citation" "Output tokens that carry video, spent on citations."
    OutputVideoReasoningTokens "output_video_reasoning_tokens" "output_video_reasoning_mtok" 1_000_000 "tokens output video reasoning" "Output tokens that carry video, spent on reasoning."
    OutputVideoTokens "output_video_tokens" "output_video_mtok" 1_000_000 "tokens output video" "Output tokens that carry video."
    Requests "requests" "requests_kcount" 1_000 "requests" "Requests; each answer is one by itself."
    RerankSearches "rerank_searches" "rerank_searches_kcount" 1_000 "rerank" "Searches that rank again."
    SocialSearches "social_searches" "social_searches_kcount" 1_000 "tool_calls social_search" "Searches of social networks by the provider."
    StorageSearches "storage_searches" "storage_searches_kcount" 1_000 "tool_calls storage_search" "Searches of files stored at the provider."
    WebSearches "web_searches" "web_searches_kcount" 1_000 "tool_calls web_search" "Web searches by the provider."
}

impl UsageUnit {
    /// Whether it is a part of another unit, such as cached input of input.
    ///
    /// ```
    /// use jobmon_core::UsageUnit;
    /// assert!(UsageUnit::CacheAudioReadTokens.is_part_of(UsageUnit::InputAudioTokens));
    /// assert!(!UsageUnit::WebSearches.is_part_of(UsageUnit::InputTokens));
    /// ```
    pub fn is_part_of(self, whole: Self) -> bool {
        let has = |word: &str| self.dimensions().split(' ').any(|own| own == word);
        self != whole && whole.dimensions().split(' ').all(has)
    }

    /// Whether it is counted in millionths: times are in microseconds here, and in seconds in the price list.
    pub const fn is_in_millionths(self) -> bool {
        matches!(self, Self::AudioSeconds | Self::InputAudioSeconds | Self::OutputAudioSeconds)
    }

    /// The unit of a price, such as `input_mtok`.
    ///
    /// # Errors
    /// When there is none; the message lists all.
    pub fn of_price(name: &str) -> Result<Self, UnknownWord> {
        let found = Self::ALL.iter().copied().find(|unit| unit.price_name() == name);
        found.ok_or_else(|| UnknownWord::new("price", name, Self::ALL.iter().map(|unit| unit.price_name())))
    }
}

impl fmt::Display for UsageUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for UsageUnit {
    type Err = UnknownWord;
    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let found = Self::ALL.iter().copied().find(|unit| unit.name() == text);
        found.ok_or_else(|| UnknownWord::new("usage unit", text, Self::ALL.iter().map(|unit| unit.name())))
    }
}
