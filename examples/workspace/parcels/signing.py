"""The carrier accepts only signed quotes."""

import hashlib
import hmac


def sign(api_key: str, cents: int) -> str:
    """The first 12 hex digits of the HMAC-SHA-256 of the price."""
    return hmac.new(api_key.encode(), str(cents).encode(), hashlib.sha256).hexdigest()[:12]
