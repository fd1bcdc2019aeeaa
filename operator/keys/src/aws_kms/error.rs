//! What goes wrong with a key in AWS KMS.

use std::time::Duration;

use crate::error::ErrorClass;
use crate::key_errors::key_errors;

key_errors! {
    /// What goes wrong with a key in AWS KMS.
    pub enum AwsKmsError {
        /// A quota is used up.
        Throttled { service: String, detail: String, retry_after: Option<Duration> } => ErrorClass::Throttled(*retry_after),
            "{service} is rate limiting requests: {detail}";
        /// AWS returned an internal error.
        ServiceFault { service: String, detail: String } => ErrorClass::Unreachable,
            "{service} returned an internal error: {detail}";
        /// The credentials have expired.
        Expired { service: String, detail: String, credentials: String } => ErrorClass::CredentialsRefused,
            "{service} refuses the credentials: {detail}; {credentials} has expired, renew it";
        /// AWS does not know the credentials.
        UnknownCredentials { service: String, detail: String, credentials: String } => ErrorClass::CredentialsRefused,
            "{service} refuses the credentials: {detail}; AWS does not know {credentials}, replace \
             it";
        /// The signature of the request is wrong.
        WrongSecretKey { service: String, detail: String, credentials: String } => ErrorClass::CredentialsRefused,
            "{service} refuses the credentials: {detail}; {credentials} has a secret that does not \
             belong to its access key ID, correct it";
        /// The time of the request is wrong.
        WrongClock { service: String, detail: String } => ErrorClass::CredentialsRefused,
            "{service} refuses the credentials: {detail}; the clock of Signet's node differs from \
             that of AWS, correct it";
        /// The account does not use the region.
        RegionDisabled { service: String, detail: String } => ErrorClass::CredentialsRefused,
            "{service} refuses the credentials: {detail}; enable the region in the AWS account, or \
             correct awsKms.region";
        /// The token of a ServiceAccount is refused.
        IdentityRefused { service: String, detail: String } => ErrorClass::CredentialsRefused,
            "{service} refuses the credentials: {detail}; check the IAM OIDC provider of the \
             cluster, its audience, and the trust policy of the role";
        /// STS does not understand the role.
        InvalidRole { service: String, detail: String } => ErrorClass::CredentialsRefused,
            "{service} refuses the credentials: {detail}; check roleArn, externalId and sessionName";
        /// A permission is missing.
        Denied { service: String, detail: String, allow: &'static str } => ErrorClass::CredentialsRefused,
            "{service} refuses the credentials: {detail}; {allow}";
        /// There is no such key.
        KeyNotFound { service: String, detail: String } => ErrorClass::KeyNotFound,
            "{service} has no such key: {detail}; correct keyId and region, and the account by \
             roleArn or credentials";
        /// AWS does not sign with the key, for its own reason.
        NotSigned { service: String, detail: String } => ErrorClass::KeyUnusable,
            "{service} does not sign with the key: {detail}";
        /// An error code that is not known.
        UnknownError { service: String, detail: String } => ErrorClass::InvalidResponse,
            "{service} returned an unknown error: {detail}; check awsKms.endpoint";
        /// AWS does not redirect.
        Redirect { service: String, status: u16 } => ErrorClass::InvalidResponse,
            "{service} returned a redirect (status {status}), which is not followed; check \
             awsKms.endpoint";
        /// The response is not one of AWS.
        NotAws { service: String, status: u16 } => ErrorClass::InvalidResponse,
            "{service} returned a response that is not one of AWS (status {status}); check \
             awsKms.endpoint";
        /// The response is about another key, or about none.
        OtherKey { service: String, operation: &'static str } => ErrorClass::InvalidResponse,
            "{service} responded to {operation} about another key than the requested one; check \
             awsKms.endpoint";
        /// The signature is of another algorithm.
        OtherAlgorithm { service: String, algorithm: String } => ErrorClass::InvalidResponse,
            "{service} did not sign with {algorithm}; check awsKms.endpoint";
        /// The public key is of another type than the description.
        OtherKeyType { service: String } => ErrorClass::InvalidResponse,
            "{service} returned a public key of another type than it describes; check \
             awsKms.endpoint";
        /// The public key cannot be read.
        InvalidPublicKey { service: String, why: String } => ErrorClass::InvalidResponse,
            "{service} returned a public key that cannot be read: {why}; check awsKms.endpoint";
        /// The signature does not verify.
        InvalidSignature { service: String } => ErrorClass::InvalidResponse,
            "{service} returned a signature that is not one of the key; check awsKms.endpoint";
        /// STS returned no credentials.
        NoCredentials { service: String } => ErrorClass::InvalidResponse,
            "{service} returned no credentials; check awsKms.stsEndpoint";
        /// The key has changed since it was connected.
        KeyChanged { arn: String } => ErrorClass::KeyUnusable,
            "the key {arn} in AWS KMS has changed since it was connected; name the right key, or \
             create a new issuer for this one";
        /// The key is not enabled.
        KeyState { arn: String, state: String, advice: &'static str } => ErrorClass::KeyUnusable,
            "the key {arn} is {state}; {advice}";
        /// The key is not for signing.
        KeyUsage { arn: String, usage: String } => ErrorClass::KeyUnusable,
            "the key {arn} is for {usage}, which cannot be changed; create one for SIGN_VERIFY";
        /// Certificates are not signed with keys of this type.
        KeySpec { arn: String, spec: String, specs: &'static str } => ErrorClass::KeyUnusable,
            "the key {arn} is of the spec {spec}, which certificates are not signed with; create \
             one of {specs}";
        /// The key does not sign with the algorithm.
        Algorithm { arn: String, algorithm: String } => ErrorClass::KeyUnusable,
            "the key {arn} does not sign with {algorithm}; use another key";
        /// The access key ID cannot be sent.
        InvalidAccessKeyId { secret: String, key: String } => ErrorClass::CredentialsRefused,
            "{key} of the Secret {secret} is not an access key ID; put only that there";
        /// The operator's own credentials are not for this issuer.
        AmbientNotAllowed { kind: &'static str, flag: &'static str } => ErrorClass::CredentialsRefused,
            "{kind} may not use the operator's own credentials; set awsKms.credentials, or start \
             the operator with {flag}=true";
        /// The operator's own credentials do not go to a server of a tenant's choice.
        AmbientElsewhere { field: &'static str } => ErrorClass::CredentialsRefused,
            "an Issuer that uses the operator's own credentials may not set {field}, since a \
             server of its choice would receive them; set awsKms.credentials, or remove {field}";
        /// The operator has no credentials.
        NoAmbient => ErrorClass::CredentialsRefused,
            "the operator has no AWS credentials of its own; give its ServiceAccount a role (IRSA \
             or EKS Pod Identity), or set awsKms.credentials";
        /// The operator's own credentials cannot be loaded.
        AmbientFailed => ErrorClass::Unreachable,
            "the operator's own AWS credentials cannot be loaded; see the operator's log";
        /// The operator's own credentials are configured wrongly.
        AmbientInvalid => ErrorClass::CredentialsRefused,
            "the operator's own AWS credentials are configured wrongly; see the operator's log";
        /// A login took too long.
        LoginTimeout { seconds: u64 } => ErrorClass::Unreachable,
            "AWS STS, or the source of the operator's own credentials, did not respond within \
             {seconds} s";
        /// The SDK cannot make the request.
        NoRequest { service: String } => ErrorClass::KeyUnusable,
            "no request can be made for {service}; check the fields of awsKms and the credentials";
    }
}
