//! Connecting to a key in KMS.

use std::sync::Arc;

use super::AwsKms;
use super::key::Resolved;
use super::session::Session;
use super::signer::KmsSigner;
use crate::backend::Connected;
use crate::error::KeyError;
use crate::reach::{Known, Reach};

/// Finds the key, checks that it can sign, and learns its public half.
pub(super) async fn connect(
    config: &AwsKms,
    reach: &Reach,
    known: &Known,
) -> Result<Connected, KeyError> {
    let session = Session::open(config, reach).await?;
    let key = Resolved::find(&session, &config.key_id, known.pin.as_deref()).await?;
    key.usable()?;
    let public_key = key.public_key(&session).await?;
    let algorithm = config.rsa_hash.algorithm_for(public_key.algorithm());
    key.signs(algorithm)?;
    let (pin, notices) = (Some(key.arn.clone()), key.notices);
    let signer = KmsSigner::new(config, reach, (key.arn, public_key, algorithm), session);
    Ok(Connected {
        pin,
        notices,
        ..Connected::to(Arc::new(signer))
    })
}
