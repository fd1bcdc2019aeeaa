//! What arrives at the other side.

use std::io;

use cryptoki::error::RvError;

use super::*;

const MAX: usize = 4096;

/// What is read of what was written.
fn sent<T: Serialize, R: serde::de::DeserializeOwned>(message: &T) -> io::Result<Option<R>> {
    let mut stream = Vec::new();
    write(&mut stream, message, MAX)?;
    read(&mut stream.as_slice(), MAX)
}

fn framed(json: &str) -> Vec<u8> {
    let length = u32::try_from(json.len()).unwrap().to_be_bytes();
    [&length, json.as_bytes()].concat()
}

fn read_report(frame: &[u8]) -> io::Result<Option<Report>> {
    read(&mut &*frame, MAX)
}

#[test]
fn a_request_arrives_with_its_pin() {
    let pin = Pin::new("7319\"0042\\", "3".to_owned());
    let request = Request::Call {
        number: 7,
        session: 2,
        task: Task::Sign {
            token: Token {
                name: "ca".to_owned(),
                label: Some("ca".to_owned()),
                serial: None,
            },
            key: NamedKey {
                name: KeyName {
                    label: None,
                    id: Some(vec![1, 255]),
                    fingerprint: None,
                },
                spki: vec![0x30, 0],
                pin: pin.clone(),
            },
            mechanism: Mechanism::Eddsa,
            input: (0..=255).collect(),
        },
    };
    let read: Request = sent(&request).unwrap().unwrap();
    let Request::Call {
        number: 7,
        session: 2,
        task: Task::Sign { key, input, .. },
    } = read
    else {
        panic!("another request")
    };
    assert!(key.pin == pin);
    assert_eq!((key.name.id, key.spki), (Some(vec![1, 255]), vec![0x30, 0]));
    assert_eq!(input, (0..=255).collect::<Vec<u8>>());
}

#[test]
fn each_return_value_arrives_as_itself() {
    for value in [
        RvError::DeviceError,
        RvError::FunctionRejected,
        RvError::PinIncorrect,
        RvError::SessionCount,
        RvError::UnknownErrorCode(0xdead),
        RvError::VendorDefined(0x8000_0001),
    ] {
        let fault = Pkcs11Fault::Returned {
            function: "C_SignInit".to_owned(),
            value,
        };
        assert_eq!(sent(&fault).unwrap(), Some(fault));
    }
}

#[test]
fn a_frame_that_is_too_long_is_neither_written_nor_read() {
    let long = Report::Warning("x".repeat(MAX));
    let mut stream = Vec::new();
    let error = write(&mut stream, &long, MAX).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    assert!(stream.is_empty());
    let error = read_report(&[0xff; 8]).err().unwrap();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
}

#[test]
fn a_report_that_is_not_one_is_refused() {
    let done = |result: &str| format!(r#"{{"Done":{{"number":1,"result":{result}}}}}"#);
    let returned = |function: &str, value: u64| {
        done(&format!(
            r#"{{"Err":{{"Returned":{{"function":"{function}","value":{value}}}}}}}"#
        ))
    };
    assert!(read_report(&framed(&returned("C_Sign", 5))).is_ok());
    for json in [
        String::new(),
        "{}".to_owned(),
        "[[[[".to_owned(),
        done(r#"{"Ok":{"Found":"not base64"}}"#),
        // Only the operator knows of these.
        done(r#"{"Err":{"NotListed":"the namespace team"}}"#),
        done(r#"{"Err":"Hangs"}"#),
        // What conditions show is a name.
        returned("C_Sign; see http://example.org", 5),
        returned("C_73190042", 5),
        returned("Sign", 5),
        returned("C_Sign", 0),
    ] {
        let error = read_report(&framed(&json)).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{json}");
    }
}

/// A stream whose every read is interrupted once.
struct Interrupted<'a>(&'a [u8], bool);

impl io::Read for Interrupted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.1 = !self.1;
        match self.1 {
            true => Err(io::ErrorKind::Interrupted.into()),
            false => self.0.read(buffer),
        }
    }
}

#[test]
fn a_signal_does_not_end_the_stream() {
    let mut frame = Vec::new();
    write(&mut frame, &Report::Warning("x".to_owned()), MAX).unwrap();
    let mut stream = Interrupted(&frame, false);
    let report: Option<Report> = read(&mut stream, MAX).unwrap();
    assert!(matches!(report, Some(Report::Warning(text)) if text == "x"));
    assert!(read::<Report>(&mut stream, MAX).unwrap().is_none());
}

#[test]
fn the_end_of_the_stream_is_one_only_between_frames() {
    assert!(read_report(&[]).unwrap().is_none());
    let frame = framed("{}");
    for length in 1..frame.len() {
        let error = read_report(&frame[..length]).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
