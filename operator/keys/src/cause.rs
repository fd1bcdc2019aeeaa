//! The causes of an error, for administrators.

use std::error::Error;
use std::io;

/// The longest chain that is shown, in characters.
const MAX_LENGTH: usize = 400;

/// Longer numbers differ from call to call: a time, a port, a thread.
const MAX_DIGITS: usize = 4;

/// An error and its causes, and what an I/O error wraps.
///
/// `io::Error::source` skips the error that it wraps, which is where TLS puts its own.
pub(crate) fn causes<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| {
        let wrapped = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        wrapped.map_or_else(|| error.source(), |wrapped| Some(wrapped))
    })
}

/// An error and its causes in one line, each once, and without what differs from call to call, so
/// that it can be in a condition.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in causes(error) {
        let text = cause.to_string();
        if !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
    }
    let line = parts.join(": ");
    without_times(&line).chars().take(MAX_LENGTH).collect()
}

/// A text without long numbers and numbers of seconds: rustls adds how long ago a certificate
/// expired.
pub(crate) fn without_times(text: &str) -> String {
    let bytes = text.as_bytes();
    let runs: Vec<&[u8]> = bytes
        .chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit())
        .collect();
    let is_time = |index: usize| {
        let (run, next) = (
            runs[index],
            runs.get(index + 1).copied().unwrap_or_default(),
        );
        run[0].is_ascii_digit() && (run.len() > MAX_DIGITS || next.starts_with(b" seconds "))
    };
    let shown = (0..runs.len()).map(|index| match is_time(index) {
        true => "…".into(),
        false => String::from_utf8_lossy(runs[index]),
    });
    shown.collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustls::CertificateError;
    use rustls_pki_types::UnixTime;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot connect")]
    struct Outer(#[source] io::Error);

    #[test]
    fn names_each_cause_once() {
        let error = Outer(io::Error::new(
            io::ErrorKind::ConnectionRefused,
            "refused (os error 111)",
        ));
        assert_eq!(chain(&error), "cannot connect: refused (os error 111)");
        let same = Outer(io::Error::other("connect"));
        assert_eq!(chain(&same), "cannot connect");
    }

    /// A condition with a time in it would be written at each attempt.
    #[test]
    fn leaves_out_what_differs_from_call_to_call() {
        let error = Outer(io::Error::other(
            "expired at 1780272000 (UNIX), port 45678, TLS 1.2",
        ));
        let shown = "cannot connect: expired at … (UNIX), port …, TLS 1.2";
        assert_eq!(chain(&error), shown);
    }

    #[test]
    fn an_expired_certificate_has_the_same_cause_at_each_attempt() {
        let now = 1_780_272_000;
        let [limit, first, second] = [now, now + 7, now + 4321]
            .map(|seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds)));
        let expired = |time| CertificateError::ExpiredContext {
            time,
            not_after: limit,
        };
        let early = |time| CertificateError::NotValidYetContext {
            time: limit,
            not_before: time,
        };
        let of =
            |error: CertificateError| chain(&Outer(io::Error::other(rustls::Error::from(error))));
        assert_eq!(of(expired(first)), of(expired(second)));
        assert_eq!(of(early(first)), of(early(second)));
        assert!(of(expired(first)).ends_with("(… seconds ago)"));
    }
}
