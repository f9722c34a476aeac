"""What the SDKs of OpenAI and Anthropic have in common: a client's `post`, streams, retries."""

from __future__ import annotations

from t800.integrations._calls import begin_llm, get, guarded, innermost, text
from t800.integrations._wrapping import Patches, around
from t800.session import current

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from typing import Any

    from t800.integrations._calls import Call, Fields

    Begun = tuple[Call, tuple["Api", Fields]]

_RAW = "X-Stainless-Raw-Response"
_OWN_NAMES = {"googleapis": "google", "amazonaws": "aws", "x": "x-ai"}


class Api:
    """How one SDK's requests and answers are read. An integration is a subclass for each of its paths."""

    source = ""
    provider = ""
    path = ""

    def messages(self, body: Fields) -> Any:
        """The prompt of a request."""
        raise NotImplementedError

    def answer(self, response: Any) -> Fields:
        """The fields of the event that a whole answer gives, with the response as `result`."""
        raise NotImplementedError

    def stream(self) -> Parts:
        """What gathers the parts of a streamed answer."""
        raise NotImplementedError


class Parts:
    """A streamed answer as it comes; `finished` once the model has said all of it."""

    finished = False

    def take(self, part: Any) -> bool:
        """Take the next part; whether it carries output."""
        raise NotImplementedError

    def fields(self) -> Fields:
        """The fields of the event, as far as they have come."""
        raise NotImplementedError

    def is_complete(self) -> bool:
        """Whether nothing more is worth waiting for."""
        raise NotImplementedError


def provider_of(client: Any, own: str) -> str | None:
    """Who serves: by the address that the client was given, since many speak the same language."""
    if "Azure" in type(client).__name__:
        return "azure"
    host = text(get(client, "base_url", "host")) or own
    labels = host.split(".")
    if len(labels) < 2 or labels[-1].isdigit() or ":" in host:  # noqa: PLR2004 - a name and what it belongs to
        return None
    return _OWN_NAMES.get(labels[-2], labels[-2])


def _begin(patches: Patches, apis: tuple[Api, ...]) -> Callable[[tuple[Any, ...], Fields], Begun | None]:
    @guarded
    def begin(args: tuple[Any, ...], kwargs: Fields) -> Begun | None:
        """Of `post(self, path, …)`."""
        if not patches or not current().enabled:
            return None
        client, path = args[0], args[1] if len(args) > 1 else kwargs["path"]
        api = next((api for api in apis if path.partition("?")[0].endswith(api.path)), None)
        body = kwargs.get("body")
        if api is None or not isinstance(body, dict):
            return None
        provider = provider_of(client, api.provider)
        call = begin_llm(api.source, text(body.get("model")), api.messages(body), provider=provider)
        return None if call is None else (call, (api, kwargs))

    return begin


@guarded
def _finish(call: Call, known: tuple[Api, Fields], response: Any) -> None:
    """The request is answered: by a whole answer, or by a stream that is watched from now on."""
    api, kwargs = known
    raw = get(kwargs, "options", "headers", _RAW)
    if raw == "stream":
        call.end()  # read by the caller, as bytes, or never
        return
    parsed = response.parse() if raw and hasattr(response, "parse") else response
    if not kwargs.get("stream"):
        fields = api.answer(parsed)
        call.end(fields.pop("result", None), **fields)
    elif not _watch(call, api.stream(), parsed):
        call.end()


def _watch(call: Call, parts: Parts, stream: Any) -> bool:
    """Look on as the stream is read, without changing what it is; False where it is none that we know."""
    inner = getattr(stream, "_iterator", None)
    close = getattr(stream, "close", None)
    if inner is None or close is None:
        return False
    if hasattr(inner, "__anext__"):
        stream._iterator = _read_async(call, parts, inner)  # noqa: SLF001 - a proxy would be another type

        async def closing() -> None:
            _over(call, parts, None)
            await close()
    else:
        stream._iterator = _read(call, parts, inner)  # noqa: SLF001 - as above

        def closing() -> None:  # type: ignore[misc]  # one of two
            _over(call, parts, None)
            close()

    stream.close = closing
    return True


def _read(call: Call, parts: Parts, inner: Iterator[Any]) -> Iterator[Any]:
    try:
        for part in inner:
            _take(call, parts, part)
            yield part
    except BaseException as error:
        _over(call, parts, error)
        raise
    _over(call, parts, None)


async def _read_async(call: Call, parts: Parts, inner: AsyncIterator[Any]) -> AsyncIterator[Any]:
    try:
        async for part in inner:
            _take(call, parts, part)
            yield part
    except BaseException as error:
        _over(call, parts, error)
        raise
    _over(call, parts, None)


@guarded
def _take(call: Call, parts: Parts, part: Any) -> None:
    if parts.take(part):
        call.first_token()
    if parts.is_complete():
        _over(call, parts, None)


@guarded
def _over(call: Call, parts: Parts, error: BaseException | None) -> None:
    """The stream has ended, or nobody reads on."""
    if not call.is_open:
        return
    fields = parts.fields()
    if error is None and not parts.finished:
        error = GeneratorExit()
    call.end(fields.pop("result", None), error, **fields)


def _retry(original: Any) -> Any:
    """Before the client waits and asks again: an error, of which is known what was done about it."""

    def wait(self: Any, *args: Any, **kwargs: Any) -> Any:
        _note_retry(kwargs)
        return original(self, *args, **kwargs)

    return wait


@guarded
def _note_retry(kwargs: Fields) -> None:
    call = innermost()
    if call is None or call.name is not None:
        return
    status = get(kwargs.get("response"), "status_code")
    error_type = f"HTTP_{status}" if isinstance(status, int) else "CONNECTION_FAILED"
    recovery = {"attempted": True, "strategy": "retry", "success": None}
    call.recorder.error(error_type, "the request is sent again", recovery=recovery, **call.place())


def install(patches: Patches, sync: type, asynchronous: type, apis: tuple[Api, ...]) -> None:
    """Record what the clients of an SDK send to these paths."""
    if patches:
        return
    for client, is_async in ((sync, False), (asynchronous, True)):
        patches.replace(client, "post", around(_begin(patches, apis), _finish, asynchronous=is_async))
        patches.replace(client, "_sleep_for_retry", _retry)
