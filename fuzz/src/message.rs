//! What holds for every message that a requester's input can lead to.

/// The longest message: it goes into a condition or an event.
const MAX_LENGTH: usize = 1000;

/// Asserts that a message is one line of reasonable length, whatever it quotes.
#[track_caller]
pub fn check(message: &str) {
    assert!(!message.is_empty(), "an empty message");
    assert!(
        message.len() <= MAX_LENGTH,
        "{} bytes: {message}",
        message.len()
    );
    assert!(!message.contains(char::is_control), "{message:?}");
}
