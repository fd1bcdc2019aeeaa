//! The log.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt, registry};

use crate::args::LogFormat;

/// The maximum levels of each crate's log, whatever the flag, by the prefix of its
/// targets. Below these levels they show what is sent and what comes back: tokens, Secrets.
/// kube_client shows at `warn` what it cannot read, and at `error` each attempt of a call that fails,
/// which [`ApiHealth`](crate::api_health::ApiHealth) counts; rustify shows at `error` a server's
/// response.
const MAX_LEVELS: [(&str, LevelFilter); 5] = [
    ("signet", LevelFilter::TRACE),
    ("kube_runtime", LevelFilter::TRACE),
    ("kube_client", LevelFilter::OFF),
    ("rustify", LevelFilter::OFF),
    ("", LevelFilter::INFO),
];

pub(super) fn start(format: LogFormat, filter: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(filter)?;
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = match format {
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .boxed(),
        LogFormat::Text => lines.boxed(),
    };
    let started = registry()
        .with(filter)
        .with(filter_fn(|it| *it.level() <= max_level(it.target())))
        .with(lines)
        .try_init();
    started.map_err(|error| anyhow::anyhow!("the log cannot be started: {error}"))
}

fn max_level(target: &str) -> LevelFilter {
    let of_target = MAX_LEVELS
        .iter()
        .find(|(begin, _)| target.starts_with(begin));
    of_target.map_or(LevelFilter::OFF, |(_, level)| *level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_logs_what_shows_secrets() {
        for (target, expected) in [
            ("signet::issuers", LevelFilter::TRACE),
            ("signet_keys::pkcs11", LevelFilter::TRACE),
            ("kube_runtime::controller", LevelFilter::TRACE),
            ("kube_client::client", LevelFilter::OFF),
            ("rustify::client", LevelFilter::OFF),
            (
                "aws_smithy_runtime::client::orchestrator",
                LevelFilter::INFO,
            ),
            ("aws_sigv4::http_request::sign", LevelFilter::INFO),
            ("h2::proto", LevelFilter::INFO),
        ] {
            assert_eq!(max_level(target), expected, "{target}");
        }
    }
}
