//! `[prices]`: an updated price list, and prices of the user's own.

use super::{Config, ConfigError};
use jobmon_core::Prices;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What environment and file say about prices.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct PriceConfig {
    /// A price list in the format of genai-prices, instead of the bundled one.
    pub(crate) file: Option<PathBuf>,
    /// How often files are looked at for new prices.
    pub(crate) check_interval: Option<Duration>,
    #[cfg(feature = "prices")]
    pub(crate) models: Vec<jobmon_core::ModelPrice>,
    /// The `jobmon.toml` that all this was read from, if any.
    pub(crate) read_from: Option<PathBuf>,
}

impl PriceConfig {
    pub(crate) fn over(self, other: Self) -> Self {
        Self {
            file: self.file.or(other.file),
            check_interval: self.check_interval.or(other.check_interval),
            #[cfg(feature = "prices")]
            models: if self.models.is_empty() { other.models } else { self.models },
            read_from: self.read_from.or(other.read_from),
        }
    }
}

/// The prices that a program takes which is set up by environment and file: the bundled list, or `file` of `[prices]`
/// or `JOBMON_PRICES_FILE`, with the prices of `[[prices.models]]` before it. Files named here go before those; they must
/// exist.
///
/// ```
/// let prices = jobmon_export::load_prices(None, None)?;
/// println!("{}", prices.version());
/// # Ok::<(), jobmon_export::ConfigError>(())
/// ```
///
/// # Errors
/// When a file cannot be read, or has a mistake.
pub fn load_prices(config: Option<&Path>, list: Option<&Path>) -> Result<Prices, ConfigError> {
    let mut prices = Config::around(config)?.prices;
    prices.file = list.map(Path::to_owned).or(prices.file);
    prices.load()
}

#[cfg(not(feature = "prices"))]
impl PriceConfig {
    fn load(&self) -> Result<Prices, ConfigError> {
        match &self.file {
            None => Ok(Prices::none()),
            Some(path) => Err(ConfigError {
                place: path.display().to_string(),
                problem: "a price list needs the feature `prices` of jobmon".to_owned(),
            }),
        }
    }

    /// The prices; without the feature there are none.
    pub(crate) fn watched(self) -> Result<Prices, ConfigError> {
        self.load()
    }
}

#[cfg(all(feature = "config", not(feature = "prices")))]
pub(super) fn read(value: &super::document::Item<'_>) -> Result<PriceConfig, super::document::Mistake> {
    Err(super::document::expected(value, "nothing here: `[prices]` needs the feature `prices` of jobmon"))
}

#[cfg(feature = "prices")]
mod with_prices {
    use super::{Config, ConfigError, PriceConfig, Prices};
    use jobmon_core::{PricesError, Watch};
    use std::path::Path;
    use std::time::{Duration, SystemTime};

    /// How often files are looked at where that is not said.
    const CHECK_INTERVAL: Duration = Duration::from_secs(10);

    impl PriceConfig {
        pub(super) fn load(&self) -> Result<Prices, ConfigError> {
            let base = match &self.file {
                None => Prices::bundled(),
                Some(path) => {
                    let mistake =
                        |problem: String| ConfigError { place: path.display().to_string(), problem };
                    let list =
                        std::fs::read(path).map_err(|error| mistake(format!("cannot be read: {error}")))?;
                    Prices::from_json(list).map_err(|error| mistake(error.to_string()))?
                }
            };
            base.with_models(self.models.iter().cloned()).map_err(|error| ConfigError {
                place: self.read_from.as_deref().map_or_else(String::new, |path| path.display().to_string()),
                problem: error.to_string(),
            })
        }

        /// The prices, which follow the files they come from.
        pub(crate) fn watched(self) -> Result<Prices, ConfigError> {
            let prices = self.load()?;
            if self.file.is_none() && self.read_from.is_none() {
                return Ok(prices);
            }
            let mut stamps = self.stamps();
            let mut config = self;
            let every = config.check_interval.unwrap_or(CHECK_INTERVAL);
            let look = move || {
                let now = config.stamps();
                if now == stamps {
                    return Ok(None);
                }
                // A mistake is told once; only another change makes it worth another look.
                stamps = now;
                let wrong = |error: ConfigError| PricesError::new(error.to_string());
                if let Some(path) = config.read_from.clone() {
                    config = Config::around(Some(&path)).map_err(wrong)?.prices;
                    stamps = config.stamps();
                }
                config.load().map(Some).map_err(wrong)
            };
            Ok(prices.watched(Watch::new(every, look)))
        }

        /// What tells that a file was changed.
        fn stamps(&self) -> [Option<(SystemTime, u64)>; 2] {
            let stamp = |path: &Path| {
                let file = std::fs::metadata(path).ok()?;
                Some((file.modified().ok()?, file.len()))
            };
            [self.file.as_deref().and_then(stamp), self.read_from.as_deref().and_then(stamp)]
        }
    }
}

#[cfg(all(feature = "config", feature = "prices"))]
pub(super) use table::read;

#[cfg(all(feature = "config", feature = "prices"))]
mod table;
