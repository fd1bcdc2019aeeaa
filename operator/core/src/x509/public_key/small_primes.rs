//! Trial division by the primes below 752 (NIST SP 800-89 5.3.3, CA/Browser Forum baseline
//! requirements 6.1.6).

/// The primes are below this.
const LIMIT: usize = 752;
/// How many odd primes are below [`LIMIT`].
const COUNT: usize = 132;
const ODD_PRIMES: [u32; COUNT] = odd_primes();

/// Returns the smallest odd prime below 752 that divides the number, given in big-endian bytes.
pub(super) fn factor(number: &[u8]) -> Option<u32> {
    // The product of three fits into 32 bits, so that the long number is divided a third as often.
    ODD_PRIMES.chunks(3).find_map(|primes| {
        let rest = remainder(number, primes.iter().product());
        primes
            .iter()
            .copied()
            .find(|prime| rest.is_multiple_of(*prime))
    })
}

fn remainder(number: &[u8], divisor: u32) -> u32 {
    let divisor = u64::from(divisor);
    let mut rest = 0u64;
    // The bytes that do not fill a whole word come first.
    let (head, words) = number.split_at(number.len() % 4);
    for byte in head {
        rest = (rest << 8 | u64::from(*byte)) % divisor;
    }
    for word in words.chunks_exact(4) {
        let word = word
            .iter()
            .fold(0, |word, byte| word << 8 | u64::from(*byte));
        rest = (rest << 32 | word) % divisor;
    }
    u32::try_from(rest).unwrap_or_default()
}

/// Sieves at compile time.
const fn odd_primes() -> [u32; COUNT] {
    let mut composite = [false; LIMIT];
    let mut primes = [0; COUNT];
    let (mut count, mut number) = (0, 3);
    while number < LIMIT {
        if !composite[number] {
            primes[count] = number as u32;
            count += 1;
            let mut multiple = number * number;
            while multiple < LIMIT {
                composite[multiple] = true;
                multiple += 2 * number;
            }
        }
        number += 2;
    }
    assert!(count == COUNT, "every place of the list holds a prime");
    primes
}

#[cfg(test)]
mod tests {
    use super::{ODD_PRIMES, factor};

    #[test]
    fn sieves_the_right_primes() {
        assert_eq!(ODD_PRIMES[..5], [3, 5, 7, 11, 13]);
        assert_eq!(ODD_PRIMES[128..], [733, 739, 743, 751]);
    }

    #[test]
    fn finds_each_prime_in_numbers_of_any_length() {
        for prime in ODD_PRIMES {
            for length in 4..12 {
                // prime * 257^n has no smaller factor but perhaps 257.
                let mut number = vec![0; length];
                number[length - 4..].copy_from_slice(&prime.to_be_bytes());
                assert_eq!(factor(&number), Some(prime));
            }
        }
        // 757 and 2^127 - 1 are prime.
        assert_eq!(factor(&757u32.to_be_bytes()), None);
        assert_eq!(factor(&((1u128 << 127) - 1).to_be_bytes()), None);
    }
}
