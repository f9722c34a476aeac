"""From files to findings: each says where something stands and what it is, never the value."""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import TYPE_CHECKING, NamedTuple

from t800.audit.files import pieces
from t800.audit.oracle import Allowed, Oracle
from t800.audit.places import own
from t800.errors import CorruptTraceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from t800.audit.files import Piece

__all__ = ["Finding", "Report", "audit", "oracle_for"]


class Finding(NamedTuple):
    """One value that should not be there.

    `line` counts from 1 (0: the whole file), `event_id` and `key` are empty where there are none, `length` is the
    value's in characters, and `fingerprint` tells equal values by 8 hex digits of a keyed hash.
    """

    file: str
    line: int
    event_id: str
    key: str
    kind: str
    length: int
    fingerprint: str


class Report:
    """What an audit looked at and what it found.

    `findings` lists at most 1,000 of a file, `found` counts them all; `unread` are files (with the reason) that
    could not be read to their end.
    """

    def __init__(self) -> None:
        self.files = 0
        self.events = 0
        self.bytes = 0
        self.found = 0
        self.findings: list[Finding] = []
        self.unread: list[tuple[str, str]] = []

    @property
    def clean(self) -> bool:
        """Whether everything was read and nothing found."""
        return not self.found and not self.unread


_MOST_LISTED = 1000


def oracle_for(values: Mapping[str, object], environ: Mapping[str, str] = os.environ) -> Oracle:
    """The oracle for traces recorded under these settings, on this machine.

    Of the settings it takes the redaction value, the further names of keys, the sensitive directories, and what is
    allowed.
    """
    folders = (os.path.expanduser(str(folder)) for folder in _texts(values.get("file_paths.sensitive_dirs")))
    known = own(environ, (folder for folder in folders if folder != "/etc"))
    marker = str(values.get("redaction_value") or "[REDACTED]")
    return Oracle(known, marker, frozenset(_texts(values.get("always_redact"))), _allowed(values))


def _allowed(values: Mapping[str, object]) -> Allowed:
    given = values.get("telemetry.privacy.allow")
    items = given if isinstance(given, list | tuple) else []
    patterns = [str(item["pattern"]) for item in items if isinstance(item, dict)]
    return Allowed([item for item in items if isinstance(item, str)], patterns)


def _texts(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list | tuple) else []


def audit(paths: Iterable[str], oracle: Oracle, key: bytes) -> Report:
    """Look through files; `key` keys the fingerprints. Never raises for what is in a file."""
    report = Report()
    for path in paths:
        report.files += 1
        _File(path, oracle, key, report).read()
    return report


class _File:
    """The audit of one file."""

    def __init__(self, path: str, oracle: Oracle, key: bytes, report: Report) -> None:
        self._path = path
        self._oracle = oracle
        self._key = key
        self._report = report
        self._listed = 0
        self._seen: set[tuple[str, str]] = set()

    def read(self) -> None:
        try:
            for piece in pieces(self._path):
                self._report.events += piece.is_event
                self._report.bytes += piece.size
                self._look(piece)
        except CorruptTraceError as error:
            self._report.unread.append((self._path, error.problem))
        except (OSError, RecursionError) as error:
            self._report.unread.append((self._path, str(getattr(error, "strerror", None) or error)))

    def _look(self, piece: Piece) -> None:
        for leak in self._oracle.tree(piece.value, piece.key):
            fingerprint = self._fingerprint(leak.value)
            # What the tables of a database have shown already stands in its pages too.
            if piece.key == "(binary)" and (leak.kind, fingerprint) in self._seen:
                continue
            self._seen.add((leak.kind, fingerprint))
            self._add(
                Finding(
                    self._path, piece.line, piece.event_id, leak.key, leak.kind, len(leak.value), fingerprint
                )
            )

    def _add(self, finding: Finding) -> None:
        self._report.found += 1
        self._listed += 1
        if self._listed <= _MOST_LISTED:
            self._report.findings.append(finding)

    def _fingerprint(self, value: str) -> str:
        return hmac.new(self._key, value.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:8]
