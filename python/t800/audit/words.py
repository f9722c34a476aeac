"""The first look at a text: where the words stand that the patterns need. What has none of them is not searched."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from t800._core import Words

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["CLUES", "LABELS", "WORDS", "Places", "Vocabulary", "starts"]

_SURROGATE = re.compile("[\ud800-\udfff]")

Places = dict[str, list[int]]
"""Where each word that occurs stands: the positions of its first characters, rising."""


class Vocabulary:
    """Words that are looked for in one pass; with `ignore_case` in any case."""

    def __init__(self, words: Iterable[str], *, ignore_case: bool = False) -> None:
        self._words = list(dict.fromkeys(words))
        self._set = Words(self._words, ignore_case)

    def places(self, text: str) -> Places:
        """Where the words stand in a text; words that do not occur are left out."""
        try:
            hits = self._set.hits(text)
        except UnicodeEncodeError:  # half of a pair of surrogates, which only JSON in a string can hold
            hits = self._set.hits(_SURROGATE.sub("?", text))
        found: Places = {}
        for start, word in hits:
            found.setdefault(self._words[word], []).append(start)
        return found


CLUES = (
    "pass pwd psw secret token cred auth key cookie mnemonic seed bearer jwt csrf xsrf sess sid psk pin otp cvv cvc sig"
    " hmac webhook dsn code pat contrase senha parola haslo losenord adgangskode salasana wachtwoord kennwort sifre jelsz"
    " connection"
).split()
"""What names of secrets hold; those with letters beyond ASCII are looked for apart."""
LABELS = {
    "phone number": "phone mobile cell telefon tel fax msisdn whatsapp handy",
    "national id": "ssn social cpf sin nif nie dni aadhaar uidai bsn burgerservice personnummer nhs steuer pesel cnp ahv nino"
    " national tax tin curp rfc codice insee rut egn oib jmbg hetu cpr fødselsnummer",
    "passport or licence number": "passport driv",
    "date of birth": "dob birth date born geburtsdatum",
    "geo coordinates": "coordinate gps lat long lng geo location",
    "bitcoin wallet": "bitcoin btc wallet",
    "card number": "card credit pan",
}
"""How labels of personal data begin."""
_OTHERS = (
    "mot kata clave chave recovery backup values home users documents .ssh .config /etc ssh pass: ldap smb htpasswd chpasswd"
    " identified login secret password net redis valkey keydb echo"
).split()
WORDS = Vocabulary([*CLUES, *" ".join(LABELS.values()).split(), *_OTHERS], ignore_case=True)
"""All words that the patterns of names, labels and paths need."""


def starts(places: Places, words: Iterable[str]) -> list[int]:
    """Where any of the words stands, rising, each place once."""
    return sorted({start for word in words for start in places.get(word, ())})
