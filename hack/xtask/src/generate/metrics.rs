//! `docs/reference/metrics.md`, from a scrape of the operator.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use signet::api_health::Failure;
use signet::issuer_name::IssuerName;
use signet::metrics::{CaGauges, GenerationGauge, Metrics, Now};
use signet_api::IssuerKind;
use signet_core::reason::Reason;
use signet_core::request::Api;
use signet_keys::{ErrorClass, ModuleProcess};

use super::{Files, Table};

/// Adds the page.
pub(super) fn add(files: &mut Files) -> Result<()> {
    let scrape = sample()?;
    let mut table = Table::new(["Metric", "Type", "Labels", "Meaning"]);
    for (name, metric) in read(&scrape) {
        let labels: Vec<_> = metric
            .labels
            .iter()
            .map(|label| format!("`{label}`"))
            .collect();
        table.row([
            format!("`{name}`"),
            metric.kind.to_owned(),
            labels.join(", "),
            metric.help.to_owned(),
        ]);
    }
    let page = format!(
        "# Metrics\n\n{}\n\nThe admin server serves them at `/metrics` in OpenMetrics text. A counter's \
         samples end in `_total`, a histogram's in `_bucket`, `_sum` and `_count`. Labels name \
         issuers that exist, up to 1,000 namespaces for each, and members of closed lists, such as the \
         [reasons](reasons.md).\n\n{table}",
        super::NOTE
    );
    files.insert("docs/reference/metrics.md".into(), page);
    Ok(())
}

/// A scrape in which every metric has a sample, so that its labels show.
fn sample() -> Result<String> {
    let metrics = Metrics::default();
    let issuer = IssuerName {
        kind: IssuerKind::Issuer,
        namespace: String::new(),
        name: String::new(),
    };
    metrics.decided(Api::CertificateRequest, Some(&issuer), "", Reason::Issued);
    metrics.ready_after(1.0);
    metrics.signed((&issuer, ""), None, 1.0);
    metrics.issuer(&issuer, true);
    metrics.ca(
        &issuer,
        CaGauges {
            expiry: Some(1),
            generations: vec![GenerationGauge {
                number: 1,
                state: "",
                expiry: Some(1),
            }],
            person_deadline: Some(1),
        },
    );
    metrics.bundle(&issuer, Some(true), Some(0));
    metrics.conflict();
    metrics.queued("", 1.0);
    metrics.key_error("", ErrorClass::Unreachable);
    metrics.api_error(Failure::Timeout);
    metrics.watch_failure("", "");
    Ok(metrics.scrape(&Now {
        queues: vec![(issuer, 0)],
        watches: vec![(String::new(), true)],
        modules: vec![ModuleProcess {
            module: String::new(),
            pid: Some(1),
            resident_bytes: Some(1),
            restarts: vec![("crashed", 0)],
        }],
        ..Now::default()
    })?)
}

#[derive(Default)]
struct Metric<'a> {
    kind: &'a str,
    help: &'a str,
    labels: BTreeSet<&'a str>,
}

/// The metrics of an OpenMetrics text.
fn read(scrape: &str) -> BTreeMap<&str, Metric<'_>> {
    let mut metrics = BTreeMap::<_, Metric<'_>>::new();
    for line in scrape.lines() {
        if let Some((name, help)) = line
            .strip_prefix("# HELP ")
            .and_then(|it| it.split_once(' '))
        {
            metrics.entry(name).or_default().help = help;
        } else if let Some((name, kind)) = line
            .strip_prefix("# TYPE ")
            .and_then(|it| it.split_once(' '))
        {
            metrics.entry(name).or_default().kind = kind;
        } else if let Some((sample, rest)) = line.split_once('{')
            && let Some((labels, _)) = rest.split_once('}')
            && let Some((_, metric)) = metrics
                .iter_mut()
                .rfind(|(name, _)| sample.starts_with(**name))
        {
            // `le` is the bound of a histogram's bucket.
            let names = labels
                .split(',')
                .filter_map(|label| label.split('=').next());
            metric.labels.extend(names.filter(|name| *name != "le"));
        }
    }
    metrics
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_has_type_and_help() {
        let scrape = sample().unwrap();
        let metrics = read(&scrape);
        assert!(
            metrics.len() >= 10,
            "{metrics_len}",
            metrics_len = metrics.len()
        );
        for (name, metric) in &metrics {
            assert!(
                !metric.kind.is_empty() && metric.help.ends_with('.'),
                "{name}"
            );
        }
        assert!(metrics["signet_requests"].labels.contains("reason"));
        assert!(metrics["signet_uptime_seconds"].labels.is_empty());
    }
}
