//! Schemes of authentication in front of a secret.

use crate::redact::scan::span::{Span, bare_end, forward_over};

/// `Bearer x`, `Basic x`, `token x`: the secret is behind the scheme.
pub(super) fn after_scheme(text: &[u8], span: Span) -> Span {
    let word_end =
        forward_over(text, span.start, 20, |b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if text.get(word_end) != Some(&b' ') || !is_scheme(&text[span.start..word_end]) {
        return span;
    }
    let start = forward_over(text, word_end, 4, |b| b == b' ');
    let end = if span.quoted { span.end } else { bare_end(text, start) };
    Span { start, end, quoted: span.quoted }
}

fn is_scheme(word: &[u8]) -> bool {
    let mut lower = [0; 20];
    let Some(lower) = lower.get_mut(..word.len()) else { return false };
    lower.copy_from_slice(word);
    lower.make_ascii_lowercase();
    matches!(
        &*lower,
        b"bearer"
            | b"basic"
            | b"token"
            | b"apikey"
            | b"api-key"
            | b"key"
            | b"bot"
            | b"jwt"
            | b"negotiate"
            | b"digest"
            | b"apitoken"
            | b"ssws"
            | b"pve"
            | b"access"
            | b"sso-key"
            | b"oauth"
            | b"genie"
            | b"discogs"
            | b"klaviyo-api-key"
            | b"circle-token"
            | b"is"
            | b"to"
    )
}
