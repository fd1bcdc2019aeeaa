//! A sample of each error of a key in AWS KMS.

use std::time::Duration;

use signet_core::samples;
use signet_core::x509::public_key::PublicKeyError;

use super::AwsKmsError;
use super::key::KEY_SPECS;

samples!(AwsKmsError {
    Throttled {
        service: kms(),
        detail: "ThrottlingException: Rate exceeded".to_owned(),
        retry_after: Some(Duration::from_secs(2))
    },
    ServiceFault {
        service: kms(),
        detail: "KMSInternalException".to_owned()
    },
    Expired {
        service: kms(),
        detail: "ExpiredTokenException: The security token included in the request is expired"
            .to_owned(),
        credentials: access_key()
    },
    UnknownCredentials {
        service: kms(),
        detail: "UnrecognizedClientException: The security token included in the request is invalid"
            .to_owned(),
        credentials: access_key()
    },
    WrongSecretKey {
        service: kms(),
        detail: "InvalidSignatureException".to_owned(),
        credentials: access_key()
    },
    WrongClock {
        service: kms(),
        detail: "RequestExpired".to_owned()
    },
    RegionDisabled {
        service: kms(),
        detail: "OptInRequired".to_owned()
    },
    IdentityRefused {
        service: sts(),
        detail: "InvalidIdentityToken: Incorrect token audience".to_owned()
    },
    InvalidRole {
        service: sts(),
        detail: "ValidationError".to_owned()
    },
    Denied {
        service: kms(),
        detail: "AccessDeniedException".to_owned(),
        allow: super::client::ALLOW
    },
    KeyNotFound {
        service: kms(),
        detail: "NotFoundException: Alias is not found".to_owned()
    },
    NotSigned {
        service: kms(),
        detail: "DisabledException".to_owned()
    },
    UnknownError {
        service: kms(),
        detail: "SomethingNew".to_owned()
    },
    Redirect {
        service: kms(),
        status: 301
    },
    NotAws {
        service: kms(),
        status: 200
    },
    OtherKey {
        service: kms(),
        operation: "Sign"
    },
    OtherAlgorithm {
        service: kms(),
        algorithm: "ECDSA_SHA_256".to_owned()
    },
    OtherKeyType { service: kms() },
    InvalidPublicKey {
        service: kms(),
        why: PublicKeyError::WeakRsa(1024).to_string()
    },
    InvalidSignature { service: kms() },
    NoCredentials { service: sts() },
    KeyChanged { arn: arn() },
    KeyState {
        arn: arn(),
        state: "Disabled".to_owned(),
        advice: "enable it"
    },
    KeyUsage {
        arn: arn(),
        usage: "ENCRYPT_DECRYPT".to_owned()
    },
    KeySpec {
        arn: arn(),
        spec: "ECC_SECG_P256K1".to_owned(),
        specs: KEY_SPECS
    },
    Algorithm {
        arn: arn(),
        algorithm: "RSASSA_PKCS1_V1_5_SHA_512".to_owned()
    },
    InvalidAccessKeyId {
        secret: "aws".to_owned(),
        key: "access-key-id".to_owned()
    },
    AmbientNotAllowed {
        kind: "an Issuer",
        flag: "--issuer-ambient-credentials"
    },
    AmbientElsewhere { field: "endpoint" },
    NoAmbient,
    AmbientFailed,
    AmbientInvalid,
    LoginTimeout { seconds: 3 },
    NoRequest { service: kms() },
});

fn kms() -> String {
    "AWS KMS in eu-central-1".to_owned()
}

fn sts() -> String {
    "AWS STS in eu-central-1".to_owned()
}

fn access_key() -> String {
    "the access key in the Secret aws".to_owned()
}

fn arn() -> String {
    "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab".to_owned()
}
