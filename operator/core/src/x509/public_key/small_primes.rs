//! Trial division by the primes below 752 (NIST SP 800-89 5.3.3, CA/Browser Forum baseline
//! requirements 6.1.6).

/// The odd primes below 752, as many as a multiple of three.
const PRIMES: [u32; 132] = {
    let mut primes = [0; 132];
    let mut found = 0;
    let mut number = 3;
    while found < primes.len() {
        let mut divisor = 3;
        while number % divisor != 0 {
            divisor += 2;
        }
        if divisor == number {
            primes[found] = number;
            found += 1;
        }
        number += 2;
    }
    primes
};

/// Returns the smallest odd prime below 752 that divides the number, given in big-endian bytes.
pub(super) fn factor(number: &[u8]) -> Option<u32> {
    // The product of three fits into 32 bits, so that the long number is divided a third as often.
    PRIMES.chunks_exact(3).find_map(|primes| {
        let rest = remainder(number, primes.iter().product());
        let mut primes = primes.iter().copied();
        primes.find(|prime| rest.is_multiple_of(*prime))
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

#[cfg(test)]
mod tests {
    use super::{PRIMES, factor};

    #[test]
    fn finds_each_prime_in_numbers_of_any_length() {
        let is_prime = |number: &u32| !(2..*number).any(|divisor| number.is_multiple_of(divisor));
        let primes: Vec<u32> = (3..752).filter(is_prime).collect();
        assert_eq!(primes, PRIMES);
        for prime in primes {
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
