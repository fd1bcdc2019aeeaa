//! The key in the token: found by its name, with its public half.

use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use signet_core::ca::CaCertificate;
use signet_core::x509::public_key::PublicKey;

use super::error::{Pkcs11Fault, only};
use super::public_key;
use crate::pkcs11::Pkcs11;

/// The label and id by which an object is found. At least one of them is set.
#[derive(Clone)]
pub(super) struct KeyName {
    /// CKA_LABEL.
    label: Option<Vec<u8>>,
    /// CKA_ID.
    id: Option<Vec<u8>>,
}

impl KeyName {
    pub(super) fn of(key: &Pkcs11) -> Result<Self, Pkcs11Fault> {
        let label = key.key_label.clone().map(String::into_bytes);
        let id = key.key_id.as_ref().map(hex::decode).transpose();
        match id {
            Ok(Some(id)) if id.is_empty() => Err(Pkcs11Fault::InvalidKeyName),
            Ok(id) if label.is_some() || id.is_some() => Ok(Self { label, id }),
            _ => Err(Pkcs11Fault::InvalidKeyName),
        }
    }
}

/// A key, as one session knows it.
pub(super) struct Key {
    pub(super) handle: ObjectHandle,
    pub(super) public_key: PublicKey,
}

/// Finds the private key that may sign, and its public half.
pub(super) fn find(session: &Session, name: &KeyName) -> Result<Key, Pkcs11Fault> {
    let handle = private_key(session, name)?;
    let spki = public_half(session, handle)?;
    let public_key = PublicKey::from_spki_der(&spki).map_err(Pkcs11Fault::UnsupportedKey)?;
    Ok(Key { handle, public_key })
}

fn private_key(session: &Session, name: &KeyName) -> Result<ObjectHandle, Pkcs11Fault> {
    let found = objects(session, ObjectClass::PRIVATE_KEY, name)?;
    if found.is_empty() {
        return Err(Pkcs11Fault::KeyNotFound);
    }
    let mut signing = Vec::new();
    for handle in found {
        // A token without the attribute is trusted; its signatures are verified.
        let sign = attribute(session, handle, AttributeType::Sign)?;
        signing.extend((sign != Some(Attribute::Sign(false))).then_some(handle));
    }
    let handle = only(
        signing,
        Pkcs11Fault::KeyCannotSign,
        Pkcs11Fault::SeveralKeys,
    )?;
    let requires_pin = attribute(session, handle, AttributeType::AlwaysAuthenticate)?;
    match requires_pin {
        Some(Attribute::AlwaysAuthenticate(true)) => Err(Pkcs11Fault::KeyRequiresPin),
        _ => Ok(handle),
    }
}

/// The public half: of the public key object with the same id or label, or else of the private key
/// object itself, or else of a certificate with the same id or label.
fn public_half(session: &Session, private: ObjectHandle) -> Result<Vec<u8>, Pkcs11Fault> {
    let name = KeyName {
        label: bytes(session, private, AttributeType::Label)?,
        id: bytes(session, private, AttributeType::Id)?,
    };
    let mut halves = Vec::new();
    for handle in related(session, ObjectClass::PUBLIC_KEY, &name)? {
        halves.extend(spki(session, handle)?);
    }
    if halves.is_empty() {
        halves.extend(spki(session, private)?);
    }
    if halves.is_empty() {
        for handle in related(session, ObjectClass::CERTIFICATE, &name)? {
            let value = bytes(session, handle, AttributeType::Value)?;
            let certificate = value.and_then(|der| CaCertificate::from_der(&der).ok());
            halves.extend(certificate.map(|read| read.public_key().spki_der().to_vec()));
        }
    }
    halves.sort_unstable();
    halves.dedup();
    only(
        halves,
        Pkcs11Fault::NoPublicKey,
        Pkcs11Fault::SeveralPublicKeys,
    )
}

/// The objects with the same id, or if there are none, with the same label.
fn related(
    session: &Session,
    class: ObjectClass,
    KeyName { label, id }: &KeyName,
) -> Result<Vec<ObjectHandle>, Pkcs11Fault> {
    for (label, id) in [(None, id.clone()), (label.clone(), None)] {
        if label.is_some() || id.is_some() {
            let found = objects(session, class, &KeyName { label, id })?;
            if !found.is_empty() {
                return Ok(found);
            }
        }
    }
    Ok(Vec::new())
}

/// The public half that is in an object's own attributes; none if they do not have it.
fn spki(session: &Session, object: ObjectHandle) -> Result<Option<Vec<u8>>, Pkcs11Fault> {
    type Encode = fn(&[u8], &[u8]) -> Option<Vec<u8>>;
    let (parts, encode): (_, Encode) = match attribute(session, object, AttributeType::KeyType)? {
        Some(Attribute::KeyType(KeyType::RSA)) => (
            [AttributeType::Modulus, AttributeType::PublicExponent],
            public_key::rsa,
        ),
        Some(Attribute::KeyType(KeyType::EC | KeyType::EC_EDWARDS)) => (
            [AttributeType::EcParams, AttributeType::EcPoint],
            public_key::ec,
        ),
        _ => return Ok(None),
    };
    let [first, second] = parts.map(|part| bytes(session, object, part));
    match first?
        .zip(second?)
        .and_then(|(one, two)| encode(&one, &two))
    {
        Some(spki) => Ok(Some(spki)),
        None => bytes(session, object, AttributeType::PublicKeyInfo),
    }
}

fn objects(
    session: &Session,
    class: ObjectClass,
    name: &KeyName,
) -> Result<Vec<ObjectHandle>, Pkcs11Fault> {
    let label = name.label.clone().map(Attribute::Label);
    let id = name.id.clone().map(Attribute::Id);
    let template: Vec<_> = [Some(Attribute::Class(class)), label, id]
        .into_iter()
        .flatten()
        .collect();
    Ok(session.find_objects(&template)?)
}

fn attribute(
    session: &Session,
    object: ObjectHandle,
    attribute: AttributeType,
) -> Result<Option<Attribute>, Pkcs11Fault> {
    Ok(session.get_attributes(object, &[attribute])?.pop())
}

/// The value of an attribute that is bytes; none if it is missing or empty.
fn bytes(
    session: &Session,
    object: ObjectHandle,
    name: AttributeType,
) -> Result<Option<Vec<u8>>, Pkcs11Fault> {
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
