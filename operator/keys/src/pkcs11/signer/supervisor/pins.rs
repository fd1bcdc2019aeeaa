//! The PINs that were sent to a module's processes. Pure.
//!
//! A process names them by number, since it is not trusted: what it reports is not kept as a PIN,
//! and not taken out of the log.

use std::collections::VecDeque;

use zeroize::Zeroizing;

use super::output::{Line, MAX_LINE};
use crate::pkcs11::signer::pin::Pin;

/// How many are known. Those that were not sent for longest are forgotten: PINs of earlier versions
/// of their sources.
const MAX_SENT: usize = 1024;

const REPLACEMENT: &str = "(PIN)";

/// What was sent, the latest last.
#[derive(Default)]
pub(super) struct Pins {
    sent: VecDeque<Sent>,
    last: u64,
}

/// A PIN, and the token of the operator's list that it is for.
pub(super) struct Sent {
    pub(super) entry: String,
    pub(super) pin: Pin,
    printed: Zeroizing<String>,
}

impl Pins {
    /// A PIN is about to be sent. Gives it its number.
    pub(super) fn sends(&mut self, entry: &str, pin: &mut Pin) {
        let is_it = |sent: &Sent| sent.entry == entry && sent.pin == *pin;
        let known = self.sent.iter().rposition(is_it);
        let sent = known.and_then(|at| self.sent.remove(at));
        let sent = sent.unwrap_or_else(|| {
            self.last += 1;
            pin.number = self.last;
            Sent {
                entry: entry.to_owned(),
                printed: pin.printed(),
                pin: pin.clone(),
            }
        });
        pin.number = sent.pin.number;
        if self.sent.len() >= MAX_SENT {
            self.sent.pop_front();
        }
        self.sent.push_back(sent);
    }

    /// What was sent with this number.
    pub(super) fn get(&self, number: u64) -> Option<&Sent> {
        self.sent.iter().find(|sent| sent.pin.number == number)
    }

    /// The beginning of a line without the PINs, in one pass: of several at one place, the longest
    /// is replaced.
    pub(super) fn redact(&self, line: &Line) -> String {
        let pins = self.sent.iter().map(|sent| sent.printed.as_str());
        let mut pins: Vec<_> = pins.filter(|pin| !pin.is_empty()).collect();
        pins.sort_unstable_by(|one, other| other.len().cmp(&one.len()).then(one.cmp(other)));
        pins.dedup();
        let mut shown = String::new();
        let (mut letters, mut next) = (0, 0);
        for (at, letter) in line.text.char_indices() {
            if at >= line.shown || letters >= MAX_LINE {
                break;
            } else if at < next {
                continue;
            }
            letters += 1;
            let rest = &line.text[at..];
            match pins.iter().find(|pin| rest.starts_with(**pin)) {
                Some(pin) => {
                    shown.push_str(REPLACEMENT);
                    next = at + pin.len();
                }
                None => shown.push(letter),
            }
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pkcs11::signer::pin::MAX_PIN;

    fn sending(pins: &[&str]) -> Pins {
        let mut sent = Pins::default();
        for pin in pins {
            sent.sends("ca", &mut Pin::new(pin, "1".to_owned()));
        }
        sent
    }

    /// The number that a PIN is sent with.
    fn number(pins: &mut Pins, entry: &str, pin: &str, version: &str) -> u64 {
        let mut pin = Pin::new(pin, version.to_owned());
        pins.sends(entry, &mut pin);
        pin.number
    }

    #[test]
    fn a_number_is_of_one_pin_of_one_token() {
        let mut pins = Pins::default();
        let first = number(&mut pins, "ca", "7319", "1");
        assert_eq!(number(&mut pins, "ca", "7319", "1"), first);
        for (entry, pin, version) in [
            ("ca", "7319", "2"),
            ("ca", "0042", "1"),
            ("other", "7319", "1"),
        ] {
            let other = number(&mut pins, entry, pin, version);
            assert_ne!(other, first);
            let sent = pins.get(other).unwrap();
            assert_eq!(sent.entry, entry);
            assert!(sent.pin == Pin::new(pin, version.to_owned()));
        }
        for unknown in [0, 5, u64::MAX] {
            assert!(pins.get(unknown).is_none());
        }
    }

    #[test]
    fn those_that_were_not_sent_for_longest_are_forgotten() {
        let mut pins = Pins::default();
        let [first, second] = ["a", "b"].map(|pin| number(&mut pins, "ca", pin, ""));
        for more in 0..MAX_SENT - 1 {
            assert_eq!(number(&mut pins, "ca", "a", ""), first);
            number(&mut pins, "ca", &format!("new {more}"), "");
        }
        assert!(pins.get(first).is_some());
        assert!(pins.get(second).is_none());
        assert_eq!(pins.sent.len(), MAX_SENT);
    }

    #[test]
    fn text_is_shown_without_pins() {
        for (pins, text, expected) in [
            (&["7319"][..], "C_Login(7319)", "C_Login((PIN))"),
            (&["7319"], "73197319 731", "(PIN)(PIN) 731"),
            // Earlier ones, too, whichever is longer.
            (&["7319", "731942"], "731942 7319", "(PIN) (PIN)"),
            (&["731942", "7319"], "731942 7319", "(PIN) (PIN)"),
            // What it is replaced with is not searched.
            (&["P", "(", "7319"], "7319", "(PIN)"),
            (&["7319"], "7\x1b3\0\u{7f}19", "(PIN)"),
            (&["us\ter:7"], "us\ter:7", "(PIN)"),
            (&["ü9"], "üü9ü", "ü(PIN)ü"),
            (&[], "7319", "7319"),
        ] {
            let shown = sending(pins).redact(&Line::whole(text));
            assert_eq!(shown, expected, "{pins:?}");
        }
    }

    #[test]
    fn a_pin_is_replaced_before_its_line_is_cut() {
        let pin = "0123456789".repeat(MAX_PIN / 10);
        let pins = sending(&[&pin]);
        let before = "x".repeat(MAX_LINE - 1);
        let shown = pins.redact(&Line::whole(&format!("{before}{pin}")));
        assert_eq!(shown, format!("{before}(PIN)"));
        let shown = pins.redact(&Line::whole(&format!("{before}yz")));
        assert_eq!(shown, format!("{before}y"));
    }

    #[test]
    fn the_replacements_of_pins_are_not_replaced_again() {
        let pins: Vec<_> = ["(", "P", "I", "N", ")"].into_iter().collect();
        let shown = sending(&pins).redact(&Line::whole(&"P".repeat(64 << 10)));
        assert_eq!(shown.len(), MAX_LINE * REPLACEMENT.len());
    }
}
