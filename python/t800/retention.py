"""Retention: which sessions go, when, and why; compression of what stays.

Only what is certainly ours is touched: regular files of this user with a trace file's exact name, whose first
line carries the session id of that name. A session that is live or was written to lately without an end,
links, and other people's files stay. A session's parts and its companions in `.t800/` go together.
"""

from __future__ import annotations

import os
import time
import zlib

from t800.errors import CorruptTraceError
from t800.layout import write_own_file
from t800.system import Folder, create_file, is_own, is_regular, replace, set_mode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager

    from t800.config import Settings
    from t800.layout import Layout
    from t800.reader import SessionTrace
    from t800.trace_file import Part

__all__ = ["Report", "Retired", "auto", "compress", "plan", "prune"]

COMPRESS_FROM = 1 << 20
"""Bytes from which on a closed file is compressed."""

SCAN_EVERY_S = 60
_DAY_S = 86_400
_MB = 1 << 20
_STEP = 1 << 18
_LOCK = "retention.lock"
_STAMP = "retention.stamp"


class Retired:
    """A session, or the oldest parts of a live one, that retention takes away: which files, and why."""

    __slots__ = ("bytes", "parts", "reason", "trace", "whole")

    def __init__(self, trace: SessionTrace, parts: list[Part], reason: str) -> None:
        self.trace = trace
        self.parts = parts
        self.reason = reason
        self.whole = len(parts) == len(trace.parts)
        self.bytes = sum(part.size for part in parts)

    def __repr__(self) -> str:
        return f"Retired({self.stem!r}, {len(self.parts)} files, {self.reason!r})"

    @property
    def stem(self) -> str:
        """The common beginning of the session's file names."""
        return self.trace.stem

    @property
    def paths(self) -> list[str]:
        """The trace files that go."""
        return [part.path for part in self.parts]


class Report:
    """What a run of retention did, or would do: what went, what had to stay and why, what was compressed."""

    __slots__ = ("compressed", "dry_run", "kept", "retired")

    def __init__(self, *, dry_run: bool) -> None:
        self.dry_run = dry_run
        self.retired: list[Retired] = []
        self.kept: list[tuple[str, str]] = []
        self.compressed: list[str] = []

    @property
    def bytes(self) -> int:
        """Bytes of the trace files that went."""
        return sum(retired.bytes for retired in self.retired)


def plan(layout: Layout, settings: Settings, now: float | None = None) -> list[Retired]:
    """What the settings want gone at `now` (seconds since 1970), oldest first. Nothing is touched."""
    from t800.reader import scan

    return _Plan(scan(layout)[0], settings, time.time() if now is None else now).retired


def prune(layout: Layout, settings: Settings, *, dry_run: bool = False, now: float | None = None) -> Report:
    """Retire what the settings want gone and compress large closed files. Says what was done, or would be.

    Ages are counted at `now` (seconds since 1970). Raises `TraceFileError` where the folder cannot be read or
    written. Another run at the same moment makes this one wait.
    """
    report = Report(dry_run=dry_run)
    if dry_run or not os.path.isdir(layout.traces):
        _sort_out(plan(layout, settings, now), report)
        return report
    with _locked(layout.private, float("inf")):
        _run(layout, plan(layout, settings, now), report)
    return report


def auto(layout: Layout, settings: Settings, *, packing: bool = True) -> Report | None:
    """What sessions do in the background: count, retire and, unless `packing` is false, compress.

    At most once a minute for all processes. None where nothing is due or cleanup is off. Never raises.
    """
    try:
        if not settings.values.get("telemetry.retention.auto_cleanup") or not _is_due(layout.private):
            return None
        return _once(layout, settings, packing=packing)
    except Exception:  # noqa: BLE001 - in the background of an agent nothing may surface
        return None


def compress(layout: Layout) -> list[str]:
    """Compress the closed files of 1 MiB and more; the paths of the new ones.

    The plain file goes only once the compressed one is complete on disk; mode 0600, modification time kept.
    """
    from t800.reader import scan

    done = (_compress_part(layout, trace, part) for trace in scan(layout)[0] for part in _compressible(trace))
    return [path for path in done if path is not None]


class _Plan:
    """The rules, applied one after the other; a session goes for the first reason that fits."""

    def __init__(self, traces: list[SessionTrace], settings: Settings, now: float) -> None:
        self.retired: list[Retired] = []
        self._now = now
        self._limits = {name: _limit(settings, name) for name in ("max_trace_files", "max_trace_age_days")}
        self._keep_errors = _limit(settings, "keep_errors_days")
        self._oldest_first = traces[::-1]
        self._open = {trace.stem for trace in traces if trace.live or trace.unfinished}
        self._retire_old()
        self._retire_many()
        self._retire_large(_limit(settings, "max_total_mb"))

    def _retire_old(self) -> None:
        days = self._limits["max_trace_age_days"]
        for trace in self._candidates() if days else ():
            if self._is_older(trace, days):
                self._take(trace, f"older than {days:g} days")

    def _retire_many(self) -> None:
        """A run counts once, with all that was begun inside it, and goes as a whole: the one longest at rest first."""
        from t800.reader import families

        most = self._limits["max_trace_files"]
        remaining = self._remaining()
        # Which sessions are one run their headers tell: read only where there may be too many.
        runs = families(remaining[::-1])[::-1] if 0 < most < len(remaining) else []
        may_go = {trace.stem for trace in self._candidates()}
        over = len(runs) - most
        for run in runs:
            if over <= 0:
                return
            if may_go.issuperset(trace.stem for trace in run):
                over -= 1
                for trace in reversed(run):
                    self._take(trace, f"more than {most:g} sessions")

    def _retire_large(self, most_mb: float) -> None:
        over = sum(trace.size for trace in self._remaining()) - most_mb * _MB if most_mb else 0
        reason = f"more than {most_mb:g} MB in all"
        for trace in self._candidates():
            if over <= 0:
                return
            over -= trace.size
            self._take(trace, reason)
        for trace in self._remaining():
            over -= self._take_parts(trace, over, reason)

    def _take_parts(self, trace: SessionTrace, over: float, reason: str) -> int:
        """The oldest finished parts of a live session, as many as needed; its last part is being written."""
        parts: list[Part] = []
        for part in trace.parts[:-1]:
            if over <= sum(part.size for part in parts):
                break
            parts.append(part)
        if parts and trace.stem in self._open:
            self.retired.append(Retired(trace, parts, reason))
            return self.retired[-1].bytes
        return 0

    def _take(self, trace: SessionTrace, reason: str) -> None:
        self.retired.append(Retired(trace, trace.parts, reason))

    def _remaining(self) -> list[SessionTrace]:
        gone = {retired.stem for retired in self.retired}
        return [trace for trace in self._oldest_first if trace.stem not in gone]

    def _candidates(self) -> list[SessionTrace]:
        return [
            trace for trace in self._remaining() if trace.stem not in self._open and not self._is_kept(trace)
        ]

    def _is_kept(self, trace: SessionTrace) -> bool:
        """Whether its errors keep it."""
        if not self._keep_errors or self._is_older(trace, self._keep_errors):
            return False
        summary = trace.summary()
        return bool(summary["errors"] or summary["failed"])

    def _is_older(self, trace: SessionTrace, days: float) -> bool:
        """By the younger of its files and its name: neither a wrong clock nor a copy makes a session old."""
        then = self._now - days * _DAY_S
        return trace.mtime_ns / 1e9 < then and _started(trace.stem) < then


def _limit(settings: Settings, name: str) -> float:
    value = settings.values.get(f"telemetry.retention.{name}")
    return value if isinstance(value, int | float) else 0


def _started(stem: str) -> float:
    from calendar import timegm

    try:
        return timegm(time.strptime(stem[:19], "%Y-%m-%d_%H-%M-%S"))
    except ValueError:
        return 0


def _once(layout: Layout, settings: Settings, *, packing: bool) -> Report | None:
    with _locked(layout.private, 0):
        if not _is_due(layout.private):
            return None
        write_own_file(os.path.join(layout.private, _STAMP), b"")
        return _tend(layout, settings, packing=packing)


def _tend(layout: Layout, settings: Settings, *, packing: bool) -> Report:
    """Days are counted before their sessions can go."""
    from t800.aggregate.daily import catch_up

    report = Report(dry_run=False)
    # An agent may be waiting behind us.
    catch_up(layout, wait_s=1)
    _run(layout, plan(layout, settings), report, packing=packing)
    return report


def _run(layout: Layout, planned: list[Retired], report: Report, *, packing: bool = True) -> None:
    _sort_out(planned, report)
    done = [retired for retired in report.retired if _retire(layout, retired, report)]
    report.retired = done
    _forget(layout, [retired.stem for retired in done if retired.whole])
    _forget_rows(layout)
    if packing:
        report.compressed = compress(layout)


def _sort_out(planned: Iterable[Retired], report: Report) -> None:
    for retired in planned:
        doubt = next(
            (f"{part.path}: {why}" for part in retired.parts if (why := _doubt(retired.trace, part))), ""
        )
        if doubt:
            report.kept.append((retired.stem, doubt))
        else:
            report.retired.append(retired)


def _doubt(trace: SessionTrace, part: Part) -> str:
    """Why a file may not be ours to delete; empty when it is."""
    from t800.reader import carries

    try:
        info = os.lstat(part.path)
        session_id = part.header()["session_id"]
    except (OSError, CorruptTraceError) as error:
        return str(error)
    if not is_regular(info) or not is_own(info):
        return "it is not a regular file of this user"
    if not carries(trace.id_in_name, session_id):
        return "its first line has another session id than its name"
    return ""


def _retire(layout: Layout, retired: Retired, report: Report) -> bool:
    if retired.whole and retired.trace.live:
        report.kept.append((retired.stem, "it is live again"))
        return False
    if not retired.whole:
        _remember_parts(layout, retired)
    gone = [_unlink(part) for part in retired.parts]
    if retired.whole and all(gone):
        _unlink_companions(layout.private, retired.stem)
    if not all(gone):
        report.kept.append((retired.stem, "a file could not be deleted, or was changed"))
    return all(gone)


def _unlink(part: Part) -> bool:
    """Delete the file that was judged, not another one that has taken its name."""
    name = os.path.basename(part.path)
    with Folder(os.path.dirname(part.path)) as folder:
        try:
            info = folder.lstat(name)
            same = is_regular(info) and (info.st_size, info.st_mtime_ns) == (part.size, part.mtime_ns)
            if same and is_own(info):
                folder.unlink(name)
                return True
        except OSError:
            return False
    return False


def _unlink_companions(private: str, stem: str) -> None:
    for name in _names(private):
        path = os.path.join(private, name)
        if name.startswith(f"{stem}.") and _is_own_file(path):
            _try_unlink(path)


def _is_own_file(path: str) -> bool:
    try:
        info = os.lstat(path)
    except OSError:
        return False
    return is_regular(info) and is_own(info)


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _try_unlink(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return


def _remember_parts(layout: Layout, retired: Retired) -> None:
    """Parts of a live session stay counted: their summary moves to a companion file."""
    from t800.summary import derive, merge
    from t800.trace_file import dump

    earlier = retired.trace.retired
    pieces = [earlier] if earlier else []
    total = derive(merge(*pieces, *(retired.trace.part_summary(part) for part in retired.parts)))
    write_own_file(os.path.join(layout.private, f"{retired.stem}.retired"), dump(total))


def _forget(layout: Layout, stems: list[str]) -> None:
    """Retired sessions leave the memory index with their traces."""
    if stems and os.path.lexists(os.path.join(layout.private, "memory.sqlite")):
        from t800.memory import Episodes

        Episodes(layout).forget(stems)


def _forget_rows(layout: Layout) -> None:
    """What queries have made of traces goes with them, by whatever way they went."""
    if os.path.isdir(os.path.join(layout.private, "parquet")):
        from t800.aggregate.parquet import forget

        forget(layout)


# Compression


def _compressible(trace: SessionTrace) -> Iterator[Part]:
    large = [part for part in trace.parts if not part.packed and part.size >= COMPRESS_FROM]
    if not large:
        return
    still_written = trace.parts[-1] if trace.live or trace.unfinished else None
    yield from (part for part in large if part is not still_written)


def _compress_part(layout: Layout, trace: SessionTrace, part: Part) -> str | None:
    if _doubt(trace, part):
        return None
    target = f"{part.path}.gz"
    temporary = os.path.join(layout.private, f"{os.path.basename(target)}.tmp")
    try:
        source = part.open()
        try:
            _pack(source, temporary, part)
        finally:
            os.close(source)
        replace(temporary, target)
    except OSError:
        _try_unlink(temporary)
        return None
    return target if _unlink(part) else None


def _pack(source: int, temporary: str, part: Part) -> None:
    _try_unlink(temporary)
    packed = create_file(temporary)
    try:
        set_mode(packed, 0o600)
        packer = zlib.compressobj(6, zlib.DEFLATED, 31)
        for block in iter(lambda: os.read(source, _STEP), b""):
            _write(packed, packer.compress(block))
        _write(packed, packer.flush())
        # The plain file goes next: without this a power cut could take both.
        os.fsync(packed)
    finally:
        os.close(packed)
    os.utime(temporary, ns=(part.mtime_ns, part.mtime_ns))


def _write(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


# One scan at a time


def _is_due(private: str) -> bool:
    try:
        last = os.lstat(os.path.join(private, _STAMP)).st_mtime
    except FileNotFoundError:
        return True
    return abs(time.time() - last) >= SCAN_EVERY_S


def _locked(private: str, wait_s: float) -> AbstractContextManager[None]:
    """The lock that all runs of retention share. Raises `TraceFileError` where it cannot be had."""
    from t800.lock import locked

    return locked(os.path.join(private, _LOCK), wait_s)
