"""What integrations share: calls in flight, what is inside what, and that nothing of ours reaches the framework."""

from __future__ import annotations

import sys
import time
from contextvars import ContextVar, copy_context
from weakref import WeakKeyDictionary

from t800.session import _warn as warn_once
from t800.session import current

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, ParamSpec, TypeVar

    from t800._core import Span
    from t800.session import Session

    P = ParamSpec("P")
    R = TypeVar("R")
    Fields = dict[str, Any]

TOKENS = ("prompt_tokens", "completion_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens")
_REQUEST = ("model", "provider", "messages", "parameters")
"""What a call is begun with, if it is known by then. A framework that learns it later tells it at the end."""
_REPORTED = "__t800_reported__"  # what the recorder sets on an exception that has its event
_MOST = 10_000

_here: ContextVar[Call | None] = ContextVar("t800_call", default=None)
"""The innermost call of this context; it may be over, where it ended in another context."""


def guarded(work: Callable[P, R]) -> Callable[P, R | None]:
    """`work`, from which no exception comes: the event is counted as lost, and the first of its kind is said."""

    def safe(*args: P.args, **kwargs: P.kwargs) -> R | None:
        try:
            return work(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - the framework runs on; the text may hold anything, so only its type
            _lost(work.__qualname__, error)
            return None

    safe.__name__, safe.__qualname__, safe.__doc__ = work.__name__, work.__qualname__, work.__doc__
    return safe


def _lost(name: str, error: Exception) -> None:
    try:
        current().count_unattributed()
        warn_once(f"an integration could not record ({name}: {type(error).__name__}); the event is missing")
    except Exception:  # noqa: BLE001 - not even that
        return


class Call:
    """One call of a model or of a tool, from its begin to its end.

    `span` is what becomes its event. None where the call is a layer below one that is recorded already, such as an
    SDK's request inside a framework's call of a model: what it knows then goes to the call above (`outer`).
    """

    __slots__ = (
        "agent", "before", "below", "entered", "is_open", "learned", "name", "outer", "raised", "recorder", "request", "source",
        "span", "waits",
    )  # fmt: skip

    def __init__(
        self,
        recorder: Session,
        source: str,
        name: str | None,
        span: Span | None,
        *,
        outer: Call | None = None,
        agent: str | None = None,
        request: Fields | None = None,
    ) -> None:
        """`name` is the tool's, None for a model; `source` is the integration that has seen the call."""
        self.recorder, self.source, self.name, self.span = recorder, source, name, span
        self.outer, self.agent = outer, agent
        self.request = {key: value for key, value in (request or {}).items() if value is not None}
        """What its begin was told, of `_REQUEST`."""
        self.is_open, self.entered = True, False
        self.raised: BaseException | None = None
        """What a layer below has raised, and has its event or will have it with this call's."""
        self.waits = name is None
        """Whether its first token is still to come: until then a request may be a layer of it."""
        self.below: list[Fields] = []
        self.learned: Fields = {}
        self.before = innermost()
        _here.set(self)

    @property
    def event(self) -> str | None:
        """The id of its event: what happens inside has it as its parent."""
        if self.span is not None:
            return self.span.id
        return self.outer.event if self.outer is not None else None

    @property
    def goes_on(self) -> bool:
        """Whether it is open, and what it is a layer of."""
        return self.is_open and (self.outer is None or self.outer.goes_on)

    def enter(self) -> None:
        """Make it the parent of everything that this context records: for tools, whose body runs here."""
        if self.span is not None:
            self.span.__enter__()
            self.entered = True

    def first_token(self) -> None:
        """A streamed answer has begun."""
        if self.waits and self.is_open:
            self.waits = False
            if self.span is not None:
                self.span.first_token()

    def learn(self, **fields: Any) -> None:
        """Something is known of it before it ends."""
        self.learned |= {name: value for name, value in fields.items() if value is not None}

    def end(self, result: Any = None, error: BaseException | None = None, **fields: Any) -> None:
        """The call is over. `fields` are those of its event; what is None is not known.

        An `error` becomes an event of its own, unless it is a cancellation: then the call is interrupted.
        """
        if not self.is_open:
            return
        self._leave()
        if error is not None:
            settle(error)
        known = self.learned | {name: value for name, value in fields.items() if value is not None}
        if self.outer is not None:
            self._tell_outer(known, result, error)
            return
        if self.below:
            self._take_from_below(known)
        answer = known.get("source_id") if self.name is None else None
        if self.span is not None and is_recorded(self.recorder, answer, besides=self.source):
            self.span.forget()
        elif self.span is not None:
            if result is not None:
                self.span.result(result)
            self.span.update(**{key: value for key, value in known.items() if key not in self.request})
            self._close(error)
            _remember(self.recorder, answer, self.source)

    def fail(self, error_type: str, message: str | None, result: Any = None, **fields: Any) -> None:
        """The call has failed, as its framework says in words."""
        if not self.is_open:
            return
        if self.outer is None and self.raised is None:
            self.recorder.error(error_type, message, tool=self.name, **self.place())
        self.end(result, success=False, **fields)

    def place(self) -> Fields:
        """Where an event inside this call is."""
        agent = {"agent_id": self.agent} if self.agent is not None else {}
        parent = {"parent_id": self.event} if self.event is not None else {}
        return {**parent, **agent}

    def _leave(self) -> None:
        self.is_open = False
        inner = _here.get()
        if inner is self:
            _here.set(self.before)
        elif self.entered and self.span is not None and not _is_inside(inner, self):
            # It ends in another context than it began in, which must not be changed: the span leaves a copy.
            copy_context().run(self.span.suspend)

    def _close(self, error: BaseException | None) -> None:
        if self.span is None:
            return
        raised = (None, None, None) if error is None else (type(error), error, error.__traceback__)
        if self.agent is None or error is None:
            self.span.__exit__(*raised)
            return
        with self.recorder.agent(self.agent):
            self.span.__exit__(*raised)

    def _tell_outer(self, known: Fields, result: Any, error: BaseException | None) -> None:
        outer = self.outer
        if outer is None:
            return
        if error is not None:
            outer.report(error)
        elif outer.is_open:
            outer.below.append({**self.request, **known, **({} if result is None else {"response": result})})

    def report(self, error: BaseException) -> None:
        """A layer below has failed: an error event, once for the exception. The call itself may yet succeed."""
        if isinstance(error, Exception) and not _has_event(error) and _mark(error):
            self.raised = error
            self.recorder.error(type_name(error), str(error), tool=self.name, **self.place())

    def _take_from_below(self, known: Fields) -> None:
        """Complete what is known by the layers below; a request with another answer than this is a call of its own."""
        own = known.get("source_id")
        ids = {below["source_id"] for below in self.below if "source_id" in below}
        several = own is None and len(ids) > 1
        for below in self.below:
            other = below.get("source_id")
            if several or (own is not None and other is not None and other != own):
                self.recorder.record({"type": "llm_call", "success": True, **self.place(), **below})
                continue
            response = below.pop("response", None)
            if response is not None and "response" not in known and self.name is None:
                known["response"] = response
            for name, value in below.items():
                known.setdefault(name, value)
        if several:
            for name in TOKENS:
                known.pop(name, None)


def _has_event(error: BaseException) -> bool:
    """Whether it, or what it was raised from, has an event: SDKs and frameworks wrap each other's exceptions."""
    seen: BaseException | None = error
    for _ in range(8):
        if seen is None or hasattr(seen, _REPORTED):
            break
        seen = seen.__cause__ or seen.__context__
    return seen is not None and hasattr(seen, _REPORTED)


def settle(error: BaseException) -> None:
    """Have nobody report an exception again whose cause has its event."""
    if _has_event(error):
        _mark(error)


def _mark(error: BaseException) -> bool:
    try:
        setattr(error, _REPORTED, True)
    except AttributeError:
        return False
    return True


def is_interruption(error: BaseException) -> bool:
    """Whether it ends what goes on, and is no failure of it."""
    return not isinstance(error, Exception) or type(error).__name__ in {"CancelledError", "Cancelled"}


def type_name(error: BaseException) -> str:
    """The name of an exception's type, as the recorder writes it."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _is_inside(inner: Call | None, outer: Call) -> bool:
    while inner is not None and inner is not outer:
        inner = inner.before
    return inner is not None


def innermost() -> Call | None:
    """The call in which this context is, of whatever integration; None where there is none."""
    call = _here.get()
    while call is not None and not call.goes_on:
        call = call.before
    return call


def begin_llm(
    source: str,
    model: str | None,
    messages: Any = None,
    *,
    provider: str | None = None,
    recorder: Session | None = None,
    nests: bool = False,
    **fields: Any,
) -> Call | None:
    """A model is being called; None where nothing is recorded. `fields` may place it: `parent_id`, `agent_id`.

    What is not known yet (the `model`, its `provider`, the `messages`) the end may say. `recorder` is who records, where a
    framework's threads have left the context behind. `nests` where calls of one source may be layers of one another:
    otherwise two calls of one source are two, such as two streams that are read by turns.
    """
    recorder = recorder or current()
    if not recorder.enabled:
        return None
    request = {"model": model, "provider": provider, "messages": messages}
    outer = innermost()
    if (
        outer is not None
        and outer.name is None
        and outer.waits
        and outer.recorder is recorder
        and (nests or outer.source != source)
    ):
        return Call(recorder, source, None, None, outer=outer, request=request)
    known = {key: value for key, value in fields.items() if value is not None}
    span = recorder.llm(model, messages, provider=provider, **known)
    return Call(recorder, source, None, span, agent=known.get("agent_id"), request=request)


def begin_tool(
    source: str,
    name: str | None,
    parameters: Any = None,
    *,
    enter: bool = True,
    recorder: Session | None = None,
    **fields: Any,
) -> Call | None:
    """A tool is being called; None where nothing is recorded. `enter` where its body runs in this context."""
    recorder = recorder or current()
    if not recorder.enabled:
        return None
    name, request = name or "unknown", {"parameters": parameters}
    outer = innermost()
    if outer is not None and outer.name == name and outer.source != source and outer.recorder is recorder:
        return Call(recorder, source, name, None, outer=outer, request=request)
    known = {key: value for key, value in fields.items() if value is not None}
    span = recorder.tool(name, parameters, **known)
    call = Call(recorder, source, name, span, agent=known.get("agent_id"), request=request)
    if enter:
        call.enter()
    return call


class _Seen:
    """What has its event already in a session, the latest of it."""

    def __init__(self) -> None:
        self.answers: dict[str, str] = {}
        """Who has seen an answer of a model's, by the provider's id."""
        self.agents: dict[str, tuple[str, int]] = {}
        """Who has noted the end of an agent, and when its work began, by name."""


_seen: WeakKeyDictionary[Session, _Seen] = WeakKeyDictionary()


def _seen_in(recorder: Session) -> _Seen:
    return _seen.setdefault(recorder, _Seen())


def _keep(known: dict[str, R], name: str, value: R) -> None:
    if len(known) >= _MOST:
        known.pop(next(iter(known)), None)
    known[name] = value


def _remember(recorder: Session, answer: str | None, source: str) -> None:
    if answer is not None and answer not in _seen_in(recorder).answers:
        _keep(_seen_in(recorder).answers, answer, source)


def is_recorded(recorder: Session, answer: str | None, besides: str) -> bool:
    """Whether a call with this answer was recorded already, by another layer than `besides`.

    One layer may well see an answer twice: caches give the same again.
    """
    by = _seen_in(recorder).answers.get(answer) if answer is not None else None
    return by is not None and by != besides


class Node:
    """One unit of a framework's own tree: what its children need to know."""

    __slots__ = ("agent", "began", "call", "event", "facts", "failures", "recorder")

    agent: str | None
    event: str | None
    recorder: Session | None

    def __init__(self, above: Node | None, call: Call | None = None, agent: str | None = None) -> None:
        """Inside `above`; `call` where it is one, `agent` where it is a (sub-)agent."""
        self.call = call
        self.began = time.monotonic_ns()
        self.agent = agent or (above.agent if above is not None else None)
        self.event = (call.event if call is not None else None) or (
            above.event if above is not None else None
        )
        self.recorder = above.recorder if above is not None else None
        self.facts: Fields = {}
        self.failures: set[tuple[str, str]] = set()
        """Errors that something inside has already."""

    def place(self) -> Fields:
        """Where an event of its children is; what is not known is left to the context."""
        return {
            **({"parent_id": self.event} if self.event else {}),
            **({"agent_id": self.agent} if self.agent else {}),
        }


def agent_over(node: Node, source: str, status: str, name: str | None = None, **place: Any) -> None:
    """An agent, or a whole run of `name`, has ended: a checkpoint, unless a layer below has noted the same work."""
    recorder, name = node.recorder, name or node.agent
    if recorder is None or name is None:
        return
    agents = _seen_in(recorder).agents
    noted = agents.pop(name, None)
    _keep(agents, name, (source, node.began))
    if noted is None or noted[0] == source or noted[1] < node.began:
        taken = (time.monotonic_ns() - node.began) / 1e6
        recorder.checkpoint(name, status, **{"duration_ms": taken, **place, "agent_id": node.agent})


class Tree:
    """The open units of a framework by its own ids. The oldest is forgotten where a framework never ends them."""

    def __init__(self) -> None:
        """Empty."""
        self.nodes: dict[object, Node] = {}

    def get(self, identity: object) -> Node | None:
        """The unit, if it is open."""
        return self.nodes.get(identity)

    def place(self, identity: object) -> Fields:
        """Where an event below that unit is."""
        node = self.nodes.get(identity)
        return node.place() if node is not None else {}

    def put(self, identity: object, node: Node) -> Node:
        """Keep a unit until `pop`."""
        if len(self.nodes) >= _MOST:
            self.nodes.pop(next(iter(self.nodes)), None)
        self.nodes[identity] = node
        return node

    def pop(self, identity: object) -> Node | None:
        """The unit is over."""
        return self.nodes.pop(identity, None)


def get(value: Any, *path: str | int) -> Any:
    """What stands at a path of attributes, keys and indices; None where there is no such thing."""
    for name in path:
        if value is None:
            return None
        if isinstance(name, int):
            value = value[name] if isinstance(value, (list, tuple)) and len(value) > name else None
        elif isinstance(value, dict):
            value = value.get(name)
        else:
            value = getattr(value, name, None)
    return value


def count(value: Any) -> int | None:
    """A number of tokens; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
        return None
    return int(value) if value == value and value < 1 << 53 else None  # noqa: PLR0124 - not a number is not itself


def first(*values: Any) -> int | None:
    """The first number of tokens among `values`."""
    return next((found for value in values if (found := count(value)) is not None), None)


def tokens(
    prompt: int | None,
    completion: int | None,
    cached: int | None = None,
    written: int | None = None,
    reasoning: int | None = None,
) -> Fields:
    """Token fields as the trace has them: all input, all output, and their parts.

    Some providers leave out of the input what a cache has read or written, and out of the output what was thought:
    a part that is larger than its whole is not in it.
    """
    parts = (cached or 0) + (written or 0)
    if prompt is not None and parts > prompt:
        prompt += parts
    if completion is not None and reasoning is not None and reasoning > completion:
        completion += reasoning
    return dict(zip(TOKENS, (prompt, completion, cached, written, reasoning), strict=True))


def text(value: Any) -> str | None:
    """A text, or None."""
    return value if isinstance(value, str) and value else None


def made_when_asked(
    module: dict[str, Any], name: str, own: type, base: Callable[[], type], doc: str
) -> Callable[[str], Any]:
    """The `__getattr__` of a module whose class `name` is our `own` upon a framework's: made when it is asked for."""

    def __getattr__(asked: str) -> Any:  # noqa: N807 - it becomes one
        if asked != name:
            raise AttributeError(f"module {module['__name__']!r} has no attribute {asked!r}")
        made = type(name, (own, base()), {"__doc__": doc, "__module__": module["__name__"]})
        module[name] = made
        return made

    return __getattr__


def framework(name: str, extra: str) -> Any:
    """Import a framework, or say which extra has it."""
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError as error:
        if name.partition(".")[0] in sys.modules:
            raise
        from t800.errors import MissingExtraError

        raise MissingExtraError(extra) from error
