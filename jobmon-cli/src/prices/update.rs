//! `jobmon prices update`: takes over a newer price list.

use super::{List, Message};
use clap::Args as Group;
use jobmon_core::{Prices, UsageUnit};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The largest list that is taken; today's has less than a megabyte.
const LARGEST: u64 = 64 << 20;

#[derive(Debug, Group)]
pub(crate) struct UpdateArgs {
    /// Where the newer list is: a file, or an `http` or `https` address. genai-prices publishes it at
    /// <https://raw.githubusercontent.com/pydantic/genai-prices/main/prices/new_data/v2/data.json>
    #[arg(long, value_name = "FILE|URL")]
    from: String,
    /// Where to write it; default: the file that `--prices` or `JOBMON_PRICES_FILE` names, else `prices.json`
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// Only say what would change
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn update(list: &List, args: &UpdateArgs) -> Result<String, Message> {
    let text = read(&args.from)?;
    let new = Prices::from_json(&text).map_err(|error| format!("{}: {error}", args.from))?;
    let to = args.to.clone().or_else(|| list.prices.clone()).unwrap_or_else(|| PathBuf::from("prices.json"));
    let before = match std::fs::read(&to) {
        Ok(text) => Prices::from_json(text).unwrap_or_else(|_| Prices::bundled()),
        Err(_) => Prices::bundled(),
    };
    let mut answer = changes(&before, &new);
    if args.dry_run {
        answer.push_str(&format!("Nothing was written: --dry-run. It would be {}.\n", to.display()));
        return Ok(answer);
    }
    write(&to, &text).map_err(|error| format!("cannot write {}: {error}", to.display()))?;
    answer.push_str(&format!(
        "Written to {}. An agent takes it with `[prices] file = \"{}\"` in jobmon.toml or with JOBMON_PRICES_FILE, a \
         running one within its check_interval.\n",
        to.display(),
        to.display()
    ));
    Ok(answer)
}

/// What differs between two lists, as of now.
fn changes(before: &Prices, new: &Prices) -> String {
    let names = |prices: &Prices| -> BTreeSet<(String, String)> {
        let models = prices.models().into_iter();
        models.map(|model| (model.provider.to_string(), model.model.to_string())).collect()
    };
    let (old, now) = (names(before), SystemTime::now());
    let current = names(new);
    let added = current.difference(&old).count();
    let removed = old.difference(&current).count();
    let other = |(provider, model): &&(String, String)| {
        let base = |prices: &Prices| {
            let main = [UsageUnit::InputTokens, UsageUnit::OutputTokens, UsageUnit::CacheReadTokens];
            prices.base_rates(Some(provider.as_str()), model, now, &main)
        };
        base(before) != base(new)
    };
    let changed: Vec<_> = old.intersection(&current).filter(other).collect();
    let mut text = format!(
        "{} → {}\n{added} models are new, {removed} are gone, {} have another price\n",
        before.version(),
        new.version(),
        changed.len()
    );
    for (provider, model) in changed.iter().take(20) {
        text.push_str(&format!("  {provider} {model}\n"));
    }
    if changed.len() > 20 {
        text.push_str(&format!("  .. and {} more\n", changed.len() - 20));
    }
    text
}

fn read(from: &str) -> Result<Vec<u8>, Message> {
    if from.starts_with("http://") || from.starts_with("https://") {
        return fetch(from).map_err(|error| format!("cannot fetch {from}: {error}"));
    }
    let cannot = |error: std::io::Error| format!("cannot read {from}: {error}");
    let mut text = Vec::new();
    std::fs::File::open(from).map_err(cannot)?.take(LARGEST).read_to_end(&mut text).map_err(cannot)?;
    Ok(text)
}

fn fetch(url: &str) -> Result<Vec<u8>, ureq::Error> {
    let tls = ureq::tls::TlsConfig::builder()
        .root_certs(ureq::tls::RootCerts::PlatformVerifier)
        .unversioned_rustls_crypto_provider(std::sync::Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    let config =
        ureq::Agent::config_builder().tls_config(tls).timeout_global(Some(Duration::from_secs(60))).build();
    let mut response = ureq::Agent::from(config).get(url).call()?;
    response.body_mut().with_config().limit(LARGEST).read_to_vec()
}

/// Whole or not at all: an agent may be reading.
fn write(to: &Path, text: &[u8]) -> std::io::Result<()> {
    let mut name = to.as_os_str().to_owned();
    name.push(".new");
    let beside = PathBuf::from(name);
    let mut file = std::fs::File::create(&beside)?;
    file.write_all(text)?;
    file.sync_all()?;
    std::fs::rename(&beside, to)
}
