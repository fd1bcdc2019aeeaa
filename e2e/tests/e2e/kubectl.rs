//! What a person sees with kubectl.

use anyhow::{Context, Result, ensure};
use signet_api::CAGeneration;
use signet_api::IssuerKind::{ClusterIssuer, Issuer};
use signet_e2e::{TestNamespace, spec};
use signet_testbed::wait::Observation::{Progress, Reached};
use signet_testbed::wait::until;

shared![
    get_shows_what_a_person_wants,
    wait_works,
    describe_shows_why,
    explain_is_documentation,
];

const HEAD: [&str; 8] = [
    "NAME",
    "READY",
    "REASON",
    "KEY",
    "CA STATE",
    "CA EXPIRY",
    "ROTATION",
    "AGE",
];

async fn get_shows_what_a_person_wants(test: &TestNamespace) -> Result<()> {
    let bed = test.bed();
    let root = test.unique("root");
    test.issuer(Issuer, "root", spec::self_signed(&root))
        .await?;
    let corp = test
        .issuer(
            ClusterIssuer,
            "corp",
            spec::self_signed(&test.unique("corp")),
        )
        .await?;

    let listed = bed.kubectl(&["get", "siss", "-n", test.name()]).await?;
    let (head, row) = table(&listed)?;
    ensure!(head == HEAD, "{listed}");
    ensure!(
        row[..4] == ["root", "True", "Ready", &format!("software/{root}")],
        "{listed}"
    );
    let generation = test.api::<CAGeneration>().get("issuer-root-1").await?;
    ensure!(
        generation
            .spec
            .certificate
            .is_some_and(|certificate| row[5] == certificate.not_after.0.to_string()),
        "{listed}"
    );

    let listed = bed.kubectl(&["get", "sciss", &corp.name]).await?;
    let (head, row) = table(&listed)?;
    ensure!(head == HEAD, "{listed}");
    ensure!(row[..3] == [&corp.name, "True", "Ready"], "{listed}");
    ensure!((row[4], row[6]) == ("Active", "NoRotation"), "{listed}");

    let listed = bed.kubectl(&["get", "cagen", "-n", test.name()]).await?;
    let (head, row) = table(&listed)?;
    ensure!(
        head == [
            "NAME",
            "KIND",
            "ISSUER",
            "GENERATION",
            "ACTIVATED",
            "SUPERSEDED",
            "CA EXPIRY",
            "AGE"
        ],
        "{listed}"
    );
    ensure!(
        row[..4] == ["issuer-root-1", "Issuer", "root", "1"],
        "{listed}"
    );

    let wide = bed
        .kubectl(&["get", "siss", "-n", test.name(), "-o", "wide"])
        .await?;
    ensure!(
        wide.contains("MESSAGE") && wide.contains("/root generation 1 until"),
        "{wide}"
    );
    let all = bed
        .kubectl(&["get", "signet", "-n", test.name(), "-o", "name"])
        .await?;
    ensure!(
        all.contains("issuer.signet.dev/root"),
        "the category: {all}"
    );
    ensure!(
        all.contains("cageneration.signet.dev/issuer-root-1"),
        "the category: {all}"
    );
    Ok(())
}

/// The cells of the head and of the first row; columns are two spaces or more apart.
fn table(text: &str) -> Result<(Vec<&str>, Vec<&str>)> {
    let mut rows = text.lines().map(|line| {
        let cells = line.split("  ").map(str::trim);
        cells.filter(|cell| !cell.is_empty()).collect::<Vec<_>>()
    });
    let row = rows.next().zip(rows.next());
    row.with_context(|| format!("a head and a row: {text}"))
}

async fn wait_works(test: &TestNamespace) -> Result<()> {
    let issuer = test
        .create_issuer(Issuer, "root", spec::self_signed(&test.unique("root")))
        .await?;
    // First, so that no kubectl is left waiting if the issuer does not get ready.
    test.wait_until_ready(&issuer).await?;
    let arguments = [
        "wait",
        "--for=condition=Ready",
        "--timeout=10m",
        "siss/root",
        "-n",
        test.name(),
    ];
    let printed = test.bed().kubectl(&arguments).await?;
    ensure!(printed.contains("condition met"), "{printed}");
    Ok(())
}

async fn describe_shows_why(test: &TestNamespace) -> Result<()> {
    let secret = test.unique("absent");
    let issuer = test
        .create_issuer(Issuer, "ca", spec::existing(&secret))
        .await?;
    test.wait_until_not_ready(&issuer, "KeyNotFound").await?;
    let object = test.api::<signet_api::Issuer>().get("ca").await?;
    test.bed().wait_for_event(&object, "KeyNotFound").await?;
    let shown = test
        .bed()
        .kubectl(&["describe", "siss", "ca", "-n", test.name()])
        .await?;
    let (_, events) = shown.split_once("Events:").context("it has events")?;
    ensure!(
        events.contains("Warning") && events.contains("KeyNotFound"),
        "{shown}"
    );
    ensure!(
        events.contains(&format!("the Secret {secret} does not exist")),
        "{shown}"
    );
    Ok(())
}

async fn explain_is_documentation(test: &TestNamespace) -> Result<()> {
    for (path, expected) in [
        ("issuers.signet.dev.spec", "The CA's private key"),
        (
            "issuers.signet.dev.spec.key.software.secretName",
            "Signet never overwrites a key",
        ),
        (
            "clusterissuers.signet.dev.spec.certificate.existing",
            "kubernetes.io/tls",
        ),
        (
            "clusterissuers.signet.dev.spec.spiffe.trustDomain",
            "/certificate/<name>",
        ),
        (
            "clusterissuers.signet.dev.status.bundle",
            "Every root that is trusted now",
        ),
        ("cagenerations.signet.dev", "It is not owned by its issuer"),
        (
            "cagenerations.signet.dev.spec.certificate.notAfter",
            "No certificate under it is valid for longer",
        ),
    ] {
        let text = explain(test, path).await?;
        let flowed = text.split_whitespace().collect::<Vec<_>>().join(" ");
        ensure!(flowed.contains(expected), "{path}: {text}");
    }
    Ok(())
}

/// The API server publishes the schema of a CRD some time after it serves the kind.
async fn explain(test: &TestNamespace, path: &str) -> Result<String> {
    let observe = async || {
        Ok(match test.bed().kubectl(&["explain", path]).await {
            Ok(text) => Reached(text),
            Err(error) => Progress(format!("{error:#}")),
        })
    };
    until(format!("kubectl explain {path}"), observe).await
}
