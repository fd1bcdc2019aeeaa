//! What the suite asks of a backend: keys to test on, and faults.
//!
//! A rig sets everything up with the backend's own tools (`bao`, `softhsm2-util`, `openssl`), never
//! with Signet's code. All of it runs on threads that belong to the trials, so that it may block.
#![allow(dead_code, reason = "a build with few features has few backends")]

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use signet_core::x509::algorithm::KeyAlgorithm;
use signet_keys::{Access, Connected, ErrorClass, KeyConfig, KeyError, KeyPin, RsaHash};

use crate::wiretap;

/// What a backend has; or why it has none, which then stands in the table at the end.
pub(crate) type Offered<T> = Result<T, &'static str>;

/// A backend under test, with its servers.
///
/// A rig is started once a run, when the first trial needs it, and dropped at the end.
pub(crate) trait Rig: Send + Sync + 'static {
    /// A key of this algorithm, made with the backend's own tools. It is asked for once a run and
    /// algorithm; all checks of that algorithm share the key, and run at the same time.
    fn key(&self, algorithm: KeyAlgorithm) -> BoxFuture<'_, Offered<Subject>>;

    /// A fault that comes up at this moment, prepared on a fresh key of this algorithm; or why it
    /// does not apply.
    ///
    /// Faults run at the same time as other faults and checks: what happens to a whole server
    /// happens to one of this fault's own, or to a proxy of its own in front of it.
    fn fault(
        &self,
        algorithm: KeyAlgorithm,
        fault: Fault,
        moment: Moment,
    ) -> BoxFuture<'_, Offered<Case>>;
}

/// A key under test.
#[derive(Clone)]
pub(crate) struct Subject {
    /// Backend and key, for the report of a failed check.
    pub(crate) name: String,
    pub(crate) config: KeyConfig,
    pub(crate) access: Access,
    pub(crate) algorithm: KeyAlgorithm,
    /// The SubjectPublicKeyInfo, as the backend's own tool or OpenSSL returns it.
    pub(crate) spki_der: Vec<u8>,
    /// What must not be shown: tokens, PINs, private keys in PEM, of at least 6 characters each.
    /// Of what has several lines, no line may be shown.
    pub(crate) secrets: Vec<String>,
    /// What must live as long as the key: servers, proxies, temporary folders.
    pub(crate) keep: Option<Arc<dyn Any + Send + Sync>>,
}

impl Subject {
    /// Connects as at first, and as the operator does it. What comes out is wiretapped.
    pub(crate) async fn connect(&self) -> Result<Connected, KeyError> {
        self.connect_knowing(&KeyPin::default()).await
    }

    /// Connects with what is known from before.
    pub(crate) async fn connect_knowing(&self, known: &KeyPin) -> Result<Connected, KeyError> {
        wiretap::search_for(&self.secrets);
        let backend = self.config.backend();
        wiretap::show(&(&self.config, &self.access));
        wiretap::show(&(backend.reference(), backend.spec_hint()));
        let connected = self.config.connect(&self.access, known).await;
        wiretap::show(&connected);
        connected
    }

    /// Connects to what must be there.
    pub(crate) async fn connected(&self) -> Connected {
        let mut connected = self.connect().await;
        for _ in 0..MAX_TIMEOUTS {
            match &connected {
                Err(error) if error.class == ErrorClass::Unreachable => {}
                _ => break,
            }
            connected = self.connect().await;
        }
        connected.unwrap_or_else(|error| panic!("{}: {:?}: {error}", self.name, error.class))
    }

    /// The same key with `rsaHash` in its configuration.
    pub(crate) fn with_rsa_hash(&self, hash: RsaHash) -> Self {
        let config = KeyConfig {
            rsa_hash: hash,
            ..self.config.clone()
        };
        Self {
            name: format!("{} {hash:?}", self.name),
            config,
            ..self.clone()
        }
    }
}

/// How often a call is repeated that had no response.
pub(crate) const MAX_TIMEOUTS: usize = 5;

/// Repeats a call that had no response: with other work on the machine, a server may be slower
/// than a client waits, which does not show what it would have responded.
pub(crate) async fn responded<T>(
    call: impl AsyncFn() -> Result<T, KeyError>,
) -> Result<T, KeyError> {
    for _ in 0..MAX_TIMEOUTS {
        match call().await {
            Err(error) if error.class == ErrorClass::Unreachable => {}
            response => return response,
        }
    }
    call().await
}

/// What may go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// Another key stands where the key was.
    WrongKey,
    /// The credentials are good, and lack the permission.
    MissingPermission,
    /// The key is disabled, or of a kind that does not sign.
    DisabledKey,
    /// The key is gone.
    DeletedKey,
    /// The backend is rate limiting.
    Throttling,
    /// The backend accepts the request and never responds.
    Timeout,
    /// The connection breaks in the middle.
    ConnectionReset,
    /// The backend is restarted. Works again afterwards, without anyone's help.
    ServerRestart,
    /// The response is invalid, or a signature of another key.
    InvalidResponse,
    /// More bytes are signed than the backend takes.
    OversizedBytes,
}

impl Fault {
    pub(crate) const ALL: [Self; 10] = [
        Self::WrongKey,
        Self::MissingPermission,
        Self::DisabledKey,
        Self::DeletedKey,
        Self::Throttling,
        Self::Timeout,
        Self::ConnectionReset,
        Self::ServerRestart,
        Self::InvalidResponse,
        Self::OversizedBytes,
    ];
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WrongKey => "wrong key",
            Self::MissingPermission => "missing permission",
            Self::DisabledKey => "disabled key",
            Self::DeletedKey => "deleted key",
            Self::Throttling => "throttling",
            Self::Timeout => "timeout",
            Self::ConnectionReset => "connection reset",
            Self::ServerRestart => "server restart",
            Self::InvalidResponse => "invalid response",
            Self::OversizedBytes => "oversized to-be-signed bytes",
        })
    }
}

/// When a fault comes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Moment {
    /// Before the key is connected to.
    BeforeConnect,
    /// When the key is connected and has signed once.
    Connected,
}

impl Moment {
    pub(crate) const ALL: [Self; 2] = [Self::BeforeConnect, Self::Connected];
}

/// Something that a rig does to its servers.
pub(crate) type Act = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// An act of an asynchronous closure. What it works on is cloned into each future:
///
/// ```ignore
/// let proxy = proxy.clone(); // an Arc
/// act(move || { let proxy = proxy.clone(); async move { proxy.hang(true) } })
/// ```
pub(crate) fn act<F, A>(closure: F) -> Act
where
    F: Fn() -> A + Send + Sync + 'static,
    A: Future<Output = ()> + Send + 'static,
{
    Arc::new(move || closure().boxed())
}

/// A fault that is prepared.
///
/// `BeforeConnect`: the cause acts, [`Case::outcome`] is expected of `connect`, the cure acts, and
/// the key connects and signs.
///
/// `Connected`: the key connects and signs, the cause acts, [`Case::outcome`] is expected of
/// `sign`, then of `check` ([`Case::check`]), the cure acts, and the signer signs again, or asks to
/// be connected again and then signs.
pub(crate) struct Case {
    pub(crate) subject: Subject,
    /// Brings the fault about, completely: when it is done, the next call feels it.
    pub(crate) cause: Act,
    /// Removes the fault; none if it is permanent (a deleted key).
    pub(crate) cure: Option<Act>,
    pub(crate) outcome: Outcome,
    pub(crate) check: Look,
    /// Signed are so many bytes at least.
    pub(crate) bytes: usize,
}

impl Case {
    /// A fault without a cure that `check` sees as well, on a certificate of the usual size.
    pub(crate) fn new(subject: Subject, outcome: Outcome, cause: Act) -> Self {
        Self {
            subject,
            cause,
            cure: None,
            outcome,
            check: Look::Sees,
            bytes: 0,
        }
    }

    /// The same with a cure.
    pub(crate) fn cured_by(self, cure: Act) -> Self {
        Self {
            cure: Some(cure),
            ..self
        }
    }
}

/// What is to be seen of a fault.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// The call fails with exactly this class (with the delay, where the server gave one), and a
    /// code. (PKCS#11's errors have no codes, and a message that contains this.) Without a cure, a
    /// second call fails the same way.
    Fails(ErrorClass, &'static str),
    /// `connect` gives another public key than the subject's, which the operator holds against the
    /// CA certificate. What was connected before signs for the old key or fails as `KeyUnusable`
    /// or `InvalidResponse`; it never gives a signature that is not the old key's.
    AnotherKey,
    /// Works, after one `Unreachable` at most.
    Works,
}

/// Whether a check of a connected signer sees a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// It comes to [`Case::outcome`] as well: itself, or it cannot decide, and connecting again does.
    Sees,
    /// It comes to this in the same way, while the outcome of signing is another.
    Finds(ErrorClass, &'static str),
    /// It gives `Same`, for this reason, which stands in the table.
    Overlooks(&'static str),
}
