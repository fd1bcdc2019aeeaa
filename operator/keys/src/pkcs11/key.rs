//! The key in the token: found by its name, with its public half.

use std::fmt;

use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use signet_core::ca::CaCertificate;
use signet_core::x509::public_key::PublicKey;

use super::error::Pkcs11Error;
use super::fault::Fault;
use super::public_key;

/// The label and id by which a key is found. At least one of them is set.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyName {
    /// CKA_LABEL.
    pub label: Option<String>,
    /// CKA_ID.
    pub id: Option<Vec<u8>>,
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(label) = &self.label {
            write!(f, "with the label {label:?}")?;
        }
        let Some(id) = &self.id else { return Ok(()) };
        f.write_str(match self.label {
            Some(_) => " and the id ",
            None => "with the id ",
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

fn private_key(session: &Session, name: &KeyName) -> Result<ObjectHandle, Fault> {
    let found = objects(session, ObjectClass::PRIVATE_KEY, name)?;
    if found.is_empty() {
        return Err(Pkcs11Error::KeyNotFound(name.clone()).into());
    }
    let mut signing = Vec::new();
    for handle in found {
        // A token that does not say is believed; its signatures are verified.
        if flag(session, handle, AttributeType::Sign)? != Some(false) {
            signing.push(handle);
        }
    }
    let handle = match signing[..] {
        [handle] => handle,
        [] => return Err(Pkcs11Error::KeyCannotSign(name.clone()).into()),
        _ => return Err(Pkcs11Error::SeveralKeys(name.clone()).into()),
    };
    if flag(session, handle, AttributeType::AlwaysAuthenticate)? == Some(true) {
        return Err(Pkcs11Error::KeyRequiresPin(name.clone()).into());
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
    let half = match &halves[..] {
        [half] => half,
        [] => return Err(Pkcs11Error::NoPublicKey(name.clone()).into()),
        _ => return Err(Pkcs11Error::SeveralPublicKeys(name.clone()).into()),
    };
    PublicKey::from_spki_der(half).map_err(|error| {
        let key = name.clone();
        Pkcs11Error::UnsupportedKey { key, error }.into()
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
