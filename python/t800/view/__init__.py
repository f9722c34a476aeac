"""The viewer: one HTML file that shows what an agent did, with the sessions' events inside and no request to anyone.

`page.html` is built from `src/` (see CONTRIBUTING) and committed, so that neither an installation nor a build of this
package needs anything but Python. `page` puts the data in; `write` puts the page where nobody else reads it.
"""

from __future__ import annotations

import base64
import html
import os
import struct
import zlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from t800.export import replaced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from t800.reader import SessionTrace
    from t800.trace_file import Part

    Shown = Callable[[Sequence[Part]], Iterable[Part]]

__all__ = ["page", "payload", "write"]

_TITLE = "<!--t800:title-->"
_DATA = "<!--t800:data-->"
_FORMAT = 1
_LEVEL = 9
_PIECE = 1 << 20


def page(runs: Sequence[Sequence[SessionTrace]], shown: Shown = iter) -> bytes:
    """The page for one run, or two side by side. A run is a session and those that began inside it.

    `shown` may show the progress of reading. Raises `CorruptTraceError` where a run has nothing to show.
    """
    title = " · ".join(_title(run[0]) for run in runs)
    before, _, rest = _template().partition(_TITLE.encode())
    middle, _, after = rest.partition(_DATA.encode())
    shown_title = html.escape(title).encode(errors="replace")
    return b"".join((before, shown_title, middle, base64.b64encode(payload(runs, shown)), after))


def payload(runs: Sequence[Sequence[SessionTrace]], shown: Shown = iter) -> bytes:
    """The data of a page, compressed: the length of a head, the head as JSON, then the runs' columns and texts."""
    from t800.trace_file import dump

    heads, bodies = [], []
    for run in runs:
        head, body = _run(run, shown)
        heads.append(head)
        bodies.append(body)
    made = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    front = dump({"format": _FORMAT, "made": made, "runs": heads})
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, 31)
    packed = [packer.compress(struct.pack("<I", len(front)) + front)]
    packed += [packer.compress(piece) for body in bodies for piece in _pieces(body)]
    return b"".join((*packed, packer.flush()))


def write(path: str, data: bytes) -> None:
    """Put a page at `path`: whole or not at all, readable by this user alone, in place of an older page.

    Raises `ExportError` where the folder is missing or cannot be written, or something else lies there.
    """
    with replaced(path) as out:
        out.write(data)


def _template() -> bytes:
    with open(os.path.join(os.path.dirname(__file__), "page.html"), "rb") as file:
        return file.read()


def _title(trace: SessionTrace) -> str:
    return f"{trace.metadata.get('agent') or 'agent'} {trace.session_id}"


def _run(run: Sequence[SessionTrace], shown: Shown) -> tuple[dict[str, Any], Iterable[bytes]]:
    from t800.view.columns import Columns

    columns = Columns()
    owner = {id(part): number for number, trace in enumerate(run) for part in trace.parts}
    for part in shown([part for trace in run for part in trace.parts]):
        number = owner[id(part)]
        for event in run[number].part_events(part):
            columns.add(event, number)
    if not len(columns) and run[0].damage:
        _ = run[0].header  # raises what is wrong with a file that is none of ours
    head, body = columns.encoded()
    return {"sessions": [_session(trace) for trace in run], **head}, body


def _session(trace: SessionTrace) -> dict[str, Any]:
    summary = trace.summary()
    return {
        "session_id": trace.session_id,
        "started": trace.started,
        "state": trace.state(summary),
        "metadata": trace.metadata,
        "summary": {name: value for name, value in summary.items() if name not in ("durations", "by_day")},
        "damage": [
            {"file": os.path.basename(d.file), "line": d.line, "problem": d.problem} for d in trace.damage
        ],
    }


def _pieces(body: Iterable[bytes]) -> Iterable[bytes]:
    """The same bytes in larger pieces: compressing a hundred at a time costs more than the compression."""
    waiting: list[bytes] = []
    size = 0
    for piece in body:
        waiting.append(piece)
        size += len(piece)
        if size >= _PIECE:
            yield b"".join(waiting)
            waiting, size = [], 0
    yield b"".join(waiting)
