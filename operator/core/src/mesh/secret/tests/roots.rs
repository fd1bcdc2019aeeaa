//! The bytes of a file of roots.

use super::*;

fn root(name: &str, seed: u8) -> Parts {
    Parts::root(name, &Key::p256(seed))
}

#[test]
fn appends_after_every_byte_that_was_there() {
    let (one, two) = (root("one", 1), root("two", 2));
    for (text, separator) in [
        (format!("# one\r\n{}\n\n", one.pem()), ""),
        (one.pem().trim_end().to_owned(), "\n"),
    ] {
        let file = RootsFile::read(text.as_bytes()).unwrap();
        assert_eq!(file.as_str(), text);
        let (one, two) = (certificate(&one), certificate(&two));
        let longer = file.appended([&two, &one, &two]);
        assert_eq!(longer.as_str(), format!("{text}{separator}{}", two.pem()));
        assert_eq!(RootsFile::read(longer.as_str().as_bytes()), Ok(longer));
    }
}

#[test]
fn a_piece_is_contiguous() {
    let names = [("one", 1), ("two", 2), ("three", 3)];
    let [one, two, three] = names.map(|(name, seed)| root(name, seed).pem());
    let text = format!("# 1\n{one}# 2\n{two}# 3\n{three}# end\n");
    let file = RootsFile::read(text.as_bytes()).unwrap();
    for (range, expected) in [
        (0..1, Some(format!("{one}# 2\n"))),
        (1..2, Some(format!("{two}# 3\n"))),
        (1..3, Some(format!("{two}# 3\n{three}# end\n"))),
        (1..1, None),
        (2..4, None),
    ] {
        let piece = file.piece(range.clone());
        let found = piece.as_ref().map(|piece| piece.as_str().to_owned());
        assert_eq!(found, expected, "{range:?}");
        let piece = piece.into_iter();
        for piece in piece {
            assert!(text.contains(piece.as_str()));
            assert_eq!(RootsFile::read(piece.as_str().as_bytes()), Ok(piece));
        }
    }
}

#[test]
fn refuses_what_is_not_a_root() {
    let key = root("one", 1).key.private_pem();
    for text in ["", "no certificate", &key] {
        assert!(RootsFile::read(text.as_bytes()).is_err(), "{text}");
    }
    assert_eq!(RootsFile::of([]), None);
}
