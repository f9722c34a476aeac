"""Personal data in a text: recognised by its format and its check digits, or by a label beside it."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from t800.audit.known import is_example_address, is_placeholder
from t800.audit.names import segments
from t800.audit.words import LABELS, starts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from t800.audit.assignments import Span
    from t800.audit.words import Places

__all__ = ["columns", "personal_data", "personal_key"]

# The lookbehinds of some shapes stand behind their first character: so the search skips to such a character.
_DIGIT = re.compile(r"[0-9]")
_NUMBER = re.compile(r"[0-9][0-9 .()/:-]{6,}")
_EMAIL = re.compile(
    r"(?<![\w.+%-])[\w.+%'-]{1,64}+@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,6}[^\W\d_]{2,24}(?![\w-])"
)
_PHONE = re.compile(
    r"[+0](?<![\w+.-][+0])(?:(?<=\+)|0(?=[1-9]))[1-9][0-9]{0,2}[ ./-]{0,2}(?:\([0-9]{1,4}\)[ ./-]?)?[0-9](?:[ ./-]{0,2}[0-9]){5,12}(?![\w-])"
)
_US_PHONE = re.compile(
    r"(?<![\w.+-])(?:1[ .-])?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[.-])[2-9][0-9]{2}[ .-][0-9]{4}(?![\w.-])"
)
_CARD = re.compile(
    r"(?<![\w.+-])(?:4|5[1-5]|2[2-7]|3[4-689]|6(?:011|[24578]))[0-9](?:[ -]?[0-9]){11,16}(?![\w-])"
)
_IBAN = re.compile(
    r"[A-Z](?<![A-Za-z0-9][A-Z])[A-Z][0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?(?![A-Za-z0-9])"
)
_SSN = re.compile(r"(?<![\w.-])(?!000|666|9)[0-9]{3}([- ])(?!00)[0-9]{2}\1(?!0000)[0-9]{4}(?![\w-])")
_IPV4 = re.compile(r"(?<![\w.@-])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![\w-]|\.[0-9])")
_IPV6 = re.compile(r"[23](?<![\w:.][23])[0-9A-Fa-f]{3}:(?:[0-9A-Fa-f]{0,4}:){1,6}[0-9A-Fa-f]{0,4}(?![\w:])")
_MAC = re.compile(r"(?i)[0-9a-f](?<![\w:-][0-9a-f])[0-9a-f]([:-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}(?![\w:-])")
_BITCOIN = re.compile(r"(?<![A-Za-z0-9])bc1[02-9ac-hj-np-z]{25,87}(?![A-Za-z0-9])")
_CPF = re.compile(r"(?<![\w.-])[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}(?![\w-])")
_CODICE = re.compile(
    r"[A-Z](?<![A-Za-z0-9][A-Z])[A-Z]{5}[0-9LMNP-V]{2}[A-EHLMPR-T][0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{3}[A-Z](?![A-Za-z0-9])"
)
_DOCUMENTED = frozenset(
    ("4111111111111111", "4242424242424242", "4012888888881881", "5555555555554444", "378282246310005")
)
_DOCUMENTED_IBANS = frozenset(
    "DE89370400440532013000 GB29NWBK60161331926819 GB82WEST12345698765432 FR1420041010050500013M02606".split()
)
_RESOLVERS = frozenset(
    ("1.1.1.1", "1.0.0.1", "8.8.8.8", "8.8.4.4", "9.9.9.9", "1.2.3.4", "4.3.2.1", "114.114.114.114")
)
_LETTERS = {letter: position for position, letter in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 10)}
_MOST_DIGITS = 15
_NUMERIC = "0"
_LONGEST_LOCAL = 66
_LONGEST_DOMAIN = 480


def _email(value: str, _: str) -> bool:
    return not is_example_address(value)


def _phone(value: str, _: str) -> bool:
    digits = re.sub(r"\D", "", value)
    return 8 <= len(digits) <= _MOST_DIGITS and len(set(digits)) > 2 and "5550" not in digits[-8:]  # noqa: PLR2004


def _us_phone(value: str, _: str) -> bool:
    digits = re.sub(r"\D", "", value)[-10:]
    return digits[3:8] != "55501" and len(set(digits)) > 2  # noqa: PLR2004 - 555-01xx is fiction's


def _card(value: str, _: str) -> bool:
    digits = re.sub(r"\D", "", value)
    return 14 <= len(digits) <= 19 and digits not in _DOCUMENTED and len(set(digits)) > 2 and luhn(digits)  # noqa: PLR2004


def luhn(digits: str) -> bool:
    """Whether the check digit of a card number or a Canadian SIN is right."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        number = int(digit) * (1 + place % 2)
        total += number - 9 * (number > 9)  # noqa: PLR2004
    return total % 10 == 0


def _iban(value: str, _: str) -> bool:
    code = value.replace(" ", "")
    if not 15 <= len(code) <= 34 or code in _DOCUMENTED_IBANS:  # noqa: PLR2004 - the shortest, the longest country's
        return False
    number = "".join(str(_LETTERS.get(character, character)) for character in code[4:] + code[:4])
    return int(number) % 97 == 1


def _address(value: str, before: str) -> bool:
    """A public IP address that is no version: `Chrome/120.0.0.1`, `==1.2.3.4` and `v1.2.3.4` are versions."""
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return False
    if not address.is_global or address.is_multicast or value in _RESOLVERS:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        return value.count(":") > 2  # noqa: PLR2004
    small = all(int(octet) < 24 for octet in value.split("."))  # noqa: PLR2004
    return not small and not re.search(
        r"(?i)(?:==|~=|>=|[^/:]/|\bv|version\D{0,4}|release\D{0,3}|section\D{0,3}|oid\D{0,3})$", before
    )


def _mac(value: str, _: str) -> bool:
    return len(set(re.sub(r"[:-]", "", value.lower()))) > 3  # noqa: PLR2004 - 00:00:…, aa:bb:…, 11:22:…


def _cpf(value: str, _: str) -> bool:
    digits = [int(digit) for digit in re.sub(r"\D", "", value)]
    for length in (9, 10):
        total = sum(digit * (length + 1 - place) for place, digit in enumerate(digits[:length]))
        if total * 10 % 11 % 10 != digits[length]:
            return False
    return len(digits) == 11  # noqa: PLR2004


def _any(*_: str) -> bool:
    return True


_SHAPES: tuple[tuple[str, str, re.Pattern[str], Callable[[str, str], bool]], ...] = (
    # kind, the text that must be there (_NUMERIC: a number of 7 characters), shape, check of the value and the 40 characters before it
    ("e-mail address", "@", _EMAIL, _email),
    ("phone number", "", _PHONE, _phone),
    ("phone number", _NUMERIC, _US_PHONE, _us_phone),
    ("card number", _NUMERIC, _CARD, _card),
    ("IBAN", "", _IBAN, _iban),
    ("US social security number", _NUMERIC, _SSN, _any),
    ("public IP address", _NUMERIC, _IPV4, _address),
    ("public IP address", ":", _IPV6, _address),
    ("MAC address", "", _MAC, _mac),
    ("bitcoin wallet", "bc1", _BITCOIN, _any),
    ("tax id", _NUMERIC, _CPF, _cpf),
    ("tax id", "", _CODICE, _any),
)

_LABELLED = (
    # kind, label in a text, the same as words of a key, shape of the value
    (
        "phone number",
        r"phone|mobile|cell|telefon\w{0,3}|tel|fax|msisdn|whatsapp|handy",
        "phone mobile cellphone telephone telefon telefono tel fax msisdn whatsapp phonenumber",
        r"\+?\(?[0-9](?:[ ()./-]{0,2}[0-9]){6,14}",
    ),
    (
        "national id",
        (
            r"ssn|social\s?security|cpf|sin|nif|nie|dni|aadhaar|uidai|bsn|burgerservice\w{0,6}|personnummer|nhs|steuer-?id"
            r"|pesel|cnp|ahv|nino|national\s?insurance|tax\s?id|tin|curp|rfc"
            r"|codice\s?fiscale|insee|rut|egn|oib|jmbg|hetu|cpr|fødselsnummer"
        ),
        (
            "ssn cpf sin nif nie dni aadhaar bsn personnummer nhs nhsnumber sinnumber pesel nino taxid"
            " tin curp insee rut codicefiscale pnr nationalid steuerid"
        ),
        (
            r"[A-Z]{0,6}[0-9](?:[ ./-]?[0-9]){5,15}[ -]?[A-Z]?|[A-Z]{2} ?(?:[0-9]{2} ?){3}[A-D]"
            r"|[A-Z]{4,6}[0-9]{6}[0-9A-Z]{2,8}"
        ),
    ),
    (
        "passport or licence number",
        r"passport(?:\s?(?:no|number|nr))?|driv(?:ing|er'?s?)\s?licen[cs]e",
        "passport passportnumber passportno drivinglicence driverslicense licencenumber",
        r"[A-Z]{0,5}[0-9]{6,12}[A-Z0-9]{0,4}",
    ),
    (
        "date of birth",
        r"dob|birth\s?date|birthday|date\s?of\s?birth|born|geburtsdatum",
        "dob birthdate birthday dateofbirth born",
        r"[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}|[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{2,4}",
    ),
    (
        "geo coordinates",
        r"coordinates?|gps|lat(?:itude)?(?:\s?/?\s?l(?:on|ng)\w{0,6})?|lo?ng(?:itude)?|geo\w{0,8}|location",
        "coordinates gps latitude longitude latlng latlon geo geolocation",
        r"-?[0-9]{1,3}\.[0-9]{3,8}(?:[, ;]{1,3}-?[0-9]{1,3}\.[0-9]{3,8})?",
    ),
    (
        "bitcoin wallet",
        r"bitcoin|btc|wallet",
        "bitcoin btc wallet bitcoinaddress wallets",
        r"[13][1-9A-HJ-NP-Za-km-z]{25,34}",
    ),
    (
        "card number",
        r"card(?:\s?(?:no|number|nr))?|credit\s?card|pan",
        "cardnumber creditcard pan ccnumber card",
        r"[3-6][0-9](?:[ -]?[0-9]){11,17}",
    ),
)
_LABELS = tuple(
    (
        kind,
        re.compile(
            rf"(?i:(?<![a-z])(?:{label})(?:[_ -]?(?:no|number|nr|num|id|address))?)(?:\\{{0,4}}[\"'`*]){{0,2}}[ \t]{{0,4}}"
            rf"(?:[:=#]|is|was|are|,)?[ \t]{{0,4}}(?:\\{{0,4}}[\"'`]){{0,1}}(?P<value>{shape})(?![A-Za-z0-9])"
        ),
        frozenset(words.split()),
        re.compile(shape),
    )
    for kind, label, words, shape in _LABELLED
)
_NAMES = frozenset(
    "fullname firstname lastname surname givenname familyname middlename maidenname cardholder cardholdername customername realname"
    " legalname patientname contactname".split()
)
_ADDRESSES = frozenset(
    "streetaddress homeaddress postaladdress billingaddress shippingaddress mailingaddress addressline street".split()
)


def personal_data(text: str, words: Places) -> Iterator[Span]:
    """Personal data that its own format or a label in the text gives away. `words` are those of the text."""
    numbers = [number.span() for number in _NUMBER.finditer(text)]
    for kind, hint, shape, valid in _SHAPES:
        if hint == _NUMERIC or hint in text:
            for found in _candidates(hint, shape, text, numbers):
                if valid(found[0], text[max(0, found.start() - 40) : found.start()]):
                    yield kind, *found.span()
    # Everything that a label names has a digit.
    if _DIGIT.search(text):
        yield from _named(text, words)


def _candidates(
    hint: str, shape: re.Pattern[str], text: str, numbers: list[tuple[int, int]]
) -> Iterator[re.Match[str]]:
    if hint == _NUMERIC:
        yield from _within(shape, text, numbers)
    elif hint == "@":
        yield from _around(shape, text)
    else:
        yield from shape.finditer(text)


def _around(shape: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """Matches with an `@`, looked for where one stands; places that lie close together are one."""
    start = end = 0
    at = text.find("@")
    while at >= 0:
        if at - _LONGEST_LOCAL > end:
            yield from shape.finditer(text, start, end)
            start = at - _LONGEST_LOCAL
        end = at + _LONGEST_DOMAIN
        at = text.find("@", at + 1)
    yield from shape.finditer(text, start, end)


def _within(shape: re.Pattern[str], text: str, numbers: list[tuple[int, int]]) -> Iterator[re.Match[str]]:
    """Matches that begin at most one character before a number and end in it; what follows is seen too."""
    for start, end in numbers:
        yield from shape.finditer(text, max(0, start - 1), end + 2)


def _named(text: str, words: Places) -> Iterator[Span]:
    if "values" in words:
        for name, value, begin, end in columns(text):
            if (said := personal_key(name, value)) is not None:
                yield said, begin, end
    for kind, labelled, _, _ in _LABELS:
        for found in _labelled(kind, labelled, text, words):
            value = found["value"]
            if sum(map(str.isdigit, value)) >= 6 or kind == "geo coordinates":  # noqa: PLR2004
                yield kind, *found.span("value")


def _labelled(kind: str, labelled: re.Pattern[str], text: str, words: Places) -> Iterator[re.Match[str]]:
    for start in starts(words, LABELS[kind].split()):
        if (found := labelled.match(text, start)) is not None:
            yield found


_INSERT = re.compile(
    r"(?i)\((?P<columns>[\w ,\"`]{3,400})\)\s{0,8}VALUES\s{0,8}\((?P<values>[^()\r\n\x00]{1,1000})\)"
)
_CELL = re.compile(r"\s{0,4}(?:\\?'(?P<text>[^'\\]{0,400})\\?'|(?P<bare>[^,']{0,100}))\s{0,4}(?:,|$)")


def columns(text: str) -> Iterator[tuple[str, str, int, int]]:
    """The columns of SQL INSERT statements with their values: name, value, where the value stands."""
    for insert in _INSERT.finditer(text):
        names = [name.strip(' "`') for name in insert["columns"].split(",")]
        for name, cell in zip(names, _CELL.finditer(insert["values"]), strict=False):
            group = "bare" if cell["text"] is None else "text"
            start = insert.start("values")
            yield name, cell[group], start + cell.start(group), start + cell.end(group)


def personal_key(name: str, value: str) -> str | None:
    """The kind of personal datum that a field's name says its value is; None where it says none."""
    parts = segments(name)
    joined = "".join(parts)
    tails = {joined, *parts[-1:], "".join(parts[-2:])}
    for kind, _, words, shape in _LABELS:
        if tails & words and shape.fullmatch(value.strip()):
            return kind
    if tails & _NAMES and len(value) > 1 and value[0].isupper() and not is_placeholder(value):
        return "person's name"
    if tails & _ADDRESSES and re.search(r"[0-9]", value) and " " in value and not is_placeholder(value):
        return "postal address"
    return None
