//! Addresses of networks and of hardware.

use crate::redact::labelled::value;
use crate::redact::rules::RuleId;
use crate::redact::scan::Scan;

/// Where four numbers up to 255 with dots between them end.
pub(super) fn ipv4(text: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    for part in 0..4 {
        let length = text[at..].iter().take(4).take_while(|b| b.is_ascii_digit()).count();
        let value = text[at..at + length].iter().fold(0u32, |n, b| n * 10 + u32::from(b - b'0'));
        if length == 0 || length > 3 || value > 255 || (length > 1 && text[at] == b'0') {
            return None;
        }
        at += length;
        if part < 3 {
            if text.get(at) != Some(&b'.') {
                return None;
            }
            at += 1;
        }
    }
    let more = text.get(at) == Some(&b'.') && text.get(at + 1).is_some_and(u8::is_ascii_alphanumeric);
    (!more && !text.get(at).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_')).then_some(at)
}

/// Whether the four numbers are an address on the internet rather than a version.
pub(super) fn is_personal_v4(text: &[u8], start: usize, end: usize) -> bool {
    is_public_v4(&text[start..end]) && !reads_as_version(text, start, end)
}

/// Not loopback, private, link-local, shared, documentation, multicast or reserved.
fn is_public_v4(text: &[u8]) -> bool {
    let mut octets =
        text.split(|b| *b == b'.').map(|part| part.iter().fold(0u32, |n, b| n * 10 + u32::from(b - b'0')));
    let mut next = || octets.next().unwrap_or(0);
    let address = [next(), next(), next(), next()];
    !matches!(
        address,
        [0 | 10 | 127 | 224..=255, ..]
            | [100, 64..=127, ..]
            | [169, 254, ..]
            | [172, 16..=31, ..]
            | [192, 168, ..]
            | [192, 0, 0 | 2, _]
            | [198, 18 | 19, ..]
            | [198, 51, 100, _]
            | [203, 0, 113, _]
            | [8, 8, 8 | 4, _]
            | [1, 1, 1, 1]
            | [1, 0, 0, 1]
            | [9, 9, 9, 9]
    ) && address[1..] != [0, 0, 0]
        && !text.ends_with(b".0")
}

/// `v1.2.3.4`, `version 1.2.3.4`, `pkg-1.2.3.4`, `Chrome/120.0.0.0`, `==1.2.3.4`
fn reads_as_version(text: &[u8], start: usize, end: usize) -> bool {
    let before = if start > 0 { text[start - 1] } else { b' ' };
    let floor = start.saturating_sub(16);
    let front = text[floor..start].to_ascii_lowercase();
    let after = text.get(end).copied().unwrap_or(b' ');
    b"vV-_~^.".contains(&before)
        || is_pinned(text, start, end)
        || (before == b'>' && !closes_tag(text, start - 1))
        || (before == b'/' && !front.ends_with(b"//"))
        || [
            b"version".as_slice(),
            b"ver",
            b"release",
            b"rev",
            b"==",
            b">=",
            b"<=",
            b"~=",
            b"section",
            b"oid",
            b"identifier",
            b"build",
            b"upgrade",
            b",v ",
        ]
        .iter()
        .any(|word| value::contains(&front, word))
        || (after == b'-' || after == b'+') && text.get(end + 1).is_some_and(u8::is_ascii_alphanumeric)
        || text[start..end].iter().filter(|b| b.is_ascii_digit()).count() == 4
}

/// `v8@3.14.5.9`: a package with its version.
fn is_pinned(text: &[u8], start: usize, end: usize) -> bool {
    const USERS: [&[u8]; 8] =
        [b"root@", b"user@", b"admin@", b"ubuntu@", b"debian@", b"deploy@", b"pi@", b"centos@"];
    let front = &text[start.saturating_sub(40)..start];
    front.ends_with(b"@")
        && text[start..end].split(|b| *b == b'.').all(|part| part.len() <= 2)
        && !USERS.iter().any(|user| front.ends_with(user))
        && memchr::memchr(b'@', &text[end..text.len().min(end + 40)])
            .or_else(|| memchr::memchr(b'@', &front[..front.len() - 1]))
            .is_some()
}

#[cfg(test)]
#[test]
fn lists_of_packages_are_no_logins() {
    let pinned = |text: &str, address: &str| {
        let start = text.find(address).unwrap();
        is_pinned(text.as_bytes(), start, start + address.len())
    };
    assert!(pinned("v8@3.14.5.9 node@0.10.48", "3.14.5.9"));
    assert!(
        !pinned("ssh root@53.14.79.95 or a@b", "53.14.79.95")
            && !pinned("ssh mia@53.14.79.95", "53.14.79.95")
    );
}

/// Whether the `>` at `at` closes a tag.
fn closes_tag(text: &[u8], at: usize) -> bool {
    let floor = at.saturating_sub(64);
    memchr::memrchr3(b'<', b'>', b'\n', &text[floor..at])
        .is_some_and(|i| text[floor + i] == b'<' && text[floor + i + 1].is_ascii_alphabetic())
}

/// Hardware addresses and IPv6 addresses, at their first colon.
pub(super) fn at_colon(scan: &mut Scan, at: usize) {
    let text = scan.text;
    // `::ffff:…` starts with its colons; all others with a hexadecimal digit.
    if !text.get(at + 1).is_some_and(|b| b.is_ascii_hexdigit() || *b == b':') {
        return;
    }
    let floor = at.saturating_sub(5);
    let mut start = at;
    while start > floor && text[start - 1].is_ascii_hexdigit() {
        start -= 1;
    }
    if start == floor && start > 0 {
        return;
    }
    let before = if start > 0 { text[start - 1] } else { b' ' };
    if before.is_ascii_alphanumeric()
        || matches!(before, b'_' | b'.' | b'-')
        || before == b':' && !behind_name(text, start - 1)
    {
        return;
    }
    let ceiling = text.len().min(start + 46);
    let length = text[start..ceiling].iter().take_while(|b| b.is_ascii_hexdigit() || **b == b':').count();
    let length = text[start..start + length].iter().rposition(|b| *b != b':').map_or(0, |last| last + 1);
    let body = &text[start..start + length];
    let after = text.get(start + length).copied().unwrap_or(b' ');
    if after.is_ascii_alphanumeric()
        || after == b'_'
        || after == b':' && text.get(start + length + 1).is_some_and(u8::is_ascii_alphanumeric)
    {
        return;
    }
    if is_mac(body) {
        scan.secret(start, start + length, RuleId::MAC);
    } else if is_public_v6(body) {
        scan.secret(start, start + length, RuleId::IP);
    }
}

/// `IPv6:2a02:…`: whether a name that is no group of an address ends in front of the colon at `colon`.
fn behind_name(text: &[u8], colon: usize) -> bool {
    let name = text[..colon].iter().rev().take(16).take_while(|b| b.is_ascii_alphanumeric() || **b == b'_');
    let (length, other) = name.fold((0, false), |(n, other), b| (n + 1, other | !b.is_ascii_hexdigit()));
    length > 1
        && other
        && !(length < 16 && text[..colon - length].ends_with(b":"))
        && !matches!(
            &text[colon - length.min(colon)..colon],
            b"MD5" | b"SHA1" | b"SHA256" | b"sha256" | b"md5" | b"sha1"
        )
}

fn is_mac(text: &[u8]) -> bool {
    text.len() == 17
        && text.iter().enumerate().all(|(i, b)| if i % 3 == 2 { *b == b':' } else { b.is_ascii_hexdigit() })
        && text != b"00:00:00:00:00:00"
        && !text.eq_ignore_ascii_case(b"ff:ff:ff:ff:ff:ff")
        // `00:01:02:03:04:05` counts.
        && !text.windows(3).step_by(3).enumerate().all(|(i, pair)| pair[0] == b'0' && usize::from(pair[1].wrapping_sub(b'0')) == i)
}

/// `00-1A-2B-3C-4D-5E`, with at least one letter.
pub(crate) fn is_dashed_mac(text: &[u8]) -> bool {
    text.iter().enumerate().all(|(i, b)| if i % 3 == 2 { *b == b'-' } else { b.is_ascii_hexdigit() })
        && text.iter().any(u8::is_ascii_alphabetic)
}

/// `001a.2b3c.4d5e` as switches print it, with letters and digits: where it ends.
pub(super) fn dotted_mac(text: &[u8], start: usize) -> Option<usize> {
    if text.get(start + 4) != Some(&b'.') || text.get(start + 9) != Some(&b'.') {
        return None;
    }
    let end = start + 14;
    let body = text.get(start..end)?;
    let sound =
        body.iter().enumerate().all(|(i, b)| i % 5 == 4 || b.is_ascii_digit() || matches!(b, b'a'..=b'f'));
    let letters = body.iter().filter(|b| b.is_ascii_alphabetic()).count();
    let free = !text.get(end).is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_'));
    (sound && (3..=10).contains(&letters) && free).then_some(end)
}

/// Name servers for everybody, as in every `resolv.conf`.
fn is_resolver(text: &[u8]) -> bool {
    text.starts_with(b"2001:4860:4860::88")
        || text.starts_with(b"2606:4700:4700::")
        || text.starts_with(b"2620:fe::")
}

/// Global unicast (`2000::/3`) except documentation, with at least three groups.
fn is_public_v6(text: &[u8]) -> bool {
    if !matches!(text, [b'2' | b'3', _, _, _, b':', ..]) {
        return false;
    }
    let groups: usize = text.split(|b| *b == b':').filter(|group| !group.is_empty()).count();
    let double = memchr::memmem::find_iter(text, b"::").count();
    let first = text.iter().take_while(|b| b.is_ascii_hexdigit()).count();
    let sound = text.split(|b| *b == b':').all(|group| group.len() <= 4) && !value::contains(text, b":::");
    let global = first == 4
        && matches!(text[0], b'2' | b'3')
        && !text.to_ascii_lowercase().starts_with(b"2001:db8")
        && !text.to_ascii_lowercase().starts_with(b"2001:0db8");
    sound
        && global
        && !text.ends_with(b"::")
        && !is_resolver(text)
        && ((double == 1 && (2..8).contains(&groups)) || (double == 0 && groups == 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_no_addresses() {
        let personal = |text: &str| {
            let start = text.find(|c: char| c.is_ascii_digit()).unwrap();
            ipv4(text.as_bytes(), start).is_some_and(|end| is_personal_v4(text.as_bytes(), start, end))
        };
        for text in [
            "from 84.112.7.31",
            "<td>84.112.7.31</td>",
            "84.112.7.31:443",
            "//84.112.7.31/x",
            "(84.112.7.31)",
        ] {
            assert!(personal(text), "{text}");
        }
        for text in [
            "v84.112.7.31",
            "version 84.112.7.31",
            "pkg>84.112.7.31",
            "Chrome/84.112.7.31",
            "10.1.2.3",
            "84.112.7.310",
            "84.112.7.31.5",
            "1.2.3.4",
        ] {
            assert!(!personal(text), "{text}");
        }
    }

    #[test]
    fn switches_write_hardware_addresses_with_dots() {
        assert_eq!(dotted_mac(b"001a.2b3c.4d5e", 0), Some(14));
        for text in ["0011.2233.4455", "001a.2b3c.4d5e.0000", "001a.2b3c", "zz1a.2b3c.4d5e"] {
            assert_eq!(dotted_mac(text.as_bytes(), 0), None, "{text}");
        }
    }
}
