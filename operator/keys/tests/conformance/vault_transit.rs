//! Keys in Transit, on a real OpenBao.

pub(crate) mod bed;
mod logins;
mod network;
mod tokens;
mod versions;

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use libtest_mimic::Trial;
use serde_json::json;
use signet_core::x509::algorithm::KeyAlgorithm;
use signet_keys::ErrorClass;
use signet_testbed::OpenBao;
use signet_testbed::proxy::{self, Proxy, Requests};

use crate::rig::{Act, Case, Fault, Look, Moment, Offered, Outcome, Rig, Subject, act};
use bed::Bed;

pub(crate) fn tests() -> Vec<Trial> {
    let modules = [
        logins::tests(),
        network::tests(),
        tokens::tests(),
        versions::tests(),
    ];
    modules.into_iter().flatten().collect()
}

/// The rules of a policy that allows nothing of use.
const NOTHING: &str = "path \"nothing\" { capabilities = [\"read\"] }";

/// The server is started with the first key.
pub(crate) struct VaultRig;

impl Rig for VaultRig {
    fn key(&self, algorithm: KeyAlgorithm) -> BoxFuture<'_, Offered<Subject>> {
        async move { Ok(Bed::with(bed::server(), algorithm).subject()) }.boxed()
    }

    fn fault(
        &self,
        algorithm: KeyAlgorithm,
        fault: Fault,
        moment: Moment,
    ) -> BoxFuture<'_, Offered<Case>> {
        async move {
            Ok(match fault {
                Fault::Throttling
                | Fault::Timeout
                | Fault::ConnectionReset
                | Fault::InvalidResponse => on_the_way(algorithm, fault),
                Fault::ServerRestart => restart(algorithm),
                Fault::OversizedBytes => return oversized(algorithm, moment),
                _ => at_the_key(algorithm, fault),
            })
        }
        .boxed()
    }
}

/// What is done to the key, by OpenBao's own tool.
fn at_the_key(algorithm: KeyAlgorithm, fault: Fault) -> Case {
    let bed = Arc::new(Bed::with(bed::server(), algorithm));
    let subject = bed.subject();
    let doing = |what: fn(&Bed)| {
        let bed = bed.clone();
        act(move || {
            what(&bed);
            async {}
        })
    };
    match fault {
        Fault::WrongKey => {
            let cause = doing(|bed| {
                bed.server.delete_key(bed::MOUNT, &bed.key).unwrap();
                bed.make_key();
            });
            Case::new(subject, Outcome::AnotherKey, cause)
        }
        Fault::MissingPermission => {
            let fails = Outcome::Fails(ErrorClass::CredentialsRefused, "TokenDenied");
            let cause = doing(|bed| bed.server.policy(&bed.policy, NOTHING).unwrap());
            let cure = doing(|bed| {
                bed.server.signing_policy(bed::MOUNT, &bed.key).unwrap();
            });
            Case::new(subject, fails, cause).cured_by(cure)
        }
        Fault::DisabledKey => {
            let fails = Outcome::Fails(ErrorClass::KeyUnusable, "VersionDisabled");
            let cause = doing(|bed| {
                bed.server.rotate_key(bed::MOUNT, &bed.key).unwrap();
                bed.configure(&json!({ "min_encryption_version": 2 }));
            });
            let cure = doing(|bed| bed.configure(&json!({ "min_encryption_version": 0 })));
            let subject = bed.subject_with(&json!({ "version": 1 }));
            Case::new(subject, fails, cause).cured_by(cure)
        }
        Fault::DeletedKey => {
            let fails = Outcome::Fails(ErrorClass::KeyNotFound, "KeyNotFound");
            let cause = doing(|bed| bed.server.delete_key(bed::MOUNT, &bed.key).unwrap());
            Case::new(subject, fails, cause)
        }
        other => unreachable!("{other:?} is prepared elsewhere"),
    }
}

/// What happens between Signet and the server.
fn on_the_way(algorithm: KeyAlgorithm, fault: Fault) -> Case {
    let (bed, proxy) = Bed::with(bed::server(), algorithm).proxied();
    let (class, message, on_the_way) = match fault {
        Fault::Throttling => (
            ErrorClass::Throttled(Some(Duration::from_secs(7))),
            "Throttled",
            proxy::Fault::too_many_requests(7),
        ),
        Fault::Timeout => (ErrorClass::Unreachable, "Timeout", proxy::Fault::Silence),
        Fault::ConnectionReset => (ErrorClass::Unreachable, "Closed", proxy::Fault::Reset),
        Fault::InvalidResponse => (
            ErrorClass::InvalidResponse,
            "InvalidResponse",
            proxy::Fault::not_json(),
        ),
        other => unreachable!("{other:?} is prepared elsewhere"),
    };
    let cause = on(&proxy, move |proxy| {
        proxy.add(Requests::All, on_the_way.clone());
    });
    let cure = on(&proxy, Proxy::clear);
    Case::new(bed.subject(), Outcome::Fails(class, message), cause).cured_by(cure)
}

fn on(proxy: &Arc<Proxy>, what: impl Fn(&Proxy) + Send + Sync + 'static) -> Act {
    let proxy = proxy.clone();
    act(move || {
        what(&proxy);
        async {}
    })
}

fn restart(algorithm: KeyAlgorithm) -> Case {
    let server = Arc::new(OpenBao::start().unwrap());
    server.enable_transit(bed::MOUNT).unwrap();
    let subject = Bed::with(server.clone(), algorithm).subject();
    let cause = act(move || {
        server.restart().unwrap();
        async {}
    });
    Case::new(subject, Outcome::Works, cause)
}

/// ECDSA and RSA sign a digest. Ed25519 signs the message, whose length is limited by Signet far
/// below what OpenBao takes as a request.
fn oversized(algorithm: KeyAlgorithm, moment: Moment) -> Offered<Case> {
    let nothing = act(|| async {});
    let is_ed25519 = algorithm == KeyAlgorithm::Ed25519;
    if is_ed25519 && moment == Moment::BeforeConnect {
        return Err("connecting signs nothing");
    }
    let subject = Bed::with(bed::server(), algorithm).subject();
    let (outcome, check) = match is_ed25519 {
        true => (
            Outcome::Fails(ErrorClass::KeyUnusable, "TooLong"),
            Look::Overlooks("nothing is wrong with the key"),
        ),
        false => (Outcome::Works, Look::Sees),
    };
    Ok(Case {
        bytes: 2 << 20,
        check,
        ..Case::new(subject, outcome, nothing)
    })
}
