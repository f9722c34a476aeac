//! Schemes of authentication in front of a secret.

use crate::redact::keys::words::Vocabulary;
use crate::redact::scan::span::{Span, bare_end, forward_over};
use std::sync::LazyLock;

const SCHEMES: &str = "bearer basic token apikey api-key key bot jwt negotiate digest apitoken ssws pve access sso-key oauth genie \
     discogs klaviyo-api-key circle-token is to";

static WORDS: LazyLock<Vocabulary<()>> =
    LazyLock::new(|| Vocabulary::new(SCHEMES.split_ascii_whitespace().map(|word| (word, ())), |(), ()| ()));

/// `Bearer x`, `Basic x`, `token x`: the secret is behind the scheme.
pub(super) fn after_scheme(text: &[u8], span: Span) -> Span {
    let word_end =
        forward_over(text, span.start, 20, |b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if text.get(word_end) != Some(&b' ') || WORDS.get_any_case(&text[span.start..word_end]).is_none() {
        return span;
    }
    let start = forward_over(text, word_end, 4, |b| b == b' ');
    let end = if span.quoted { span.end } else { bare_end(text, start) };
    Span { start, end, quoted: span.quoted }
}
