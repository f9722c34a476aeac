"""How fast texts are redacted: 64 KB of each kind, scanned or hashed, beside parsing and writing the same JSON."""

import subprocess
import sys
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


@pytest.mark.parametrize("copies", [1, 1000])
@pytest.mark.benchmark(group="a clean string of 200 bytes")
def test_clean(copies: int, benchmark: Any) -> None:
    """One call each, and a thousand strings in one call, which shows the string without the call."""
    text = (TEXTS["prose"] * 3)[:200]
    line = orjson.dumps({"items": [text] * copies})
    assert benchmark(redactor(hashed=False).redact_json, line) == line
    each = benchmark.stats.stats.median / copies
    benchmark.extra_info["nanoseconds_each"] = round(each * 1e9)


@pytest.mark.benchmark(group="redaction of 64 KB")
def test_floor(benchmark: Any) -> None:
    line = line_of(TEXTS["code"])
    assert benchmark(lambda: orjson.dumps(orjson.loads(line))) == line


RULES = [{"id": f"acme.rule{n}", "pattern": f"R{n}-[0-9]{{6}}", "keywords": [f"R{n}-"]} for n in range(20)]


@pytest.mark.parametrize("rules", [0, 20])
@pytest.mark.benchmark(group="setting up a redactor")
def test_set_up(rules: int, benchmark: Any) -> None:
    """The first redactor of a process, with its tables and the first event: each round is a process of its own."""
    settings = config.defaults({"telemetry.privacy.rules": RULES[:rules]}).compiled()
    code = (
        "import sys, time\nfrom t800._core import Redactor\nsettings = sys.stdin.buffer.read()\n"
        "start = time.perf_counter()\n"
        "redactor = Redactor(settings=settings, key=bytes(32), home='/home/u', identity=False)\n"
        "redactor.redact_json(b'[\"token=x ghp_y https://a:b@c.d dev@acme.dev\"]')\n"
        "print(time.perf_counter() - start)\n"
    )

    def first() -> float:
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, input=settings, capture_output=True, check=True)  # noqa: S603 - our own code
        return float(done.stdout)

    taken = sorted(first() for _ in range(7))
    benchmark.extra_info["milliseconds_for_the_first"] = round(taken[3] * 1e3, 3)
    benchmark(Redactor, settings=settings, key=bytes(32), home="/home/u", identity=False)
    assert taken[0] < 0.005
