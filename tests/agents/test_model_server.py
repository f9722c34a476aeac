"""The scripted model: what it sends is what its log says, in each dialect, whole and in parts."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from model_server import ModelServer, Tool, Turn, Usage

USAGE = Usage(prompt=120, completion=31, cached=40, cache_write=16, reasoning=7)
TURN = Turn("three short words", [Tool("read", {"path": "a b.py"})], USAGE)
PATHS = ["/v1/chat/completions", "/v1/responses", "/v1/messages"]


def has_loopback() -> bool:
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            socket.create_connection(server.getsockname(), timeout=5).close()
    except OSError:
        return False
    return True


pytestmark = pytest.mark.skipif(not has_loopback(), reason="there is no loopback network")


def post(server: ModelServer, path: str, body: dict[str, Any]) -> tuple[int, str]:
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=30)
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, text


def events(text: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        if line.startswith("data: {"):
            yield json.loads(line.removeprefix("data: "))


def of_chat(answer: dict[str, Any]) -> Usage:
    usage, details = answer["usage"], answer["usage"]["prompt_tokens_details"]
    reasoning = usage["completion_tokens_details"]["reasoning_tokens"]
    cached, written = details["cached_tokens"], details["cache_write_tokens"]
    return Usage(usage["prompt_tokens"], usage["completion_tokens"], cached, written, reasoning)


def of_responses(answer: dict[str, Any]) -> Usage:
    usage, details = answer["usage"], answer["usage"]["input_tokens_details"]
    reasoning = usage["output_tokens_details"]["reasoning_tokens"]
    cached, written = details["cached_tokens"], details["cache_write_tokens"]
    return Usage(usage["input_tokens"], usage["output_tokens"], cached, written, reasoning)


def of_messages(answer: dict[str, Any]) -> Usage:
    usage = answer["usage"]
    cached, written = usage["cache_read_input_tokens"], usage["cache_creation_input_tokens"]
    return Usage(usage["input_tokens"] + cached + written, usage["output_tokens"], cached, written, 0)


# What each API has a number for.
CARRIED = {
    "chat": (of_chat, USAGE),
    "responses": (of_responses, USAGE),
    "messages": (of_messages, Usage(120, 31, 40, 16, 0)),
}


@pytest.mark.parametrize("path", PATHS)
def test_a_whole_answer_carries_the_turn(path: str) -> None:
    with ModelServer({"m": [TURN]}) as server:
        status, text = post(server, path, {"model": "m"})
    answer, (served,) = json.loads(text), server.log
    read, carried = CARRIED[served.api]
    assert (status, answer["id"], answer["model"]) == (200, served.response_id, "m")
    assert (read(answer), served.usage, served.tools, served.complete) == (carried, USAGE, ("read",), True)
    assert "three short words" in text
    assert "a b.py" in text


def test_a_chat_stream_ends_with_the_usage_if_it_was_asked_for() -> None:
    with ModelServer({"m": [TURN, TURN]}) as server:
        asked = {"model": "m", "stream": True, "stream_options": {"include_usage": True}}
        chunks = list(events(post(server, PATHS[0], asked)[1]))
        silent = list(events(post(server, PATHS[0], {"model": "m", "stream": True})[1]))
    words = [chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks if chunk["choices"]]
    assert "".join(words) == TURN.text
    assert of_chat(chunks[-1]) == CARRIED["chat"][1]
    assert not any("usage" in chunk for chunk in silent)


def test_a_responses_stream_ends_with_the_whole_response() -> None:
    with ModelServer({"m": [TURN]}) as server:
        found = list(events(post(server, PATHS[1], {"model": "m", "stream": True})[1]))
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    assert (
        "".join(event["delta"] for event in found if event["type"] == "response.output_text.delta")
        == TURN.text
    )
    assert (found[-1]["type"], of_responses(found[-1]["response"])) == ("response.completed", USAGE)


def test_a_messages_stream_gives_input_first_and_output_last() -> None:
    with ModelServer({"m": [TURN]}) as server:
        found = list(events(post(server, PATHS[2], {"model": "m", "stream": True})[1]))
    first, last = found[0]["message"], next(event for event in found if event["type"] == "message_delta")
    assert of_messages({"usage": first["usage"] | last["usage"]}) == CARRIED["messages"][1]
    assert found[-1] == {"type": "message_stop"}


def test_errors_come_in_their_turn_and_models_have_scripts_of_their_own() -> None:
    script = {
        "a": [Turn("slow down", status=429), Turn("over", status=503), Turn("well")],
        "b": [Turn("other")],
    }
    with ModelServer(script) as server:
        found = [post(server, PATHS[0], {"model": model})[0] for model in "abaaa"]
    assert found == [429, 200, 503, 200, 400]
    assert [served.status for served in server.log] == found
    assert server.surprises == ["a"]
    assert [served.model for served in server.answered()] == ["b", "a"]


def test_a_client_that_goes_away_leaves_an_incomplete_answer() -> None:
    with ModelServer({"m": [Turn("one two", hang=True)]}) as server:
        connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=30)
        connection.request("POST", PATHS[0], json.dumps({"model": "m", "stream": True}))
        response = connection.getresponse()
        assert response.readline().startswith(b"data: ")
        response.close()
        connection.close()
        (served,) = server.settled()
    assert not served.complete


def test_as_a_program_it_prints_its_address_and_its_log(tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    script.write_text(json.dumps({"m": [{"text": "hello", "usage": {"prompt": 3, "completion": 2}}]}))
    program = [sys.executable, str(Path(__file__).with_name("model_server.py")), str(script)]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        host = process.stdout.readline().strip().removeprefix("http://")
        connection = http.client.HTTPConnection(host, timeout=30)
        connection.request("POST", PATHS[0], json.dumps({"model": "m"}))
        assert connection.getresponse().status == 200
        connection.close()
        process.stdin.close()
        served = json.loads(process.stdout.readline())
    assert (served["model"], served["usage"]["prompt"], served["usage"]["completion"]) == ("m", 3, 2)
