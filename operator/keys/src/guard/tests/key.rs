//! A key that does as it is told, and a guard around it.

use std::collections::VecDeque;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use signet_core::issue::{CertificateToSign, SelfSigned, ToBeSigned};

use super::super::*;
use crate::RsaHash;
use crate::backend::Checked;

/// What the key does when it is asked.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Answers,
    /// With a signature over something else.
    SignsOther,
    Fails(KeyError),
    Hangs,
}

/// An error of a class.
pub(super) fn error(class: ErrorClass) -> KeyError {
    KeyError::new(class, "as the script says")
}

/// Answers by its script first, and always the same after that.
pub(super) struct ScriptedKey {
    pair: Ed25519KeyPair,
    public_key: PublicKey,
    script: Mutex<VecDeque<Answer>>,
    always: Mutex<Answer>,
    trial: Mutex<Answer>,
    calls: Mutex<Vec<Instant>>,
    trials: Mutex<Vec<Instant>>,
}

impl ScriptedKey {
    fn new() -> Self {
        let pair = Ed25519KeyPair::generate().unwrap();
        let spki: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        Self {
            public_key: PublicKey::from_spki_der(spki.as_ref()).unwrap(),
            pair,
            script: Mutex::default(),
            always: Mutex::new(Answer::Answers),
            trial: Mutex::new(Answer::Answers),
            calls: Mutex::default(),
            trials: Mutex::default(),
        }
    }

    /// What the next signatures come to.
    pub(super) fn script(&self, answers: Vec<Answer>) {
        self.script.lock().extend(answers);
    }

    /// What signatures come to that no script is for.
    pub(super) fn always(&self, answer: Answer) {
        *self.always.lock() = answer;
    }

    /// What trials come to.
    pub(super) fn trial_is(&self, answer: Answer) {
        *self.trial.lock() = answer;
    }

    /// When it was asked to sign a certificate.
    pub(super) fn calls(&self) -> Vec<Instant> {
        self.calls.lock().clone()
    }

    /// When it was tried.
    pub(super) fn trials(&self) -> Vec<Instant> {
        self.trials.lock().clone()
    }

    fn is_trial(&self, tbs: &ToBeSigned) -> bool {
        let self_test = ToBeSigned::self_test(&self.public_key, self.algorithm());
        self_test.der() == tbs.der()
    }

    fn next(&self) -> Answer {
        self.calls.lock().push(Instant::now());
        let scripted = self.script.lock().pop_front();
        scripted.unwrap_or_else(|| self.always.lock().clone())
    }

    /// The time between one call and the next.
    pub(super) fn waits(&self) -> Vec<Duration> {
        let calls = self.calls();
        calls.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }
}

impl Answer {
    async fn over(self, message: &[u8], pair: &Ed25519KeyPair) -> Result<Signature, KeyError> {
        let signed = |message| Signature::new(pair.sign(message).as_ref().to_vec());
        match self {
            Self::Answers => Ok(signed(message)),
            Self::SignsOther => Ok(signed(b"something else")),
            Self::Fails(error) => Err(error),
            Self::Hangs => std::future::pending().await,
        }
    }
}

impl Signer for ScriptedKey {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        RsaHash::default().algorithm_for(self.public_key.algorithm())
    }

    fn sign<'a>(&'a self, tbs: &'a ToBeSigned) -> BoxFuture<'a, Result<Signature, KeyError>> {
        let answer = match self.is_trial(tbs) {
            true => {
                self.trials.lock().push(Instant::now());
                self.trial.lock().clone()
            }
            false => self.next(),
        };
        answer.over(tbs.der(), &self.pair).boxed()
    }

    fn check(&self) -> BoxFuture<'_, Result<Checked, KeyError>> {
        panic!("a guard does not look at keys")
    }
}

impl fmt::Debug for ScriptedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ScriptedKey")
    }
}

/// A guard and what is in it.
pub(super) struct Bed {
    pub(super) key: Arc<ScriptedKey>,
    pub(super) breaker: Arc<Breaker>,
    pub(super) guard: Arc<GuardedSigner>,
    tbs: CertificateToSign,
}

impl Bed {
    pub(super) fn new() -> Self {
        Self::with(Limits {
            per_second: None,
            max_in_flight: 8,
            per_tenant: None,
        })
    }

    pub(super) fn with(limits: Limits) -> Self {
        let key = Arc::new(ScriptedKey::new());
        let breaker = Arc::new(Breaker::new(Box::new(|_| {})));
        let limiter = KeyLimiters::default().limiter("", "key", limits);
        let root = SelfSigned {
            uid: "uid".to_owned(),
            subject: "CN=Root".parse().unwrap(),
            duration: Duration::from_secs(3600),
            path_length: None,
            trust_domain: None,
        };
        let now = Timestamp::constant(1_780_272_000, 0);
        let tbs = root.to_be_signed(key.public_key(), key.algorithm(), now);
        Self {
            guard: Arc::new(GuardedSigner::new(key.clone(), limiter, breaker.clone())),
            key,
            breaker,
            tbs: tbs.unwrap(),
        }
    }

    pub(super) async fn sign(&self) -> Result<Signature, KeyError> {
        self.guard.sign(&self.tbs).await
    }

    /// A probe, as the operator makes it.
    pub(super) async fn probe(&self) -> Result<(), KeyError> {
        self.breaker.probe(self_test(&*self.key)).await
    }

    /// Waits for a turn and signs, as the operator does.
    pub(super) async fn issue(&self, tenant: &str) -> Result<Signature, KeyError> {
        let _permit = self.guard.permit(tenant).await?;
        self.sign().await
    }
}
