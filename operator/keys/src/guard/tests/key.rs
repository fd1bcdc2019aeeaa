//! A key that does as it is told, and a guard around it.

use std::collections::VecDeque;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use signet_core::template::SelfSigned;

use super::super::*;
use crate::RsaHash;

/// What the key does when it is asked.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Answers,
    Fails(KeyError),
    Hangs,
}

/// An error of a class.
pub(super) fn error(class: ErrorClass) -> KeyError {
    KeyError::new(class, "as the script says")
}

/// Answers by its script first, and always the same after that.
#[derive(Debug)]
pub(super) struct ScriptedKey {
    public_key: PublicKey,
    script: Mutex<VecDeque<Answer>>,
    always: Mutex<Answer>,
    check: Mutex<Answer>,
    calls: Mutex<Vec<Instant>>,
    checks: Mutex<Vec<Instant>>,
}

impl ScriptedKey {
    fn new() -> Self {
        let pair = Ed25519KeyPair::generate().unwrap();
        let spki: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        Self {
            public_key: PublicKey::from_spki_der(spki.as_ref()).unwrap(),
            script: Mutex::default(),
            always: Mutex::new(Answer::Answers),
            check: Mutex::new(Answer::Answers),
            calls: Mutex::default(),
            checks: Mutex::default(),
        }
    }

    /// What the next signatures come to.
    pub(super) fn script(&self, answers: Vec<Answer>) {
        self.script.lock().unwrap().extend(answers);
    }

    /// What signatures come to that no script is for.
    pub(super) fn always(&self, answer: Answer) {
        *self.always.lock().unwrap() = answer;
    }

    /// What checks come to.
    pub(super) fn check_is(&self, answer: Answer) {
        *self.check.lock().unwrap() = answer;
    }

    /// When it was asked to sign.
    pub(super) fn calls(&self) -> Vec<Instant> {
        self.calls.lock().unwrap().clone()
    }

    /// When it was asked how it is.
    pub(super) fn checks(&self) -> Vec<Instant> {
        self.checks.lock().unwrap().clone()
    }

    /// The time between one call and the next.
    pub(super) fn waits(&self) -> Vec<Duration> {
        let calls = self.calls();
        calls.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }
}

impl Answer {
    async fn with<T>(self, answer: T) -> Result<T, KeyError> {
        match self {
            Self::Answers => Ok(answer),
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

    fn sign<'a>(&'a self, _tbs: &'a ToBeSigned) -> BoxFuture<'a, Result<Signature, KeyError>> {
        self.calls.lock().unwrap().push(Instant::now());
        let scripted = self.script.lock().unwrap().pop_front();
        let answer = scripted.unwrap_or_else(|| self.always.lock().unwrap().clone());
        answer.with(Signature::new(b"signed".to_vec())).boxed()
    }

    fn check(&self) -> BoxFuture<'_, Result<Checked, KeyError>> {
        self.checks.lock().unwrap().push(Instant::now());
        let answer = self.check.lock().unwrap().clone();
        let notices = vec!["well".to_owned()];
        answer.with(Checked::Same { notices }).boxed()
    }
}

/// A guard and what is in it.
pub(super) struct Bed {
    pub(super) key: Arc<ScriptedKey>,
    pub(super) breaker: Arc<Breaker>,
    pub(super) guard: Arc<Guard>,
    tbs: ToBeSigned,
}

impl Bed {
    pub(super) fn new() -> Self {
        Self::with(Limits {
            per_second: None,
            at_once: 8,
        })
    }

    pub(super) fn with(limits: Limits) -> Self {
        let key = Arc::new(ScriptedKey::new());
        let breaker = Arc::new(Breaker::new(Box::new(|_| {})));
        let gate = Gates::default().gate("", "key", limits);
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
            guard: Arc::new(Guard::new(key.clone(), gate, breaker.clone())),
            key,
            breaker,
            tbs: tbs.unwrap(),
        }
    }

    pub(super) async fn sign(&self) -> Result<Signature, KeyError> {
        self.guard.sign(&self.tbs).await
    }

    /// Waits for a turn and signs, as the operator does.
    pub(super) async fn issue(&self, tenant: &str) -> Result<Signature, KeyError> {
        let _turn = self.guard.turn(tenant).await?;
        self.sign().await
    }
}
