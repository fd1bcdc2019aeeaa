//! The limits of rules: the first rule that allows the whole request decides them.

use anyhow::{Result, ensure};
use serde_json::json;
use signet_e2e::csr::{Csr, KeyKind};
use signet_e2e::{Ask, TestNamespace};

use super::{account, cluster_issuer, id, issued_to, refused_to};

shared![the_first_rule_that_allows_the_request_decides_its_limits];

async fn the_first_rule_that_allows_the_request_decides_its_limits(
    test: &TestNamespace,
) -> Result<()> {
    let own = json!([{ "namespace": test.name(), "name": "web" }]);
    let issuer = cluster_issuer(test, json!([
        {
            "name": "clients",
            "requesters": { "serviceAccounts": own },
            "allow": {
                "spiffeIds": ["/client"],
                "maxDuration": "1h",
                "usages": ["client auth", "digital signature"],
                "keys": [{ "algorithm": "ECDSA", "minSize": 256 }],
            },
        },
        {
            "name": "servers",
            "requesters": { "serviceAccounts": own },
            "allow": { "spiffeIds": ["/server"], "dnsNames": ["web.example.org"], "maxDuration": "2h" },
        },
    ]))
    .await?;
    let web = account(test, "web").await?;
    for (path, hours) in [("/client", 1), ("/server", 2)] {
        let csr = Csr::for_uri(&id(path))?;
        let ask = Ask::new(&issuer, &csr)
            .duration("24h")
            .usages(&["client auth"]);
        let issued = issued_to(test, &web, &ask, &csr).await?;
        let lifetime = issued.leaf.lifetime();
        ensure!(
            lifetime.as_secs() <= hours * 3600 + 600,
            "{path}: {lifetime:?}"
        );
    }
    let csr = Csr::for_uri(&id("/client"))?;
    let ask = Ask::new(&issuer, &csr).usages(&["server auth"]);
    refused_to(test, &web, &ask, "InvalidUsages").await?;
    let csr = Csr::of(KeyKind::Rsa2048)?.uri(&id("/client"))?.build()?;
    let ask = Ask::new(&issuer, &csr).usages(&["client auth"]);
    let message = refused_to(test, &web, &ask, "UnsupportedKey").await?;
    ensure!(message.contains("clients"), "{message}");
    // Rules never add up: the ID of one with the DNS name of the other.
    let csr = Csr::of_new_key()?
        .uri(&id("/client"))?
        .dns("web.example.org")?
        .build()?;
    let ask = Ask::new(&issuer, &csr).usages(&["client auth"]);
    refused_to(test, &web, &ask, "NameNotAllowed").await?;
    Ok(())
}
