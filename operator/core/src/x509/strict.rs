//! Strict DER beyond single types: nothing left over, sets in order, nothing too deep.

use const_oid::ObjectIdentifier;
use der::asn1::AnyRef;
use der::{Decode, Error, ErrorKind, Reader, SliceReader, Tag, Tagged};

/// How deep a value that is carried unread may nest. OpenSSL refuses what is deeper than 30, and
/// a certificate holds such a value about eight levels down.
const MAX_DEPTH: usize = 16;

/// Returns the content of the one SEQUENCE that `bytes` must be.
pub(crate) fn sequence(bytes: &[u8]) -> Result<&[u8], Error> {
    content(bytes, Tag::Sequence)
}

/// Returns the content of the one value with this tag that `bytes` must be.
pub(crate) fn content(bytes: &[u8], tag: Tag) -> Result<&[u8], Error> {
    let any = AnyRef::from_der(bytes)?;
    any.tag().assert_eq(tag)?;
    Ok(any.value())
}

/// Returns the one OBJECT IDENTIFIER that `bytes` must be; of at most 39 bytes, which all in use
/// are, and with no number longer than it need be (X.690 section 8.19.2).
pub(crate) fn oid(bytes: &[u8]) -> Result<ObjectIdentifier, Error> {
    let oid = ObjectIdentifier::from_der(bytes)?;
    // A number begins where the one before ended, which is at a byte without the highest bit.
    let mut before = 0;
    for byte in oid.as_bytes() {
        if before & 0x80 == 0 && *byte == 0x80 {
            return Err(Tag::ObjectIdentifier.non_canonical_error().into());
        }
        before = *byte;
    }
    Ok(oid)
}

/// Returns the elements of a SEQUENCE OF or SET OF, each with its tag and length, from its content.
pub(crate) fn elements(content: &[u8]) -> Result<Vec<&[u8]>, Error> {
    let mut reader = SliceReader::new(content)?;
    let mut elements = Vec::new();
    while !reader.is_finished() {
        elements.push(reader.tlv_bytes()?);
    }
    Ok(elements)
}

/// Returns the elements of a SET OF, which DER wants sorted (X.690 section 11.6). Equal elements
/// may follow each other: Go writes a subject with the same organization twice like that.
pub(crate) fn set_elements(content: &[u8]) -> Result<Vec<&[u8]>, Error> {
    let elements = elements(content)?;
    // X.690 pads the shorter one with zeros, but no element is the beginning of another.
    if elements.is_sorted() {
        Ok(elements)
    } else {
        Err(ErrorKind::SetOrdering.into())
    }
}

/// Checks that `bytes` is a run of well-formed values down to every primitive one.
pub(crate) fn check_well_formed(bytes: &[u8]) -> Result<(), Error> {
    // A list of what is still to be read instead of recursion: the input decides the depth.
    let mut pending = vec![(bytes, 0)];
    while let Some((content, depth)) = pending.pop() {
        let mut reader = SliceReader::new(content)?;
        while !reader.is_finished() {
            let value: AnyRef<'_> = reader.decode()?;
            if !value.tag().is_constructed() {
                continue;
            }
            if depth == MAX_DEPTH {
                return Err(ErrorKind::NestingDepth.into());
            }
            pending.push((value.value(), depth + 1));
        }
    }
    Ok(())
}

/// One value with a single-byte tag and the shortest length, which is all that we write by hand.
pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut der = vec![tag];
    if length < 0x80 {
        der.push(length.to_be_bytes()[size_of::<usize>() - 1]);
    } else {
        let bytes = length.to_be_bytes();
        let significant = bytes.iter().skip_while(|byte| **byte == 0);
        let count = significant.clone().count();
        der.push(0x80 | count.to_be_bytes()[size_of::<usize>() - 1]);
        der.extend(significant);
    }
    der.extend_from_slice(content);
    der
}

#[cfg(test)]
mod tests {
    use super::{check_well_formed, elements, oid, sequence, set_elements, tlv};

    #[test]
    fn writes_the_shortest_lengths() {
        for (length, header) in [
            (0, "3000"),
            (127, "307f"),
            (128, "308180"),
            (255, "3081ff"),
            (256, "30820100"),
            (65536, "3083010000"),
        ] {
            let der = tlv(0x30, &vec![0x05; length]);
            assert_eq!(hex::encode(&der[..der.len() - length]), header);
            assert_eq!(sequence(&der).unwrap().len(), length);
        }
    }

    #[test]
    fn rejects_ber() {
        for (what, der) in [
            ("indefinite length", "308002010000000000"),
            ("length in two octets where one is enough", "30810302 0100"),
            ("trailing byte", "300302010000"),
            ("short", "3004020100"),
            ("constructed string", "2403040101"),
            ("no tag", ""),
        ] {
            let der = hex::decode(der.replace(' ', "")).unwrap();
            let outcome = sequence(&der).and_then(|_| check_well_formed(&der));
            assert!(outcome.is_err(), "{what}");
        }
    }

    #[test]
    fn rejects_unsorted_sets() {
        let set = |hex: &str| set_elements(&hex::decode(hex).unwrap()).map(|e| e.len());
        assert_eq!(set("020101020102").unwrap(), 2);
        assert_eq!(set("").unwrap(), 0);
        assert!(set("020102020101").is_err());
        assert_eq!(set("020101020101").unwrap(), 2);
        // A shorter element sorts as if it were padded with zeros.
        assert_eq!(set("02010102020100").unwrap(), 2);
        assert!(set("02020100020101").is_err());
        assert_eq!(
            elements(&hex::decode("020102020101").unwrap())
                .unwrap()
                .len(),
            2
        );
    }

    #[test]
    fn rejects_identifiers_in_another_form() {
        let read = |hex: &str| oid(&hex::decode(hex).unwrap());
        assert_eq!(read("0603550403").unwrap().to_string(), "2.5.4.3");
        assert_eq!(read("06042a818001").unwrap().to_string(), "1.2.16385");
        for hex in ["0603558003", "06042a800103", "06042a808001", "0600"] {
            assert!(read(hex).is_err(), "{hex}");
        }
    }

    #[test]
    fn bounds_the_nesting_depth() {
        let nested = |depth| (0..depth).fold(vec![0x05, 0x00], |inner, _| tlv(0x30, &inner));
        assert!(check_well_formed(&nested(16)).is_ok());
        assert!(check_well_formed(&nested(17)).is_err());
        // Far deeper is neither slow nor a stack overflow.
        assert!(check_well_formed(&nested(2_000)).is_err());
    }
}
