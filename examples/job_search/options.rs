//! What the example takes from the command line and the environment.

use crate::client::Target;
use jobmon::{Amount, Budget};
use std::path::PathBuf;

pub(crate) const USAGE: &str = "\
An AI job search: searches postings, scores them, writes applications, and reports what that cost and brought.

    cargo run --example job_search --features sqlite -- [OPTIONS]

By default it talks over HTTP to a small provider of its own on this machine, which injects faults. With
GEMINI_API_KEY set it talks to Gemini, with --base-url to any server that speaks like OpenAI.

    --base-url URL    an OpenAI-compatible server, such as http://127.0.0.1:8080/v1 (key: OPENAI_API_KEY)
    --model NAME      the model (default: gemini-2.5-flash, with --base-url gpt-4o-mini)
    --postings N      how many postings to look at (default: all)
    --max-tokens N    the most tokens of an answer (default: 512)
    --db FILE         the history (default: jobmon.db)
    --jsonl FILE      also write one JSON line for each event (needs --features jsonl)
    --budget AMOUNT   what all runs on this history may spend a day: '$0.01', '20k tokens'
    --otlp URL        also send spans, metrics and log events there, such as to http://127.0.0.1:4318 (--features otlp)
    --grpc            by gRPC instead of HTTP (--features otlp-grpc)
    --profile NAME    in the dialect of a backend: otel, logfire, langfuse, openinference, phoenix, compat
    --header N=V      with this header; may be given more than once
    --capture         keep what models are asked and answer, too
    --spool FOLDER    and keep on disk what is not taken
    --prometheus ADDR also answer Prometheus there, such as at 127.0.0.1:9464, until Enter is pressed (--features
                      prometheus)
    --clickhouse URL  also write a history in ClickHouse, such as clickhouse://127.0.0.1:8123/jobmon (--features clickhouse)
    --user NAME       on whose behalf (default: candidate-1)
    --quiet           no line for each call
    --help            this text

A jobmon.toml in the working directory adds budgets and prices. A blocking budget that is used up ends the search: what
was done is reported, and which budget it was. The exit code is 0; 3 where a budget stopped it before a model had
answered, 2 for a mistake in these options, 1 for anything else.
";

pub(crate) struct Options {
    pub(crate) base_url: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) postings: usize,
    pub(crate) max_tokens: u32,
    pub(crate) db: PathBuf,
    pub(crate) jsonl: Option<PathBuf>,
    pub(crate) budget: Option<Amount>,
    pub(crate) otlp: Option<String>,
    pub(crate) grpc: bool,
    pub(crate) capture: bool,
    pub(crate) profile: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) spool: Option<PathBuf>,
    pub(crate) prometheus: Option<String>,
    pub(crate) clickhouse: Option<String>,
    pub(crate) user: String,
    pub(crate) quiet: bool,
}

impl Options {
    /// The options given; `None` when help was asked for.
    pub(crate) fn from_args(mut args: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut options = Self {
            base_url: None,
            model: None,
            postings: usize::MAX,
            max_tokens: 512,
            db: PathBuf::from("jobmon.db"),
            jsonl: None,
            budget: None,
            otlp: None,
            grpc: false,
            capture: false,
            profile: None,
            headers: Vec::new(),
            spool: None,
            prometheus: None,
            clickhouse: None,
            user: "candidate-1".to_owned(),
            quiet: false,
        };
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
            let number = |text: String| text.parse::<u32>().ok().filter(|n| *n > 0);
            let positive = || format!("{arg} needs a whole number of at least 1");
            match arg.as_str() {
                "--base-url" => options.base_url = Some(value()?),
                "--model" => options.model = Some(value()?),
                "--postings" => options.postings = number(value()?).ok_or_else(positive)? as usize,
                "--max-tokens" => options.max_tokens = number(value()?).ok_or_else(positive)?,
                "--db" => options.db = value()?.into(),
                "--jsonl" => options.jsonl = Some(value()?.into()),
                "--budget" => {
                    let amount = value()?.parse().map_err(|error| format!("--budget: {error}"))?;
                    options.budget = Some(amount);
                }
                "--otlp" => options.otlp = Some(value()?),
                "--capture" => options.capture = true,
                "--grpc" => options.grpc = true,
                "--profile" => options.profile = Some(value()?),
                "--header" => {
                    let header = value()?;
                    let (name, text) =
                        header.split_once('=').ok_or("--header needs a name, `=`, and a value")?;
                    options.headers.push((name.to_owned(), text.to_owned()));
                }
                "--spool" => options.spool = Some(value()?.into()),
                "--prometheus" => options.prometheus = Some(value()?),
                "--clickhouse" => options.clickhouse = Some(value()?),
                "--user" => options.user = value()?,
                "--quiet" => options.quiet = true,
                "--help" | "-h" => return Ok(None),
                _ => return Err(format!("unknown option {arg}\n\n{USAGE}")),
            }
        }
        Ok(Some(options))
    }

    /// The budget given, which stops calls of all runs that share the history.
    pub(crate) fn budget(&self) -> Option<Budget> {
        Some(Budget::new("run").total().limit(self.budget?).per_day().block())
    }

    /// Where requests go, unless it is our own provider.
    pub(crate) fn outside(&self) -> Option<Target> {
        let model = |default: &str| self.model.clone().unwrap_or_else(|| default.to_owned());
        if let Some(base_url) = self.base_url.clone() {
            let key = std::env::var("OPENAI_API_KEY").ok();
            return Some(Target::OpenAi { base_url, key, model: model("gpt-4o-mini") });
        }
        let key = std::env::var("GEMINI_API_KEY").ok().filter(|key| !key.is_empty())?;
        Some(Target::Gemini { base_url: Target::GOOGLE.to_owned(), key, model: model("gemini-2.5-flash") })
    }

    /// Small answers are asked for in fewer words.
    pub(crate) const fn brief(&self) -> bool {
        self.max_tokens < 128
    }
}
