//! What goes wrong with a key in AWS KMS.

use std::time::Duration;

use crate::error::ErrorClass;
use crate::key_errors::key_errors;

key_errors! {
    /// What goes wrong with a key in AWS KMS.
    pub enum AwsKmsError {
        Throttled { service: String, detail: String, retry_after: Option<Duration> } => ErrorClass::Throttled(*retry_after),
            "{service} is rate limiting requests: {detail}";
        ServiceFault { service: String, detail: String } => ErrorClass::Unreachable,
            "{service} returned an internal error: {detail}";
        Expired { service: String, detail: String, credentials: String } => ErrorClass::CredentialsRefused,
            "{service} refuses the credentials: {detail}; {credentials} has expired, renew it";
        UnknownCredentials { service: String, detail: String, credentials: String } => ErrorClass::CredentialsRefused,
            "{service} refuses the credentials: {detail}; AWS does not know {credentials}, replace \
             it";
        WrongSecretKey { service: String, detail: String, credentials: String } => ErrorClass::CredentialsRefused,
            "{service} refuses the credentials: {detail}; {credentials} has a secret that does not \
             belong to its access key ID, correct it";
        WrongClock { service: String, detail: String } => ErrorClass::CredentialsRefused,
            "{service} refuses the credentials: {detail}; the clock of Signet's node differs from \
             that of AWS, correct it";
        RegionDisabled { service: String, detail: String } => ErrorClass::CredentialsRefused,
            "{service} refuses the credentials: {detail}; enable the region in the AWS account, or \
             correct awsKms.region";
        IdentityRefused { service: String, detail: String } => ErrorClass::CredentialsRefused,
            "{service} refuses the credentials: {detail}; check the IAM OIDC provider of the \
             cluster, its audience, and the trust policy of the role";
        InvalidRole { service: String, detail: String } => ErrorClass::CredentialsRefused,
            "{service} refuses the credentials: {detail}; check roleArn, externalId and sessionName";
        Denied { service: String, detail: String, allow: &'static str } => ErrorClass::CredentialsRefused,
            "{service} refuses the credentials: {detail}; {allow}";
        KeyNotFound { service: String, detail: String } => ErrorClass::KeyNotFound,
            "{service} has no such key: {detail}; correct keyId and region, and the account by \
             roleArn or credentials";
        NotSigned { service: String, detail: String } => ErrorClass::KeyUnusable,
            "{service} does not sign with the key: {detail}";
        UnknownError { service: String, detail: String } => ErrorClass::InvalidResponse,
            "{service} returned an unknown error: {detail}; check awsKms.endpoint";
        Redirect { service: String, status: u16 } => ErrorClass::InvalidResponse,
            "{service} returned a redirect (status {status}), which is not followed; check \
             awsKms.endpoint";
        NotAws { service: String, status: u16 } => ErrorClass::InvalidResponse,
            "{service} returned a response that is not one of AWS (status {status}); check \
             awsKms.endpoint";
        OtherKey { service: String, operation: &'static str } => ErrorClass::InvalidResponse,
            "{service} responded to {operation} about another key than the requested one; check \
             awsKms.endpoint";
        OtherAlgorithm { service: String, algorithm: String } => ErrorClass::InvalidResponse,
            "{service} did not sign with {algorithm}; check awsKms.endpoint";
        OtherKeyType { service: String } => ErrorClass::InvalidResponse,
            "{service} returned a public key of another type than it describes; check \
             awsKms.endpoint";
        InvalidPublicKey { service: String, why: String } => ErrorClass::InvalidResponse,
            "{service} returned a public key that cannot be read: {why}; check awsKms.endpoint";
        InvalidSignature { service: String } => ErrorClass::InvalidResponse,
            "{service} returned a signature that is not one of the key; check awsKms.endpoint";
        NoCredentials { service: String } => ErrorClass::InvalidResponse,
            "{service} returned no credentials; check awsKms.stsEndpoint";
        KeyChanged { arn: String } => ErrorClass::KeyUnusable,
            "the key {arn} in AWS KMS has changed since it was connected; name the right key, or \
             set spec.rotation.requestID to rotate to this one";
        KeyState { arn: String, state: String, advice: &'static str } => ErrorClass::KeyUnusable,
            "the key {arn} is {state}; {advice}";
        KeyUsage { arn: String, usage: String } => ErrorClass::KeyUnusable,
            "the key {arn} is for {usage}, which cannot be changed; create one for SIGN_VERIFY";
        KeySpec { arn: String, spec: String, specs: &'static str } => ErrorClass::KeyUnusable,
            "the key {arn} is of the spec {spec}, which certificates are not signed with; create \
             one of {specs}";
        Algorithm { arn: String, algorithm: String } => ErrorClass::KeyUnusable,
            "the key {arn} does not sign with {algorithm}; use another key";
        InvalidAccessKeyId { secret: String, key: String } => ErrorClass::CredentialsRefused,
            "{key} of the Secret {secret} is not an access key ID; put only that there";
        AmbientNotAllowed { kind: &'static str, flag: &'static str } => ErrorClass::CredentialsRefused,
            "{kind} may not use the operator's own credentials; set awsKms.credentials, or start \
             the operator with {flag}=true";
        AmbientElsewhere { field: &'static str } => ErrorClass::CredentialsRefused,
            "an Issuer that uses the operator's own credentials may not set {field}, since a \
             server of its choice would receive them; set awsKms.credentials, or remove {field}";
        NoAmbient => ErrorClass::CredentialsRefused,
            "the operator has no AWS credentials of its own; give its ServiceAccount a role (IRSA \
             or EKS Pod Identity), or set awsKms.credentials";
        AmbientFailed => ErrorClass::Unreachable,
            "the operator's own AWS credentials cannot be loaded; see the operator's log";
        AmbientInvalid => ErrorClass::CredentialsRefused,
            "the operator's own AWS credentials are configured wrongly; see the operator's log";
        LoginTimeout { seconds: u64 } => ErrorClass::Unreachable,
            "AWS STS, or the source of the operator's own credentials, did not respond within \
             {seconds} s";
        NoRequest { service: String } => ErrorClass::KeyUnusable,
            "no request can be made for {service}; check the fields of awsKms and the credentials";
    }
}
