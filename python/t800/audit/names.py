"""What a name says about its value: `dbPassword` names a secret, `max_tokens` a count, `sort_key` a column."""

from __future__ import annotations

import itertools
import re
from enum import Enum

__all__ = ["LABELS", "Meaning", "meaning", "segments"]


class Meaning(Enum):
    """How much a name alone says."""

    NOTHING = 0
    WEAK = 1
    """A secret if the value looks random: `key`, `auth`, `sig`."""
    SECRET = 2
    """A secret whatever the value: `password`, `api_key`."""


_SEGMENT = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]+|[a-z]+|[0-9]+|[^\W\d_a-zA-Z]+")
_LONGEST_NAME = 120

_SECRET = frozenset(
    """
    password passwd passwort pwd passphrase passcode passwords pswd userpass userpassword secret secrets token
    credential credentials creds apikey apitoken apisecret authtoken accesstoken accesskey secretkey privatekey
    secretaccesskey clientsecret authorization cookie setcookie mnemonic seedphrase bearer jwt csrf xsrf csrftoken
    xsrftoken sessiontoken idtoken refreshtoken connectionstring accountkey authkey authcode
    encryptionkey signingkey masterkey webhooksecret sshkey pgpassword mysqlpwd dbpass dbpassword rootpassword
    sharedaccesskey presharedkey psk htpasswd unsealkey otpauth contraseña contrasena senha parola пароль haslo hasło heslo
    lösenord losenord adgangskode passord salasana wachtwoord kennwort sifre şifre jelszó jelszo parool slaptažodis
    κωδικός токен секрет
    """.split()
)
_DIGITS_ONLY = frozenset("pin otp totp cvv cvc mfa tan".split())
_SHORT = frozenset(("auth", "pass"))
"""Secrets at the end of a longer name (`smtp_pass`); alone they are words of many meanings."""
_PAIRS = frozenset(
    """
    api-key access-key secret-key private-key signing-key encryption-key master-key account-key auth-key shared-key
    session-key session-secret client-secret app-secret app-key seed-phrase recovery-code recovery-codes backup-code backup-codes pin-code
    connection-string service-key storage-key license-key deploy-key ssh-key gpg-key subscription-key server-key
    auth-code authorization-code oauth-code webhook-url webhook-secret pre-shared unseal-key rsa-key hmac-key tls-key
    auth-header user-pass db-pass root-pass admin-pass pass-phrase pass-word pass-code instrumentation-key
    key-data key-base integration-key write-key host-key consumer-key merchant-key publish-key ingest-key
    """.split()
)
_WEAK = frozenset(
    """
    key keys auth pass passes sig signature hmac webhook dsn code session sid license pat cert nonce salt login sas
    jsessionid sessid sessionid phpsessid connect sso bot hook access tokens state verifier oauth authentication
    """.split()
)
_COUNTING_TAILS = frozenset(
    """
    count counts type types limit limits name names url uri urls link length len policy policies id ids required
    enabled disabled expiry expires expired expiration ttl path paths file files filename dir directory folder field
    fields label hint placeholder ref refs reference status method mode provider used usage size index max min reset
    prompt kind format scope scopes endpoint rotation rotate version store service per price cost rate lifetime exp
    iat age duration regex pattern message error errors validator valid strength help text title description column
    table class element input output form page schema algorithm alg hash hashes hashed manager budget in out total
    at by for is has can set get update create delete check verify changed created updated needed present exists
    timeout interval days hours minutes seconds ms generator factory handler parser reader writer builder list map
    """.split()
)
_HARMLESS_HEADS = frozenset(
    """
    max min num total prompt completion input output cached reasoning pad eos bos unk mask sep cls stop special
    foreign primary sort partition cache idempotency public pub has is no with show hide forgot reset change require
    requires required allow enable disable use uses need needs missing invalid bad wrong expired empty object dict
    row column hot short arrow map sub super index unique composite group registry config hash routing translation
    resource event message cursor next page continuation end start unexpected current first last
    """.split()
)

LABELS = re.compile(
    r"(?i)mot\s+de\s+passe|mật\s+khẩu|kata\s+sandi|clave\s+secreta"
    r"|密码|密碼|口令|パスワード|비밀번호|암호|كلمة\s+(?:المرور|السر)|סיסמה"
    r"|รหัสผ่าน|पासवर्ड|গোপন|parola\s+d'ordine|clé\s+(?:api|secrète)|chave\s+(?:de\s+)?api|пароль|κωδικός"
)
"""Labels of passwords and keys in other languages, which are no identifiers."""


def segments(name: str) -> list[str]:
    """The words of a name, in lower case: `dbPassword`, `DB_PASSWORD` and `db-password` are `db`, `password`."""
    return [part.lower() for part in _SEGMENT.findall(name[-_LONGEST_NAME:])]


def meaning(name: str) -> Meaning:
    """What a name says about its value."""
    parts = [part for part in segments(name) if not part.isdigit()]
    if not parts:
        return Meaning.SECRET if LABELS.search(name[:_LONGEST_NAME]) else Meaning.NOTHING
    joined = "".join(parts)
    if joined in _SECRET or LABELS.search(name[:_LONGEST_NAME]):
        return Meaning.SECRET
    if _is_pair(parts) and parts[0] not in ("public", "pub"):
        return Meaning.SECRET
    if parts[-2:] == ["session", "id"]:
        return Meaning.WEAK
    if parts[-1] in _COUNTING_TAILS or (
        parts[0] in _HARMLESS_HEADS and parts[-1] not in ("password", "secret")
    ):
        return Meaning.NOTHING
    return _of_words(parts)


def _is_pair(parts: list[str]) -> bool:
    return "-".join(parts[-2:]) in _PAIRS


def _of_words(parts: list[str]) -> Meaning:
    if (
        _SECRET.intersection(parts[-2:])
        or parts[-1] in _DIGITS_ONLY
        or (len(parts) > 1 and parts[-1] in _SHORT)
    ):
        return Meaning.SECRET
    if _SECRET.intersection(parts) or any("-".join(pair) in _PAIRS for pair in itertools.pairwise(parts)):
        return Meaning.WEAK
    return Meaning.WEAK if _WEAK.intersection(parts[-1:]) else Meaning.NOTHING
