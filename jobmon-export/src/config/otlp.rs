//! `[exporters.otlp]`, one or several, and `[exporters.prometheus]`.

use std::path::PathBuf;
use std::time::Duration;

/// What a source says about one exporter `otlp`; silent where nothing is said.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct OtlpConfig {
    pub(crate) name: Option<String>,
    /// Without it, the variables of OpenTelemetry say where to.
    pub(crate) endpoint: Option<String>,
    /// Whether by gRPC instead of HTTP.
    pub(crate) grpc: bool,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) gzip: Option<bool>,
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) client_certificate: Option<PathBuf>,
    pub(crate) client_key: Option<PathBuf>,
    pub(crate) profile: Option<String>,
    pub(crate) content: Option<String>,
    pub(crate) content_limit: Option<usize>,
    pub(crate) spool: Option<PathBuf>,
    pub(crate) spool_limit: Option<usize>,
    pub(crate) memory_limit: Option<usize>,
    pub(crate) max_request_bytes: Option<usize>,
    pub(crate) batch_delay: Option<Duration>,
    pub(crate) metric_interval: Option<Duration>,
    pub(crate) max_series: Option<usize>,
    pub(crate) signals: Option<Vec<String>>,
}

impl std::fmt::Debug for OtlpConfig {
    /// Without headers, which are secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OtlpConfig").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What a source says about the exporter `prometheus`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct PrometheusConfig {
    pub(crate) listen: Option<String>,
    pub(crate) file: Option<PathBuf>,
    pub(crate) max_series: Option<usize>,
}

/// Exporters of one source, and where it says little of one, what another source says of it. Of several, variables speak
/// of none.
pub(super) fn over(mut these: Vec<OtlpConfig>, others: Vec<OtlpConfig>) -> Vec<OtlpConfig> {
    match (&mut these[..], <[OtlpConfig; 1]>::try_from(others)) {
        ([], Ok(other)) => other.into(),
        ([], Err(others)) => others,
        ([this], Ok([other])) => {
            // What variables can say.
            let (endpoint, profile, spool) = (this.endpoint.take(), this.profile.take(), this.spool.take());
            vec![OtlpConfig {
                endpoint: endpoint.or(other.endpoint),
                profile: profile.or(other.profile),
                spool: spool.or(other.spool),
                ..other
            }]
        }
        _ => these,
    }
}

/// The page as one source has it, and where it is silent, as another one has it.
pub(super) fn page_over(
    this: Option<PrometheusConfig>,
    other: Option<PrometheusConfig>,
) -> Option<PrometheusConfig> {
    match (this, other) {
        (Some(this), Some(other)) => Some(PrometheusConfig {
            listen: this.listen.or(other.listen),
            file: this.file.or(other.file),
            max_series: this.max_series.or(other.max_series),
        }),
        (this, other) => this.or(other),
    }
}

#[cfg(feature = "prometheus")]
impl PrometheusConfig {
    /// Opens it; without anything said it serves `127.0.0.1:9464`.
    pub(crate) fn open(&self) -> std::io::Result<crate::Prometheus> {
        let prometheus = match (&self.listen, &self.file) {
            (None, Some(file)) => crate::Prometheus::file(file),
            (listen, file) => {
                let page = crate::Prometheus::listen(listen.as_deref().unwrap_or("127.0.0.1:9464"))?;
                match file {
                    Some(file) => page.and_file(file),
                    None => page,
                }
            }
        };
        Ok(match self.max_series {
            Some(most) => prometheus.max_series(most),
            None => prometheus,
        })
    }
}

#[cfg(feature = "otlp")]
impl OtlpConfig {
    /// Makes the exporter.
    ///
    /// # Errors
    /// What is wrong; never a secret.
    pub(crate) fn open(&self) -> Result<crate::Otlp, String> {
        use crate::{ContentPlacement, Otlp, Profile};
        let mut otlp = match &self.endpoint {
            Some(endpoint) => Otlp::to(endpoint),
            None => Otlp::from_env().map_err(|error| error.to_string())?,
        };
        macro_rules! set {
            ($($name:ident)*) => {$(
                if let Some(value) = self.$name.clone() {
                    otlp = otlp.$name(value);
                }
            )*};
        }
        set!(name timeout gzip certificate content_limit spool memory_limit max_request_bytes);
        set!(batch_delay metric_interval max_series);
        if self.grpc {
            otlp = otlp.grpc();
        }
        if let Some(limit) = self.spool_limit {
            otlp = otlp.spool_limit(limit as u64);
        }
        if let (Some(certificate), Some(key)) = (&self.client_certificate, &self.client_key) {
            otlp = otlp.client_certificate(certificate, key);
        } else if self.client_certificate.is_some() || self.client_key.is_some() {
            return Err("`client_certificate` and `client_key` are needed both".to_owned());
        }
        if let Some(profile) = &self.profile {
            otlp = otlp.profile(Profile::named(profile)?);
        }
        if let Some(content) = &self.content {
            otlp = otlp.content(ContentPlacement::named(content)?);
        }
        if let Some(signals) = &self.signals {
            let sent = |name: &str| signals.iter().any(|signal| signal == name);
            if let Some(unknown) = signals.iter().find(|name| !SIGNALS.contains(&name.as_str())) {
                return Err(format!("unknown signal `{unknown}`; expected any of: {}", SIGNALS.join(", ")));
            }
            otlp = otlp.signals(sent("traces"), sent("metrics"), sent("logs"));
        }
        for (name, value) in &self.headers {
            otlp = otlp.header(name, value);
        }
        Ok(otlp)
    }
}

#[cfg(feature = "otlp")]
const SIGNALS: [&str; 3] = ["traces", "metrics", "logs"];

#[cfg(feature = "config")]
pub(super) use reading::{otlp, prometheus};

#[cfg(feature = "config")]
mod reading {
    use super::super::document::{Item, Mistake, boolean, count, duration, expected, string, unknown};
    use super::super::list;
    use super::{OtlpConfig, PrometheusConfig};
    use std::path::PathBuf;
    use toml::de::{DeTable, DeValue};

    const KEYS: [&str; 20] = [
        "name",
        "endpoint",
        "protocol",
        "headers",
        "timeout",
        "gzip",
        "certificate",
        "client_certificate",
        "client_key",
        "profile",
        "content",
        "content_limit",
        "spool",
        "spool_limit",
        "memory_limit",
        "max_request_bytes",
        "batch_delay",
        "metric_interval",
        "max_series",
        "signals",
    ];

    /// `[exporters.otlp]`, or several `[[exporters.otlp]]`, each with a name.
    pub(in super::super) fn otlp(value: &Item<'_>) -> Result<Vec<OtlpConfig>, Mistake> {
        match value.get_ref() {
            DeValue::Table(table) => Ok(vec![one(table)?]),
            DeValue::Array(list) => {
                let mut all: Vec<OtlpConfig> = Vec::new();
                for item in list {
                    let DeValue::Table(table) = item.get_ref() else { return Err(expected(item, "a table")) };
                    let found = one(table)?;
                    if all.iter().any(|known| known.name == found.name) {
                        return Err(expected(item, "a `name` of its own for each exporter `otlp`"));
                    }
                    all.push(found);
                }
                Ok(all)
            }
            _ => Err(expected(value, "a table, or several `[[exporters.otlp]]`")),
        }
    }

    fn one(table: &DeTable<'_>) -> Result<OtlpConfig, Mistake> {
        let mut config = OtlpConfig::default();
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "name" => config.name = Some(string(value)?),
                "endpoint" => config.endpoint = Some(string(value)?),
                "protocol" => {
                    config.grpc = match string(value)?.as_str() {
                        "http" | "http/protobuf" => false,
                        "grpc" => true,
                        _ => return Err(expected(value, "`http` or `grpc`")),
                    };
                }
                "headers" => {
                    let DeValue::Table(headers) = value.get_ref() else {
                        return Err(expected(
                            value,
                            "a table such as `headers = { authorization = \"..\" }`",
                        ));
                    };
                    for (name, value) in headers {
                        config.headers.push((name.get_ref().to_string(), string(value)?));
                    }
                }
                "timeout" => config.timeout = Some(duration(value)?),
                "gzip" => config.gzip = Some(boolean(value)?),
                "certificate" => config.certificate = Some(PathBuf::from(string(value)?)),
                "client_certificate" => config.client_certificate = Some(PathBuf::from(string(value)?)),
                "client_key" => config.client_key = Some(PathBuf::from(string(value)?)),
                "profile" => config.profile = Some(string(value)?),
                "content" => config.content = Some(string(value)?),
                "content_limit" => config.content_limit = Some(count(value)?),
                "spool" => config.spool = Some(PathBuf::from(string(value)?)),
                "spool_limit" => config.spool_limit = Some(count(value)?),
                "memory_limit" => config.memory_limit = Some(count(value)?),
                "max_request_bytes" => config.max_request_bytes = Some(count(value)?),
                "batch_delay" => config.batch_delay = Some(duration(value)?),
                "metric_interval" => config.metric_interval = Some(duration(value)?),
                "max_series" => config.max_series = Some(count(value)?),
                "signals" => {
                    let DeValue::Array(list) = value.get_ref() else {
                        return Err(expected(value, "a list such as `[\"traces\", \"metrics\", \"logs\"]`"));
                    };
                    config.signals = Some(list.iter().map(string).collect::<Result<_, _>>()?);
                }
                other => {
                    return Err(unknown(key.span().start, other, "key of exporter `otlp`", &list(KEYS)));
                }
            }
        }
        Ok(config)
    }

    /// `[exporters.prometheus]`.
    pub(in super::super) fn prometheus(table: &DeTable<'_>) -> Result<PrometheusConfig, Mistake> {
        let mut config = PrometheusConfig::default();
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "listen" => config.listen = Some(string(value)?),
                "file" => config.file = Some(PathBuf::from(string(value)?)),
                "max_series" => config.max_series = Some(count(value)?),
                other => {
                    let accepted = "listen, file, max_series";
                    return Err(unknown(key.span().start, other, "key of exporter `prometheus`", accepted));
                }
            }
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_change_the_one_exporter_of_a_file_and_leave_the_rest_of_it() {
        let file =
            || OtlpConfig { gzip: Some(true), profile: Some("compat".to_owned()), ..OtlpConfig::default() };
        let said = || OtlpConfig { profile: Some("otel".to_owned()), ..OtlpConfig::default() };
        let merged = over(vec![said()], vec![file()]);
        assert_eq!(merged, [OtlpConfig { profile: Some("otel".to_owned()), ..file() }]);
        assert_eq!(over(Vec::new(), vec![file(), said()]).len(), 2);
        assert_eq!(over(vec![said()], Vec::new()), [said()]);
    }
}
