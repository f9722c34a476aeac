"""Local only: a whole recording runs under a filter that kills at the first socket that could leave the machine."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in {"x86_64", "aarch64"},
    reason="the filter is written for Linux on x86_64 and aarch64",
)

FILTER = '''
import ctypes, platform, struct

ARCH, SOCKET = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}[platform.machine()]
KILL, ALLOW = 0x80000000, 0x7FFF0000
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
AF_INET, AF_INET6, AF_NETLINK = 2, 10, 16
AT_ARCH, AT_NUMBER, AT_FIRST_ARGUMENT = 4, 0, 16

def forbid_network():
    """From now on a socket of the network ends this process and every child of it; nobody can take that back."""
    code = [
        (LOAD, 0, 0, AT_ARCH), (EQUAL, 1, 0, ARCH), (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, AT_NUMBER), (EQUAL, 0, 5, SOCKET),
        (LOAD, 0, 0, AT_FIRST_ARGUMENT),
        (EQUAL, 2, 0, AF_INET), (EQUAL, 1, 0, AF_INET6), (EQUAL, 0, 1, AF_NETLINK),
        (RETURN, 0, 0, KILL), (RETURN, 0, 0, ALLOW),
    ]
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in code))
    header = struct.pack("HxxxxxxP", len(code), ctypes.addressof(program))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
    kept = ctypes.create_string_buffer(header)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.addressof(kept), 0, 0):
        raise SystemExit(99)

forbid_network()
'''

RECORDING = """
import asyncio, sys, t800
from t800 import reader
from t800.cli import main

with t800.session(agent="local", enabled=True, strict=True) as trace:
    with trace.phase("PLAN"), trace.tool("read", {"path": "a.py"}) as call:
        call.result("text")
    with trace.llm("some-model") as call:
        call.usage(prompt_tokens=10, completion_tokens=2)
    trace.error("TIMEOUT", "it took too long")

    @t800.traced
    async def work():
        await asyncio.sleep(0)

    asyncio.run(work())
    trace.flush()
    (session,) = reader.sessions(trace.layout)
    assert sum(1 for _ in session.events()) >= 4
for command in COMMANDS:
    try:
        code = main(command)
    except SystemExit as end:
        code = end.code
    assert code in {0, None}, (command, code)
"""

COMMANDS = [
    ["ls"],
    ["show", "last"],
    ["stats"],
    ["recover"],
    ["validate"],
    ["audit"],
    ["aggregate"],
    ["status"],
    ["prune", "--dry-run"],
]


def test_the_filter_kills_who_opens_a_socket(python: Run) -> None:
    for family in ["AF_INET", "AF_INET6", "AF_NETLINK"]:
        done = python(FILTER + f"import socket; socket.socket(socket.{family})", check=False)
        if done.returncode == 99:
            pytest.skip("seccomp filters are refused here")
        assert done.returncode == -31
    assert python(FILTER + "import socket; socket.socketpair(); print('lives')").stdout == "lives\n"


def test_nothing_of_a_recording_opens_a_socket(python: Run, project: Path) -> None:
    known = json.loads(
        python("from t800.cli.commands import COMMANDS; import json; print(json.dumps([*COMMANDS]))").stdout
    )
    commands = [command for command in COMMANDS if command[0] in known]
    done = python(FILTER + f"COMMANDS = {commands!r}\n" + RECORDING, check=False)
    if done.returncode == 99:
        pytest.skip("seccomp filters are refused here")
    assert done.returncode == 0, done.stderr
    assert "local" in done.stdout
