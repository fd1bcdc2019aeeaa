//! AWS KMS, as the emulator `ministack` has it, behind a proxy with TLS.
//!
//! The emulator checks the signature of each request, the policies of users and roles, and the
//! trust policies of roles. What it cannot show: key policies and grants, the quotas and their
//! throttling (the proxy responds so instead), the end of a scheduled deletion, keys whose material
//! was imported or is in a key store, that the token of a web identity was signed by the cluster
//! (it reads only the claims), and IRSA, EKS Pod Identity and IMDS.

mod keys;
mod logins;
mod network;
mod sessions;

use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use futures::FutureExt;
use futures::future::BoxFuture;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use signet_core::x509::algorithm::KeyAlgorithm;
use signet_keys::{Access, ErrorClass, KeyConfig};
use signet_testbed::keyservers::ministack::{AccessKey, Ministack, REGION};
use signet_testbed::proxy::{Fault as Wrong, Proxy, Requests};

use crate::memory::{Memory, access};
use crate::rig::{Act, Case, Fault, Look, Moment, Offered, Outcome, Rig, Subject, act};

pub(crate) fn tests() -> Vec<Trial> {
    let tests = [
        keys::tests(),
        logins::tests(),
        network::tests(),
        sessions::tests(),
    ];
    tests.into_iter().flatten().collect()
}

/// All that Signet calls.
const LEAST: [&str; 3] = ["kms:DescribeKey", "kms:GetPublicKey", "kms:Sign"];

/// An emulator behind a proxy, and a user who may do what Signet needs.
#[derive(Clone)]
pub(crate) struct Aws {
    server: Arc<Ministack>,
    proxy: Arc<Proxy>,
    user: AccessKey,
}

impl Aws {
    /// The server of all tests that do nothing to a server as a whole. It ends with the process.
    pub(crate) fn shared() -> Self {
        static SHARED: OnceLock<Aws> = OnceLock::new();
        SHARED.get_or_init(Self::start).clone()
    }

    /// With a server of its own.
    fn start() -> Self {
        let server = Arc::new(Ministack::start_with_iam().unwrap());
        let user = server.make_user("signet", &policy(&LEAST)).unwrap();
        let proxy = Arc::new(Proxy::https(&server.endpoint(), None).unwrap());
        Self {
            server,
            proxy,
            user,
        }
    }

    /// The same server behind a proxy of its own.
    fn behind_another_proxy(&self) -> Self {
        let proxy = Proxy::https(&self.server.endpoint(), None).unwrap();
        Self {
            proxy: Arc::new(proxy),
            ..self.clone()
        }
    }

    /// The same server, called by a user of its own who may do this.
    fn called_by(&self, name: &str, actions: &[&str]) -> Self {
        Self {
            user: self.server.make_user(name, &policy(actions)).unwrap(),
            ..self.clone()
        }
    }

    /// A namespace with the user's access key in the Secret `aws`.
    fn namespace(&self) -> Arc<Memory> {
        let memory = Arc::<Memory>::default();
        put_access_key(&memory, &self.user);
        memory
    }

    /// The spec of a key that is called through the proxy.
    fn config(&self, key_id: &str) -> Value {
        json!({
            "keyId": key_id,
            "region": REGION,
            "endpoint": self.proxy.address(),
            "stsEndpoint": self.proxy.address(),
            "caBundle": { "inline": self.proxy.ca_pem() },
            "credentials": { "secretRef": { "name": "aws" } },
        })
    }

    /// A key by a reference to it.
    fn subject(&self, key: &str, reference: &str, algorithm: KeyAlgorithm) -> Subject {
        let spki = self.server.public_key(key).unwrap();
        let spki = base64::engine::general_purpose::STANDARD.decode(spki);
        Subject {
            name: format!("awsKms {algorithm}"),
            config: key_config(self.config(reference)),
            access: access(self.namespace()),
            algorithm,
            spki_der: spki.unwrap(),
            secrets: vec![self.user.secret.clone()],
            keep: Some(Arc::new(self.clone())),
        }
    }

    /// A key of its own.
    fn fresh(&self, algorithm: KeyAlgorithm) -> (String, Subject) {
        let key = self.server.make_key(spec(algorithm)).unwrap();
        let subject = self.subject(&key, &key, algorithm);
        (key, subject)
    }

    fn p256(&self) -> (String, Subject) {
        self.fresh(KeyAlgorithm::EcP256)
    }

    /// Something that is done to the server.
    fn acting(&self, act_on: impl Fn(&Ministack) + Send + Sync + 'static) -> Act {
        let (server, act_on) = (Arc::clone(&self.server), Arc::new(act_on));
        act(move || {
            let (server, act_on) = (Arc::clone(&server), Arc::clone(&act_on));
            async move { act_on(&server) }
        })
    }

    /// A fault of the proxy, which is taken back by its cure.
    fn proxied(
        &self,
        algorithm: KeyAlgorithm,
        wrong: Wrong,
        class: ErrorClass,
        message: &'static str,
    ) -> Case {
        let aws = self.behind_another_proxy();
        let (_, subject) = aws.fresh(algorithm);
        let (cause, cure) = (Arc::clone(&aws.proxy), Arc::clone(&aws.proxy));
        let cause = act(move || {
            cause.add(Requests::All, wrong.clone());
            async {}
        });
        let cure = act(move || {
            cure.clear();
            async {}
        });
        Case::new(subject, Outcome::Fails(class, message), cause).cured_by(cure)
    }
}

fn key_config(aws_kms: Value) -> KeyConfig {
    serde_json::from_value(json!({ "awsKms": aws_kms })).unwrap()
}

fn put_access_key(memory: &Memory, user: &AccessKey) {
    let entries: [(&str, &[u8]); 2] = [
        ("access-key-id", user.id.as_bytes()),
        ("secret-access-key", user.secret.as_bytes()),
    ];
    memory.put("aws", &entries);
}

impl Subject {
    /// The same with another spec.
    fn with(&self, config: KeyConfig) -> Self {
        Self {
            config,
            ..self.clone()
        }
    }
}

/// An identity-based policy that allows actions on everything.
fn policy(actions: &[&str]) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Action": actions, "Resource": "*" }],
    })
}

/// The trust policy of a role.
fn trust(action: &str, principal: &Value, condition: &Value) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": principal,
            "Action": action,
            "Condition": condition,
        }],
    })
}

/// The reach of an Issuer in a namespace, to which an operator without flags gives nothing of its
/// own.
fn tenant(access: Access) -> Access {
    let addresses = signet_keys::Addresses::Outside {
        api_server: Arc::default(),
    };
    Access {
        tenant: Some("team".to_owned()),
        addresses,
        ..access
    }
}

fn spec(algorithm: KeyAlgorithm) -> &'static str {
    match algorithm {
        KeyAlgorithm::EcP256 => "ECC_NIST_P256",
        KeyAlgorithm::EcP384 => "ECC_NIST_P384",
        KeyAlgorithm::EcP521 => "ECC_NIST_P521",
        KeyAlgorithm::Ed25519 => "ECC_NIST_EDWARDS25519",
        KeyAlgorithm::Rsa { bits: 2048 } => "RSA_2048",
        KeyAlgorithm::Rsa { bits: 3072 } => "RSA_3072",
        KeyAlgorithm::Rsa { .. } => "RSA_4096",
    }
}

/// What comes of a key whose state does not allow signing: its description has the state, and a
/// refused signature an error code.
fn not_signing(moment: Moment) -> Outcome {
    let code = match moment {
        Moment::BeforeConnect => "KeyState",
        Moment::Connected => "NotSigned",
    };
    Outcome::Fails(ErrorClass::KeyUnusable, code)
}

impl Rig for Aws {
    fn key(&self, algorithm: KeyAlgorithm) -> BoxFuture<'_, Offered<Subject>> {
        let make = async move {
            let key = self.server.make_key(spec(algorithm)).unwrap();
            Ok(self.subject(&key, &self.server.key_arn(&key), algorithm))
        };
        make.boxed()
    }

    fn fault(
        &self,
        algorithm: KeyAlgorithm,
        fault: Fault,
        moment: Moment,
    ) -> BoxFuture<'_, Offered<Case>> {
        let prepare = async move {
            Ok(match fault {
                Fault::WrongKey => self.another_key_behind_the_alias(algorithm),
                Fault::MissingPermission => self.policy_removed(algorithm),
                Fault::DisabledKey => self.disabled(algorithm, moment),
                Fault::DeletedKey => self.deleted(algorithm, moment),
                Fault::Throttling
                | Fault::Timeout
                | Fault::ConnectionReset
                | Fault::InvalidResponse => self.on_the_way(algorithm, fault),
                Fault::ServerRestart => {
                    let aws = Self::start();
                    let (_, subject) = aws.fresh(algorithm);
                    let restart = aws.acting(|server| server.restart().unwrap());
                    Case::new(subject, Outcome::Works, restart)
                }
                Fault::OversizedBytes => return self.oversized(algorithm, moment),
            })
        };
        prepare.boxed()
    }
}

impl Aws {
    /// A key in KMS keeps its material, so that another key can only be behind an alias.
    fn another_key_behind_the_alias(&self, algorithm: KeyAlgorithm) -> Case {
        let [ours, other] = [(); 2].map(|()| self.server.make_key(spec(algorithm)).unwrap());
        let alias = format!("alias/{ours}");
        self.server.make_alias(&alias, &ours).unwrap();
        let subject = self.subject(&ours, &alias, algorithm);
        let back = alias.clone();
        let cause = self.acting(move |server| server.point_alias(&alias, &other).unwrap());
        let cure = self.acting(move |server| server.point_alias(&back, &ours).unwrap());
        Case {
            check: Look::Overlooks("the alias is reported, and the CA keeps its key"),
            ..Case::new(subject, Outcome::AnotherKey, cause).cured_by(cure)
        }
    }

    fn policy_removed(&self, algorithm: KeyAlgorithm) -> Case {
        let (key, _) = self.fresh(algorithm);
        let name = format!("user-{key}");
        let aws = self.called_by(&name, &LEAST);
        let subject = aws.subject(&key, &key, algorithm);
        let cured = name.clone();
        let put = |name: String, policy: Value| {
            self.acting(move |server| server.put_user_policy(&name, &policy).unwrap())
        };
        let outcome = Outcome::Fails(ErrorClass::CredentialsRefused, "Denied");
        Case::new(subject, outcome, put(name, policy(&["kms:ListKeys"])))
            .cured_by(put(cured, policy(&LEAST)))
    }

    fn disabled(&self, algorithm: KeyAlgorithm, moment: Moment) -> Case {
        let (key, subject) = self.fresh(algorithm);
        let cured = key.clone();
        let outcome = not_signing(moment);
        let cause = self.acting(move |server| server.disable_key(&key).unwrap());
        let cure = self.acting(move |server| server.enable_key(&cured).unwrap());
        Case {
            check: Look::Finds(ErrorClass::KeyUnusable, "KeyState"),
            ..Case::new(subject, outcome, cause).cured_by(cure)
        }
    }

    fn deleted(&self, algorithm: KeyAlgorithm, moment: Moment) -> Case {
        let (key, subject) = self.fresh(algorithm);
        let cured = key.clone();
        let outcome = not_signing(moment);
        let cause = self.acting(move |server| server.delete_key(&key).unwrap());
        let cure = self.acting(move |server| {
            server.cancel_deletion(&cured).unwrap();
            server.enable_key(&cured).unwrap();
        });
        Case {
            check: Look::Finds(ErrorClass::KeyUnusable, "KeyState"),
            ..Case::new(subject, outcome, cause).cured_by(cure)
        }
    }

    /// What happens between Signet and KMS.
    fn on_the_way(&self, algorithm: KeyAlgorithm, fault: Fault) -> Case {
        let (wrong, class, message) = match fault {
            Fault::Throttling => (
                Wrong::aws_error(400, "ThrottlingException", "Rate exceeded"),
                ErrorClass::Throttled(None),
                "Throttled",
            ),
            Fault::Timeout => (Wrong::Silence, ErrorClass::Unreachable, "Timeout"),
            Fault::ConnectionReset => (Wrong::Reset, ErrorClass::Unreachable, "Closed"),
            Fault::InvalidResponse => (Wrong::not_json(), ErrorClass::InvalidResponse, "NotAws"),
            other => unreachable!("{other:?} is prepared elsewhere"),
        };
        self.proxied(algorithm, wrong, class, message)
    }

    /// KMS signs a digest, except with Ed25519.
    fn oversized(&self, algorithm: KeyAlgorithm, moment: Moment) -> Offered<Case> {
        let (_, subject) = self.fresh(algorithm);
        let nothing = act(|| async {});
        let is_ed25519 = algorithm == KeyAlgorithm::Ed25519;
        if is_ed25519 && moment == Moment::BeforeConnect {
            return Err("connecting signs nothing");
        }
        if !is_ed25519 {
            return Ok(Case {
                bytes: 128 * 1024,
                ..Case::new(subject, Outcome::Works, nothing)
            });
        }
        let message = "TooLong";
        let outcome = Outcome::Fails(ErrorClass::KeyUnusable, message);
        Ok(Case {
            check: Look::Overlooks("nothing is wrong with the key"),
            bytes: 4097,
            ..Case::new(subject, outcome, nothing)
        })
    }
}
