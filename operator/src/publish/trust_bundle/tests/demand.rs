use signet_api::IssuerKind::{self, ClusterIssuer, Issuer};

use super::super::demand::Allowed;
use super::super::demand::TrustBundleDemand::{self, Denied, Nothing, Object, Off, WhatExists};
use super::spec;

const ENABLED: &str = "bundles.clusterTrustBundles.enabled";
const ISSUERS: &str = "bundles.clusterTrustBundles.issuers";

fn demand(
    issuer: IssuerKind,
    trust_domain: Option<&str>,
    wish: Option<bool>,
    [any, of_issuers]: [bool; 2],
) -> TrustBundleDemand {
    let allowed = Allowed { any, of_issuers };
    TrustBundleDemand::new(issuer, Some(&spec(trust_domain, wish)), allowed)
}

#[test]
fn an_issuer_with_a_trust_domain_or_the_field_has_one_where_flags_allow_it() {
    let spiffe = Some("example.org");
    for (issuer, trust_domain, wish, expected) in [
        // By default; with the Issuers' flag; and without any.
        (ClusterIssuer, spiffe, None, [Object, Object, Off]),
        (ClusterIssuer, None, None, [WhatExists, WhatExists, Off]),
        (
            ClusterIssuer,
            None,
            Some(true),
            [Object, Object, Denied(ENABLED)],
        ),
        (ClusterIssuer, spiffe, Some(false), [Nothing, Nothing, Off]),
        (Issuer, spiffe, None, [WhatExists, Object, Off]),
        (Issuer, None, None, [WhatExists, WhatExists, Off]),
        (
            Issuer,
            None,
            Some(true),
            [Denied(ISSUERS), Object, Denied(ENABLED)],
        ),
        (
            Issuer,
            spiffe,
            Some(true),
            [Denied(ISSUERS), Object, Denied(ENABLED)],
        ),
        (Issuer, spiffe, Some(false), [Nothing, Nothing, Off]),
    ] {
        let flags = [[true, false], [true, true], [false, true]];
        let found = flags.map(|flags| demand(issuer, trust_domain, wish, flags));
        assert_eq!(found, expected, "{issuer:?} {trust_domain:?} {wish:?}");
    }
}

/// The spec is gone with the issuer.
#[test]
fn what_a_deleted_issuer_has_left_is_kept_up_to_date_as_it_is() {
    for (any, expected) in [(true, WhatExists), (false, Off)] {
        let allowed = Allowed {
            any,
            of_issuers: true,
        };
        for kind in [ClusterIssuer, Issuer] {
            assert_eq!(TrustBundleDemand::new(kind, None, allowed), expected);
        }
    }
}

#[test]
fn one_that_is_asked_for_has_to_be_there_and_one_that_exists() {
    for (demand, expected) in [
        (Object, [true, true]),
        (Denied(ISSUERS), [true, true]),
        (WhatExists, [false, true]),
        (Nothing, [false, false]),
        (Off, [false, false]),
    ] {
        assert_eq!(
            [false, true].map(|exists| demand.requires(exists)),
            expected
        );
    }
}
