"""A language model that follows a script: OpenAI's and Anthropic's APIs on loopback, and a log of what was served.

A script is a list of turns for each model. A request takes the next turn of its model; what the server then sends is
written down as a `Served`, which tests compare with the trace, call by call and token by token.

As a program it serves a script from a file until its standard input ends, and prints its log as JSON lines:
`python model_server.py SCRIPT.json [PORT]`, where the script is `{"model": [{"text": "…", "usage": {…}}, …]}`.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

Json = dict[str, Any]
WAIT = 30.0


@dataclasses.dataclass(frozen=True)
class Usage:
    """Tokens as a trace counts them: `prompt` and `completion` are all, the others are parts of them."""

    prompt: int = 10
    completion: int = 5
    cached: int = 0
    cache_write: int = 0
    reasoning: int = 0


@dataclasses.dataclass(frozen=True)
class Tool:
    """A tool that the model asks for."""

    name: str
    arguments: Json = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Turn:
    """One answer. A `status` other than 200 is an HTTP error with `text` as its message.

    `pause` is waited between the parts of a stream; with `hang`, a stream stops after its first part until the client
    goes away or the server is closed.
    """

    text: str = ""
    tools: Sequence[Tool] = ()
    usage: Usage = Usage()
    status: int = 200
    pause: float = 0.0
    hang: bool = False


@dataclasses.dataclass(frozen=True)
class Served:
    """What one request got. `complete` is false where the client went away before the end."""

    api: str
    model: str
    status: int
    stream: bool
    response_id: str | None
    usage: Usage | None
    tools: tuple[str, ...]
    complete: bool
    request: Json = dataclasses.field(repr=False, compare=False)

    def as_json(self) -> Json:
        return dataclasses.asdict(self)


def script_of(text: str) -> dict[str, list[Turn]]:
    """A script from JSON."""
    return {model: [_turn(turn) for turn in turns] for model, turns in json.loads(text).items()}


def _turn(known: Json) -> Turn:
    tools = [Tool(**tool) for tool in known.get("tools", [])]
    return Turn(**{**known, "tools": tools, "usage": Usage(**known.get("usage", {}))})


class ModelServer:
    """Serves a script on a port of loopback while it is entered.

    `otherwise` answers where a model has no turn left; without it such a request fails and is in `surprises`.
    """

    def __init__(
        self, script: Mapping[str, Sequence[Turn]], *, otherwise: Turn | None = None, port: int = 0
    ) -> None:
        self._turns = {model: list(turns) for model, turns in script.items()}
        self._otherwise = otherwise
        self._lock = threading.Lock()
        self._number = 0
        self.log: list[Served] = []
        self.surprises: list[str] = []
        self.under_way = 0
        self.closing = threading.Event()
        server = self

        class Request(_Request):
            owner = server

        self._http = ThreadingHTTPServer(("127.0.0.1", port), Request)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """The base of the API: what `base_url` of a client wants, without `/v1`."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()

    def next_turn(self, model: str) -> Turn:
        with self._lock:
            turns = self._turns.get(model)
            if turns:
                return turns.pop(0)
            if self._otherwise is None:
                self.surprises.append(model)
                return Turn(f"the script has no turn for the model {model!r}", status=400)
            return self._otherwise

    def next_id(self, front: str) -> str:
        with self._lock:
            self._number += 1
            return f"{front}{self._number:06d}"

    def note(self, served: Served) -> None:
        with self._lock:
            self.log.append(served)

    def answered(self) -> list[Served]:
        """What was served to its end, in the order in which it ended."""
        with self._lock:
            return [served for served in self.log if served.status == 200 and served.complete]

    def settled(self) -> list[Served]:
        """The log, once no request is under way: a client is often gone before its stream is written down."""
        deadline = time.monotonic() + WAIT
        while self.under_way and time.monotonic() < deadline:
            time.sleep(0.01)
        with self._lock:
            return list(self.log)

    def count(self, change: int) -> None:
        with self._lock:
            self.under_way += change


class _Request(BaseHTTPRequestHandler):
    """One request: finds the dialect by the path, and answers with the model's next turn."""

    owner: ModelServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name that the base class gives it)
        """Nothing on stderr."""

    def do_GET(self) -> None:
        self._send(200, {"object": "list", "data": []})

    def do_POST(self) -> None:
        self.owner.count(1)
        try:
            self._answer()
        finally:
            self.owner.count(-1)

    def _answer(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        dialect = next(
            (known for known in DIALECTS if self.path.partition("?")[0].endswith(known.paths())), None
        )
        if dialect is None:
            self._send(404, {"error": {"message": f"no such path: {self.path}"}})
            return
        model, stream = dialect.asked(self.path, body)
        body = {**body, "model": model, "stream": stream}
        turn = self.owner.next_turn(model)
        if turn.status != 200:
            # Written down first: who has the answer may already look.
            self._note(dialect, body, Answer(turn, model, ""), complete=True)
            self._send(turn.status, {"type": "error", "error": {"type": "scripted", "message": turn.text}})
            return
        answer = Answer(turn, model, self.owner.next_id(dialect.front))
        if stream:
            self._note(dialect, body, answer, complete=self._stream(dialect.parts(answer, body), turn))
        else:
            self._note(dialect, body, answer, complete=True)
            self._send(200, dialect.whole(answer))

    def _note(self, dialect: Dialect, body: Json, answer: Answer, *, complete: bool) -> None:
        turn, good = answer.turn, answer.turn.status == 200
        self.owner.note(
            Served(
                dialect.name,
                answer.model,
                turn.status,
                bool(body.get("stream")),
                answer.id if good else None,
                turn.usage if good else None,
                tuple(tool.name for tool in turn.tools) if good else (),
                complete,
                body,
            )
        )

    def _send(self, status: int, body: Json) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, parts: Iterator[str], turn: Turn) -> bool:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        try:
            for part in parts:
                self.wfile.write(part.encode())
                self.wfile.flush()
                if turn.hang and not self._client_stays():
                    return False
                time.sleep(turn.pause)
        except OSError:
            return False
        return True

    def _client_stays(self) -> bool:
        """Whether the client sends something again; a client that goes away does not."""
        self.connection.settimeout(0.05)
        while not self.owner.closing.is_set():
            try:
                return bool(self.connection.recv(1))
            except TimeoutError:
                continue
        return False


@dataclasses.dataclass(frozen=True)
class Answer:
    """A turn with the names that it gets on the wire."""

    turn: Turn
    model: str
    id: str

    def call_id(self, at: int) -> str:
        return f"call_{self.id[-6:]}_{at}"

    def words(self) -> list[str]:
        """The text in the pieces of a stream."""
        return self.turn.text.replace(" ", " \0").split("\0") if self.turn.text else []


def _event(data: Json, name: str | None = None) -> str:
    return (f"event: {name}\n" if name else "") + f"data: {json.dumps(data)}\n\n"


class Dialect:
    """How one API speaks."""

    name: str
    path: str
    front: str

    def paths(self) -> tuple[str, ...]:
        """How the addresses end that it answers."""
        return (self.path,)

    def asked(self, path: str, body: Json) -> tuple[str, bool]:
        """The model, and whether its answer is to be streamed."""
        return str(body.get("model")), bool(body.get("stream"))

    def whole(self, answer: Answer) -> Json:
        raise NotImplementedError

    def parts(self, answer: Answer, body: Json) -> Iterator[str]:
        raise NotImplementedError


class ChatCompletions(Dialect):
    """OpenAI's chat completions."""

    name, path, front = "chat", "/chat/completions", "chatcmpl-"

    @staticmethod
    def usage(usage: Usage) -> Json:
        return {
            "prompt_tokens": usage.prompt,
            "completion_tokens": usage.completion,
            "total_tokens": usage.prompt + usage.completion,
            "prompt_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": usage.cache_write},
            "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
        }

    @staticmethod
    def calls(answer: Answer) -> list[Json]:
        return [
            {
                "index": at,
                "id": answer.call_id(at),
                "type": "function",
                "function": {"name": tool.name, "arguments": json.dumps(tool.arguments)},
            }
            for at, tool in enumerate(answer.turn.tools)
        ]

    def frame(self, answer: Answer, kind: str) -> Json:
        return {"id": answer.id, "object": kind, "created": 1, "model": answer.model}

    def whole(self, answer: Answer) -> Json:
        message: Json = {"role": "assistant", "content": answer.turn.text or None}
        if answer.turn.tools:
            message["tool_calls"] = [
                {key: value for key, value in call.items() if key != "index"} for call in self.calls(answer)
            ]
        choice = {"index": 0, "message": message, "finish_reason": self.reason(answer), "logprobs": None}
        usage = self.usage(answer.turn.usage)
        return {**self.frame(answer, "chat.completion"), "choices": [choice], "usage": usage}

    @staticmethod
    def reason(answer: Answer) -> str:
        return "tool_calls" if answer.turn.tools else "stop"

    def parts(self, answer: Answer, body: Json) -> Iterator[str]:
        frame = self.frame(answer, "chat.completion.chunk")

        def chunk(delta: Json, reason: str | None = None) -> str:
            return _event({**frame, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})

        yield chunk({"role": "assistant", "content": ""})
        for word in answer.words():
            yield chunk({"content": word})
        for call in self.calls(answer):
            yield chunk({"tool_calls": [call]})
        yield chunk({}, self.reason(answer))
        if (body.get("stream_options") or {}).get("include_usage"):
            yield _event({**frame, "choices": [], "usage": self.usage(answer.turn.usage)})
        yield "data: [DONE]\n\n"


class Responses(Dialect):
    """OpenAI's responses."""

    name, path, front = "responses", "/responses", "resp_"

    @staticmethod
    def usage(usage: Usage) -> Json:
        return {
            "input_tokens": usage.prompt,
            "input_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": usage.cache_write},
            "output_tokens": usage.completion,
            "output_tokens_details": {"reasoning_tokens": usage.reasoning},
            "total_tokens": usage.prompt + usage.completion,
        }

    @staticmethod
    def items(answer: Answer) -> list[Json]:
        items: list[Json] = []
        if answer.turn.text:
            part = {"type": "output_text", "text": answer.turn.text, "annotations": []}
            message = {"type": "message", "id": f"msg_{answer.id}", "role": "assistant"}
            items.append({**message, "status": "completed", "content": [part]})
        for at, tool in enumerate(answer.turn.tools):
            call = {"type": "function_call", "id": f"fc_{answer.call_id(at)}", "call_id": answer.call_id(at)}
            arguments = json.dumps(tool.arguments)
            items.append({**call, "name": tool.name, "arguments": arguments, "status": "completed"})
        return items

    def frame(self, answer: Answer, status: str, *, done: bool) -> Json:
        return {
            "id": answer.id,
            "object": "response",
            "created_at": 1,
            "status": status,
            "model": answer.model,
            "output": self.items(answer) if done else [],
            "usage": self.usage(answer.turn.usage) if done else None,
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "error": None,
            "incomplete_details": None,
            "instructions": None,
            "metadata": {},
            "temperature": 1.0,
            "top_p": 1.0,
        }

    def whole(self, answer: Answer) -> Json:
        return self.frame(answer, "completed", done=True)

    def parts(self, answer: Answer, body: Json) -> Iterator[str]:
        for number, event in enumerate(self._events(answer)):
            yield _event({**event, "sequence_number": number}, event["type"])

    def _events(self, answer: Answer) -> Iterator[Json]:
        yield {"type": "response.created", "response": self.frame(answer, "in_progress", done=False)}
        for at, item in enumerate(self.items(answer)):
            place = {"output_index": at, "item_id": item["id"]}
            if item["type"] == "message":
                yield from self._message(item, place, answer.words())
            else:
                empty = {**item, "arguments": "", "status": "in_progress"}
                yield {"type": "response.output_item.added", "output_index": at, "item": empty}
                front = "response.function_call_arguments"
                yield {"type": f"{front}.delta", **place, "delta": item["arguments"]}
                yield {
                    "type": f"{front}.done",
                    **place,
                    "arguments": item["arguments"],
                    "name": item["name"],
                }
                yield {"type": "response.output_item.done", "output_index": at, "item": item}
        yield {"type": "response.completed", "response": self.whole(answer)}

    @staticmethod
    def _message(item: Json, place: Json, words: list[str]) -> Iterator[Json]:
        at, part, inside = place["output_index"], item["content"][0], {**place, "content_index": 0}
        empty = {**item, "content": [], "status": "in_progress"}
        yield {"type": "response.output_item.added", "output_index": at, "item": empty}
        yield {"type": "response.content_part.added", **inside, "part": {**part, "text": ""}}
        for word in words:
            yield {"type": "response.output_text.delta", **inside, "delta": word, "logprobs": []}
        yield {"type": "response.output_text.done", **inside, "text": part["text"], "logprobs": []}
        yield {"type": "response.content_part.done", **inside, "part": part}
        yield {"type": "response.output_item.done", "output_index": at, "item": item}


class Messages(Dialect):
    """Anthropic's messages, whose input tokens leave out what a cache has read or written."""

    name, path, front = "messages", "/messages", "msg_"

    @staticmethod
    def usage(usage: Usage, output: int) -> Json:
        return {
            "input_tokens": usage.prompt - usage.cached - usage.cache_write,
            "cache_read_input_tokens": usage.cached,
            "cache_creation_input_tokens": usage.cache_write,
            "output_tokens": output,
        }

    @staticmethod
    def blocks(answer: Answer) -> list[Json]:
        text: list[Json] = [{"type": "text", "text": answer.turn.text}] if answer.turn.text else []
        return text + [
            {"type": "tool_use", "id": answer.call_id(at), "name": tool.name, "input": tool.arguments}
            for at, tool in enumerate(answer.turn.tools)
        ]

    def frame(self, answer: Answer) -> Json:
        return {
            "id": answer.id,
            "type": "message",
            "role": "assistant",
            "model": answer.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": self.usage(answer.turn.usage, 1),
        }

    @staticmethod
    def reason(answer: Answer) -> str:
        return "tool_use" if answer.turn.tools else "end_turn"

    def whole(self, answer: Answer) -> Json:
        usage = self.usage(answer.turn.usage, answer.turn.usage.completion)
        return {
            **self.frame(answer),
            "content": self.blocks(answer),
            "stop_reason": self.reason(answer),
            "usage": usage,
        }

    def parts(self, answer: Answer, body: Json) -> Iterator[str]:
        for event in self._events(answer):
            yield _event(event, event["type"])

    def _events(self, answer: Answer) -> Iterator[Json]:
        yield {"type": "message_start", "message": self.frame(answer)}
        for at, block in enumerate(self.blocks(answer)):
            if block["type"] == "text":
                start: Json = {"type": "text", "text": ""}
                deltas = [{"type": "text_delta", "text": word} for word in answer.words()]
            else:
                start = {**block, "input": {}}
                deltas = [{"type": "input_json_delta", "partial_json": json.dumps(block["input"])}]
            yield {"type": "content_block_start", "index": at, "content_block": start}
            for delta in deltas:
                yield {"type": "content_block_delta", "index": at, "delta": delta}
            yield {"type": "content_block_stop", "index": at}
        yield {
            "type": "message_delta",
            "delta": {"stop_reason": self.reason(answer), "stop_sequence": None},
            "usage": {"output_tokens": answer.turn.usage.completion},
        }
        yield {"type": "message_stop"}


class Contents(Dialect):
    """Google's content generation, whose output tokens leave out what was thought."""

    name, path, front = "contents", ":generateContent", "gem_"

    def paths(self) -> tuple[str, ...]:
        return (self.path, ":streamGenerateContent")

    def asked(self, path: str, body: Json) -> tuple[str, bool]:
        model, _, verb = path.partition("?")[0].rpartition("/")[2].partition(":")
        return model, verb.startswith("stream")

    def frame(self, answer: Answer, parts: list[Json], reason: str | None) -> Json:
        candidate: Json = {"index": 0, "content": {"role": "model", "parts": parts}}
        if reason is not None:
            candidate["finishReason"] = reason
        return {"candidates": [candidate], "modelVersion": answer.model, "responseId": answer.id}

    @staticmethod
    def usage(usage: Usage) -> Json:
        return {
            "promptTokenCount": usage.prompt,
            "cachedContentTokenCount": usage.cached,
            "candidatesTokenCount": usage.completion - usage.reasoning,
            "thoughtsTokenCount": usage.reasoning,
            "totalTokenCount": usage.prompt + usage.completion,
        }

    @staticmethod
    def calls(answer: Answer) -> list[Json]:
        return [{"functionCall": {"name": tool.name, "args": tool.arguments}} for tool in answer.turn.tools]

    def whole(self, answer: Answer) -> Json:
        said: list[Json] = [{"text": answer.turn.text}] if answer.turn.text else []
        frame = self.frame(answer, said + self.calls(answer), "STOP")
        return {**frame, "usageMetadata": self.usage(answer.turn.usage)}

    def parts(self, answer: Answer, body: Json) -> Iterator[str]:
        for word in answer.words():
            yield _event(self.frame(answer, [{"text": word}], None))
        last = self.frame(answer, self.calls(answer) or [{"text": ""}], "STOP")
        yield _event({**last, "usageMetadata": self.usage(answer.turn.usage)})


DIALECTS = (ChatCompletions(), Responses(), Messages(), Contents())


def main() -> None:
    script = script_of(Path(sys.argv[1]).read_text(encoding="utf-8"))
    port = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    with ModelServer(script, port=port) as server:
        print(server.url, flush=True)  # noqa: T201
        sys.stdin.read()
        for served in server.log:
            print(json.dumps(served.as_json()))  # noqa: T201


if __name__ == "__main__":
    main()
