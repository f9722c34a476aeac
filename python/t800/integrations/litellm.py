"""LiteLLM: completions of every provider behind it, sync, async and streamed, with the cost that it reports.

>>> from t800.integrations import litellm
>>> litellm.install()

Calls by `litellm.completion(…)`, `litellm.acompletion(…)` and its router are recorded; a name that was imported before
(`from litellm import completion`) is not.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

from t800.integrations._calls import begin_llm, framework, get, guarded, text
from t800.integrations._wrapping import Patches, around
from t800.integrations.openai import APIS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from t800.integrations._calls import Call, Fields
    from t800.integrations._clients import Parts

__all__ = ["install", "uninstall"]

_patches = Patches()
_CHAT = APIS[0]
_streams: WeakKeyDictionary[Any, tuple[Call, Parts]] = WeakKeyDictionary()
"""The streams that are being read."""


def install() -> None:
    """Record the completions that are asked for from now on."""
    if _patches:
        return
    litellm = framework("litellm", "litellm")
    _patches.replace(litellm, "completion", around(_begin, _finish, asynchronous=False))
    _patches.replace(litellm, "acompletion", around(_begin, _finish, asynchronous=True))
    stream = getattr(litellm, "CustomStreamWrapper", None)
    if stream is not None:
        _patches.replace(stream, "__next__", _next)
        _patches.replace(stream, "__anext__", _anext)


def uninstall() -> None:
    """Take it back."""
    _patches.undo()


@guarded
def _begin(args: tuple[Any, ...], kwargs: Fields) -> tuple[Call, None] | None:
    named = dict(zip(("model", "messages"), args, strict=False)) | kwargs
    model = str(named.get("model") or "unknown")
    provider, slash, name = model.partition("/")
    own = text(named.get("custom_llm_provider")) or (provider if slash else None)
    call = begin_llm("litellm", name or model, named.get("messages"), provider=own)
    return None if call is None else (call, None)


@guarded
def _finish(call: Call, _: None, response: Any) -> None:
    if hasattr(response, "completion_stream"):
        _streams[response] = call, _CHAT.stream()
        return
    fields = _CHAT.answer(response)
    call.end(fields.pop("result", None), cost_usd=_cost(response), **fields)


def _cost(response: Any) -> float | None:
    """What LiteLLM says that it cost: nothing is what it says of models that it does not know."""
    cost = get(response, "_hidden_params", "response_cost")
    return float(cost) if isinstance(cost, (int, float)) and cost > 0 else None


@guarded
def _take(stream: Any, part: Any) -> None:
    known = _streams.get(stream)
    if known is not None and known[1].take(part):
        known[0].first_token()


@guarded
def _over(stream: Any, error: BaseException) -> None:
    known = _streams.pop(stream, None)
    if known is None:
        return
    call, parts = known
    fields = parts.fields()
    ended = isinstance(error, (StopIteration, StopAsyncIteration))
    call.end(fields.pop("result", None), None if ended else error, **fields)


def _next(original: Any) -> Any:
    def following(self: Any) -> Any:
        try:
            part = original(self)
        except BaseException as error:
            _over(self, error)
            raise
        _take(self, part)
        return part

    return following


def _anext(original: Any) -> Any:
    async def following(self: Any) -> Any:
        try:
            part = await original(self)
        except BaseException as error:
            _over(self, error)
            raise
        _take(self, part)
        return part

    return following
