//! What to change when AWS refuses the credentials, by its error code.

use super::class::is_stale;

/// What to change. `credentials` names where they are from, and `allow` the permissions that they
/// need.
pub(super) fn advice(code: &str, clock_is_off: bool, credentials: &str, allow: &str) -> String {
    match code {
        _ if clock_is_off && is_about_time(code) => {
            "the clock of Signet's node differs from that of AWS; correct it".to_owned()
        }
        "ExpiredToken" | "ExpiredTokenException" => {
            format!("{credentials} has expired; renew it")
        }
        "InvalidAccessKeyId" | "InvalidClientTokenId" | "UnrecognizedClientException" => {
            format!("AWS does not know {credentials}; replace it")
        }
        "InvalidSignatureException" | "SignatureDoesNotMatch" => format!(
            "{credentials} has a secret that does not belong to its access key id; correct it"
        ),
        "RequestExpired" | "RequestTimeTooSkewed" => {
            "correct the clock of Signet's node".to_owned()
        }
        "OptInRequired" | "RegionDisabledException" => {
            "enable the region in the AWS account, or correct awsKms.region".to_owned()
        }
        "IDPRejectedClaim" | "InvalidIdentityToken" => {
            "check the IAM OIDC provider of the cluster, its audience, and the trust policy of \
             the role"
                .to_owned()
        }
        "ValidationError" => "check roleArn, externalId and sessionName".to_owned(),
        _ => allow.to_owned(),
    }
}

/// Whether the code may be about the time of the request.
pub(super) fn is_about_time(code: &str) -> bool {
    is_stale(code)
        || matches!(
            code,
            "AccessDenied"
                | "AccessDeniedException"
                | "AuthFailure"
                | "RequestExpired"
                | "RequestTimeTooSkewed"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: &str) -> String {
        advice(
            code,
            false,
            "the access key in the Secret aws",
            "allow kms:Sign",
        )
    }

    /// An expired credential is not helped by a permission.
    #[test]
    fn depends_on_the_code() {
        let key = "the access key in the Secret aws";
        assert_eq!(of("AccessDeniedException"), "allow kms:Sign");
        assert_eq!(
            of("ExpiredTokenException"),
            format!("{key} has expired; renew it")
        );
        let unknown = format!("AWS does not know {key}; replace it");
        assert_eq!(of("UnrecognizedClientException"), unknown);
        assert!(of("InvalidSignatureException").contains("does not belong to its access key id"));
        for code in [
            "RequestExpired",
            "OptInRequired",
            "IDPRejectedClaim",
            "ValidationError",
        ] {
            assert!(!of(code).contains("kms:Sign"), "{code}");
        }
    }

    #[test]
    fn names_the_clock_where_it_is_the_clock() {
        let code = "InvalidSignatureException";
        assert!(advice(code, true, "it", "allow").contains("clock"));
        assert_eq!(advice("NotAuthorized", true, "it", "allow"), "allow");
    }
}
