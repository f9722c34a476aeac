"""How fast texts are redacted: 64 KB of each kind, scanned or hashed, beside parsing and writing the same JSON."""

from typing import Any

import orjson
import pytest

from t800 import bench, config
from t800._core import Redactor

SIZE = 64 << 10
SECRET = "token=" + bench.PLANTED[0] + "\n"

TEXTS = {
    "code": "    for attempt in range(3):\n        if fetch(url, timeout=5) is None:\n            break\n",
    "prose": "The tariff is read in order of weight, and a parcel of exactly the limit still belongs to its band. ",
    "log": "2026-01-15T10:30:00Z INFO parcels.quote request 4711 took 45 ms, status=200, path=/quote/4200\n",
    # Full of what secrets begin with, and none behind it.
    "adversarial": "token= eyJ :// password: sk- ghp_ AKIA user@ -----BEGIN Bearer key= ",
    "secrets": SECRET,
}


def line_of(text: str) -> bytes:
    """A decision whose outcome is the text, as often as it takes."""
    return orjson.dumps({"type": "decision", "outcome": (text * (SIZE // len(text) + 1))[:SIZE]})


def redactor(*, hashed: bool) -> Redactor:
    limits = {"telemetry.privacy.max_value_bytes": SIZE // 4 if hashed else SIZE * 2}
    return Redactor(
        settings=config.defaults(limits).compiled(), key=bytes(32), home="/home/u", identity=False
    )


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.benchmark(group="redaction of 64 KB")
def test_scanned(name: str, benchmark: Any) -> None:
    line = line_of(TEXTS[name])
    redacted = benchmark(redactor(hashed=False).redact_json, line)
    benchmark.extra_info["megabytes_per_second"] = round(SIZE / benchmark.stats.stats.median / 1e6)
    assert bench.PLANTED[0].encode() not in redacted
    if name in {"code", "prose", "log"}:
        assert redacted == line


@pytest.mark.benchmark(group="redaction of 64 KB")
def test_hashed(benchmark: Any) -> None:
    event = {"type": "tool_call", "result": {"content": TEXTS["code"] * (SIZE // len(TEXTS["code"]))}}
    redacted = orjson.loads(benchmark(redactor(hashed=True).redact_json, orjson.dumps(event)))
    benchmark.extra_info["megabytes_per_second"] = round(SIZE / benchmark.stats.stats.median / 1e6)
    assert redacted["result"]["content"].startswith("[content hash: ")


@pytest.mark.benchmark(group="redaction of 64 KB")
def test_floor(benchmark: Any) -> None:
    line = line_of(TEXTS["code"])
    assert benchmark(lambda: orjson.dumps(orjson.loads(line))) == line
