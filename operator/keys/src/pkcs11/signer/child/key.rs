//! The key in the token: found by its name, with its public half.

use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use signet_core::ca::CaCertificate;
use signet_core::x509::public_key::PublicKey;

use super::public_key;
use crate::pkcs11::signer::error::{Pkcs11Fault, only};
use crate::pkcs11::signer::key_name::KeyName;

/// A key, as one session knows it.
pub(super) struct Key {
    pub(super) handle: ObjectHandle,
    /// The SubjectPublicKeyInfo of its public half. The operator checks it.
    pub(super) spki: Vec<u8>,
}

/// Finds the private key that may sign, and its public half.
pub(super) fn find(session: &Session, name: &KeyName) -> Result<Key, Pkcs11Fault> {
    let handle = private_key(session, name)?;
    let spki = public_half(session, handle)?;
    Ok(Key { handle, spki })
}

/// Keeps the key of a fingerprint, if it is among them. The others may be keys that Signet cannot
/// use.
fn select(session: &Session, keys: Vec<ObjectHandle>, fingerprint: &str) -> Vec<ObjectHandle> {
    let is_it = |key: &&ObjectHandle| {
        let spki = public_half(session, **key);
        let public_key = spki.map(|spki| PublicKey::from_spki_der(&spki));
        public_key.is_ok_and(|read| read.is_ok_and(|key| key.fingerprint() == fingerprint))
    };
    match keys.iter().find(is_it) {
        Some(own) => vec![*own],
        None => keys,
    }
}

fn private_key(session: &Session, name: &KeyName) -> Result<ObjectHandle, Pkcs11Fault> {
    let label = name.label.clone().map(String::into_bytes);
    let id = name.id.clone().map(Attribute::Id);
    let attributes: Vec<_> = label.map(Attribute::Label).into_iter().chain(id).collect();
    let found = objects(session, ObjectClass::PRIVATE_KEY, &attributes)?;
    let found = found.ok_or(Pkcs11Fault::SeveralKeys)?;
    if found.is_empty() {
        return Err(Pkcs11Fault::KeyNotFound);
    }
    let mut signing = Vec::new();
    for handle in found {
        // A token without the attribute is trusted; its signatures are verified.
        let sign = attribute(session, handle, AttributeType::Sign)?;
        signing.extend((sign != Some(Attribute::Sign(false))).then_some(handle));
    }
    if let Some(fingerprint) = name.fingerprint.as_deref().filter(|_| signing.len() > 1) {
        signing = select(session, signing, fingerprint);
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
    let mut halves = Vec::new();
    for handle in related(session, ObjectClass::PUBLIC_KEY, private)? {
        halves.extend(spki(session, handle)?);
    }
    if halves.is_empty() {
        halves.extend(spki(session, private)?);
    }
    if halves.is_empty() {
        for handle in related(session, ObjectClass::CERTIFICATE, private)? {
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

/// The objects with the id of a private key, or if there are none, with its label.
fn related(
    session: &Session,
    class: ObjectClass,
    private: ObjectHandle,
) -> Result<Vec<ObjectHandle>, Pkcs11Fault> {
    let id = bytes(session, private, AttributeType::Id)?.map(Attribute::Id);
    let label = bytes(session, private, AttributeType::Label)?.map(Attribute::Label);
    for name in [id, label].into_iter().flatten() {
        let found = objects(session, class, &[name])?;
        let found = found.ok_or(Pkcs11Fault::SeveralPublicKeys)?;
        if !found.is_empty() {
            return Ok(found);
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

/// The most objects with one name that are looked at. Each takes several calls to the HSM, and who
/// may create objects could have all sessions wait for them.
const MAX_OBJECTS: usize = 64;

/// The objects with this name; none if there are too many.
fn objects(
    session: &Session,
    class: ObjectClass,
    name: &[Attribute],
) -> Result<Option<Vec<ObjectHandle>>, Pkcs11Fault> {
    let template = [&[Attribute::Class(class)], name].concat();
    let found = session.iter_objects(&template)?.take(MAX_OBJECTS + 1);
    let found: Vec<_> = found.collect::<Result<_, _>>()?;
    Ok(Some(found).filter(|found| found.len() <= MAX_OBJECTS))
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
