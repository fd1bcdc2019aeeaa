//! Connecting to a key in KMS.

use std::sync::Arc;

use super::AwsKms;
use super::calls::Calls;
use super::key::Resolved;
use super::session::Session;
use super::signer::KmsSigner;
use crate::access::{Access, KeyPin};
use crate::backend::Connected;
use crate::error::KeyError;

/// Finds the key, checks that it can sign, and learns its public half.
pub(super) async fn connect(
    config: &AwsKms,
    access: &Access,
    known: &KeyPin,
) -> Result<Connected, KeyError> {
    let calls = Calls::new(config, access).await?;
    let pin = known.pin.as_deref();
    let find =
        |session: Arc<Session>| async move { Resolved::find(&session, &config.key_id, pin).await };
    let key = calls.call(find).await?;
    key.usable()?;
    let read = |session: Arc<Session>| {
        let key = &key;
        async move { key.public_key(&session).await }
    };
    let public_key = calls.call(read).await?;
    let algorithm = config.rsa_hash.algorithm_for(public_key.algorithm());
    key.signs(algorithm)?;
    let (pin, notices) = (Some(key.arn.clone()), key.notices);
    let signer = KmsSigner::new(&config.key_id, (key.arn, public_key, algorithm), calls);
    Ok(Connected {
        pin,
        notices,
        ..Connected::to(Arc::new(signer))
    })
}
