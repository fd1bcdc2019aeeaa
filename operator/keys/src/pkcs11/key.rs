//! The key in the token: found by its name, with its public half.

use std::fmt;

use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use signet_core::ca::CaCertificate;
use signet_core::x509::public_key::PublicKey;

use super::fault::Fault;
use super::public_key;
use crate::error::ErrorClass;

/// By what a key is found. At least one of both is there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct KeyName {
    pub(super) label: Option<String>,
    pub(super) id: Option<Vec<u8>>,
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(label) = &self.label {
            write!(f, "labelled {label:?}")?;
        }
        let Some(id) = &self.id else { return Ok(()) };
        f.write_str(if self.label.is_some() {
            " with the id "
        } else {
            "with the id "
        })?;
        id.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A key, as one session knows it.
pub(super) struct Key {
    pub(super) handle: ObjectHandle,
    pub(super) public_key: PublicKey,
}

/// Finds the private key that may sign, and its public half.
pub(super) fn find(session: &Session, name: &KeyName) -> Result<Key, Fault> {
    let handle = private_key(session, name)?;
    let public_key = public_half(session, name, handle)?;
    Ok(Key { handle, public_key })
}

fn unusable(name: &KeyName, rest: &str) -> Fault {
    Fault::new(
        ErrorClass::KeyUnusable,
        format!("the private key {name} {rest}"),
    )
}

fn private_key(session: &Session, name: &KeyName) -> Result<ObjectHandle, Fault> {
    let found = objects(session, ObjectClass::PRIVATE_KEY, name)?;
    if found.is_empty() {
        let sentence = format!(
            "the token has no private key {name} that its user sees; make it there, or write the \
             label and id as the token has them"
        );
        return Err(Fault::new(ErrorClass::KeyNotFound, sentence));
    }
    let mut signing = Vec::new();
    for handle in found {
        // A token that does not say is believed; its signatures are verified.
        if flag(session, handle, AttributeType::Sign)? != Some(false) {
            signing.push(handle);
        }
    }
    let [handle] = signing[..] else {
        return Err(if signing.is_empty() {
            unusable(name, "may not sign (CKA_SIGN is false); use a key that may")
        } else {
            let rest = "is there more than once; name it by keyId too, or by another keyId, or \
                        delete what is not meant";
            unusable(name, rest)
        });
    };
    if flag(session, handle, AttributeType::AlwaysAuthenticate)? == Some(true) {
        let rest = "wants the PIN again for each signature (CKA_ALWAYS_AUTHENTICATE), which \
                    Signet does not do; use a key without that";
        return Err(unusable(name, rest));
    }
    Ok(handle)
}

/// The public half: of the public key object of the same id or label, or else of the private key
/// object itself, or else of a certificate beside them.
fn public_half(
    session: &Session,
    name: &KeyName,
    private: ObjectHandle,
) -> Result<PublicKey, Fault> {
    let of_private = KeyName {
        label: bytes(session, private, AttributeType::Label)?
            .and_then(|label| String::from_utf8(label).ok()),
        id: bytes(session, private, AttributeType::Id)?,
    };
    let mut halves = Vec::new();
    for handle in beside(session, ObjectClass::PUBLIC_KEY, &of_private)? {
        halves.extend(spki(session, handle)?);
    }
    if halves.is_empty() {
        halves.extend(spki(session, private)?);
    }
    if halves.is_empty() {
        for handle in beside(session, ObjectClass::CERTIFICATE, &of_private)? {
            let value = bytes(session, handle, AttributeType::Value)?;
            let certificate = value.and_then(|der| CaCertificate::from_der(&der).ok());
            halves.extend(certificate.map(|read| read.public_key().spki_der().to_vec()));
        }
    }
    halves.sort_unstable();
    halves.dedup();
    let [half] = &halves[..] else {
        return Err(unusable(
            name,
            if halves.is_empty() {
                "has no public half that Signet can read (ECDSA on P-256, P-384 or P-521 by name, \
                 RSA, Ed25519); put the public key or the CA's certificate beside it, with the \
                 same CKA_ID"
            } else {
                "has several public keys of its CKA_ID or label beside it; delete all but its own"
            },
        ));
    };
    PublicKey::from_spki_der(half).map_err(|error| {
        let rest = format!("is one that Signet does not use: {error}");
        unusable(name, &rest)
    })
}

/// The objects that belong to the private key of this name: those of the same id, or where there
/// are none, those of the same label.
fn beside(
    session: &Session,
    class: ObjectClass,
    private: &KeyName,
) -> Result<Vec<ObjectHandle>, Fault> {
    let by_id = KeyName {
        label: None,
        id: private.id.clone(),
    };
    let by_label = KeyName {
        label: private.label.clone(),
        id: None,
    };
    for name in [by_id, by_label] {
        if name.id.is_some() || name.label.is_some() {
            let found = objects(session, class, &name)?;
            if !found.is_empty() {
                return Ok(found);
            }
        }
    }
    Ok(Vec::new())
}

/// The public half that an object's own attributes say; none if they do not.
fn spki(session: &Session, object: ObjectHandle) -> Result<Option<Vec<u8>>, Fault> {
    let read = |attribute| bytes(session, object, attribute);
    let from_parts = match key_type(session, object)? {
        Some(KeyType::RSA) => {
            let modulus = read(AttributeType::Modulus)?;
            let exponent = read(AttributeType::PublicExponent)?;
            both(modulus, exponent).and_then(|(n, e)| public_key::rsa(&n, &e))
        }
        Some(KeyType::EC) => both(
            read(AttributeType::EcParams)?,
            read(AttributeType::EcPoint)?,
        )
        .and_then(|(params, point)| public_key::ec(&params, &point)),
        Some(KeyType::EC_EDWARDS) => both(
            read(AttributeType::EcParams)?,
            read(AttributeType::EcPoint)?,
        )
        .and_then(|(params, point)| public_key::edwards(&params, &point)),
        _ => return Ok(None),
    };
    match from_parts {
        Some(spki) => Ok(Some(spki)),
        None => read(AttributeType::PublicKeyInfo),
    }
}

fn both<T>(one: Option<T>, other: Option<T>) -> Option<(T, T)> {
    Some((one?, other?))
}

fn objects(
    session: &Session,
    class: ObjectClass,
    name: &KeyName,
) -> Result<Vec<ObjectHandle>, Fault> {
    let mut template = vec![Attribute::Class(class)];
    let label = name.label.as_ref();
    template.extend(label.map(|label| Attribute::Label(label.clone().into_bytes())));
    template.extend(name.id.clone().map(Attribute::Id));
    Ok(session.find_objects(&template)?)
}

fn attribute(
    session: &Session,
    object: ObjectHandle,
    attribute: AttributeType,
) -> Result<Option<Attribute>, Fault> {
    Ok(session.get_attributes(object, &[attribute])?.pop())
}

fn key_type(session: &Session, object: ObjectHandle) -> Result<Option<KeyType>, Fault> {
    let found = attribute(session, object, AttributeType::KeyType)?;
    Ok(found.and_then(|found| match found {
        Attribute::KeyType(key_type) => Some(key_type),
        _ => None,
    }))
}

fn flag(
    session: &Session,
    object: ObjectHandle,
    name: AttributeType,
) -> Result<Option<bool>, Fault> {
    Ok(match attribute(session, object, name)? {
        Some(Attribute::Sign(value) | Attribute::AlwaysAuthenticate(value)) => Some(value),
        _ => None,
    })
}

/// The value of an attribute that is bytes; none if it is missing or empty.
fn bytes(
    session: &Session,
    object: ObjectHandle,
    name: AttributeType,
) -> Result<Option<Vec<u8>>, Fault> {
    let value = match attribute(session, object, name)? {
        Some(
            Attribute::EcParams(value)
            | Attribute::EcPoint(value)
            | Attribute::Id(value)
            | Attribute::Label(value)
            | Attribute::Modulus(value)
            | Attribute::PublicExponent(value)
            | Attribute::PublicKeyInfo(value)
            | Attribute::Value(value),
        ) => Some(value),
        _ => None,
    };
    Ok(value.filter(|value| !value.is_empty()))
}
