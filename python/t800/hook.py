"""What `t800-hook` needs Python for, and what stands in for it where it is missing.

`python -m t800.hook settings …` checks a configuration and keeps what follows from it in the user's state directory;
`… tidy …` looks after the folder of a session that has ended; anything else does what `t800-hook` does.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from t800.layout import Layout

_OFF = b'{"telemetry.enabled":false}'


def main(arguments: Sequence[str]) -> int:
    """Run a command line; 0 unless settings could not be made. Nothing is printed."""
    command, *rest = arguments or [""]
    if command == "settings":
        return _settings(*rest)
    if command == "tidy":
        return _tidy(*rest)
    from t800._core import run_hook

    run_hook(list(arguments), sys.executable)
    return 0


def _settings(root: str, telemetry: str, file: str, digest: str) -> int:
    """Write the settings of a project to `file`, where its configuration has this digest (none: empty)."""
    from t800.config import keep_settings, load, read_config
    from t800.errors import ConfigError
    from t800.layout import Layout, install_key, sha256_hex

    place = Layout(root, telemetry)
    try:
        settings = load(place)
        compiled = settings.compiled() if settings.enabled else _OFF
        data = read_config(place.config_file)
    except ConfigError:
        # Refused: off, until the file is another one.
        compiled, data = _OFF, None
    else:
        if (sha256_hex(data) if data is not None else "") != digest:
            return 1
    if compiled != _OFF:
        install_key()
        place.create()
    keep_settings(file, compiled, os.environ)
    return 0


def _tidy(root: str, telemetry: str, session_id: str) -> int:
    """Do what a Python program does when its session ends: sums of days, retention."""
    from t800 import config, layout, retention
    from t800.aggregate import daily

    place = layout.Layout(root, telemetry)
    daily.update_all(place, _stems(place, session_id))
    settings = config.load_or_off(place)
    if settings.enabled:
        retention.auto(place, settings, packing=True)
    return 0


def _stems(place: Layout, session_id: str) -> list[str]:
    """The names of a session's documents, those of its resumptions too."""
    stems = {name.partition(".")[0] for name in os.listdir(place.traces)}
    return sorted(stem for stem in stems if stem[20:].startswith(session_id))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Exception:  # noqa: BLE001 - an agent waits for this process, and shows what it prints
        sys.exit(1)
