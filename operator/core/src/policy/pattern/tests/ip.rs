//! Ranges of IP addresses.

use crate::policy::pattern::IpRange;

#[test]
fn contains_the_addresses_of_a_block() {
    for (range, address, expected) in [
        ("10.0.0.0/8", "10.255.0.1", true),
        ("10.0.0.0/8", "11.0.0.0", false),
        ("10.0.0.1", "10.0.0.1", true),
        ("10.0.0.1", "10.0.0.2", false),
        ("0.0.0.0/0", "192.0.2.1", true),
        ("0.0.0.0/0", "2001:db8::1", false),
        ("::/0", "2001:db8::1", true),
        ("::/0", "192.0.2.1", false),
        ("2001:db8::/32", "2001:db8:ffff::1", true),
        ("2001:db8::/32", "2001:db9::1", false),
        ("2001:db8::1", "2001:db8::1", true),
        // An IPv4 address in 16 bytes is another name.
        ("10.0.0.0/8", "::ffff:10.0.0.1", false),
        ("::ffff:10.0.0.0/104", "10.0.0.1", false),
        ("::ffff:10.0.0.0/104", "::ffff:10.0.0.1", true),
    ] {
        let parsed = IpRange::parse(range).unwrap();
        assert_eq!(parsed.to_string(), range);
        assert_eq!(
            parsed.contains(address.parse().unwrap()),
            expected,
            "{range} {address}"
        );
    }
}

#[test]
fn refuses_what_is_not_one_block() {
    for range in [
        "",
        "10.0.0.0/33",
        "10.0.0.0/08",
        "10.0.0/8",
        "10.*",
        "fe80::1%eth0",
        "010.0.0.1",
    ] {
        let error = IpRange::parse(range).unwrap_err().to_string();
        assert!(error.contains("prefix length"), "{range}: {error}");
    }
    for range in ["10.0.0.1/8", "2001:db8::1/32"] {
        let error = IpRange::parse(range).unwrap_err().to_string();
        assert!(error.contains("after its prefix"), "{range}: {error}");
    }
    let whole = IpRange::parse("10.0.0.1/32").unwrap();
    assert_eq!(whole, IpRange::parse("10.0.0.1").unwrap());
}
