"""DSPy: language models, tools and whole programs.

>>> from t800.integrations import dspy
>>> dspy.install()

It is a callback of DSPy's own, beside those that a program configures. Who prefers to say where, gives
`callbacks=[dspy.T800Callback()]` to `dspy.configure` or to a component instead of `install()`.
"""

from __future__ import annotations

from t800.integrations._calls import (
    Node,
    Tree,
    agent_over,
    begin_llm,
    begin_tool,
    framework,
    get,
    guarded,
    innermost,
    is_interruption,
    made_when_asked,
    text,
)
from t800.integrations._wrapping import Patches
from t800.integrations.openai import usage_fields
from t800.session import current

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from t800.integrations._calls import Fields

__all__ = ["T800Callback", "install", "uninstall"]  # noqa: F822 - made when it is asked for

_SOURCE = "dspy"
_patches = Patches()


class _Callback:
    """What the callback does; see `T800Callback`. What is called is told by its `call_id`."""

    def __init__(self) -> None:
        self.enabled = True
        self._tree = Tree()

    def _above(self) -> Node | None:
        """What the call is in: known also in DSPy's own threads."""
        return self._tree.get(framework("dspy.utils.callback_context", "dspy").ACTIVE_CALL_ID.get())

    @guarded
    def on_lm_start(self, call_id: str, instance: Any, inputs: Fields) -> None:
        """A language model is asked; a cache may answer for it."""
        if not self.enabled:
            return
        above = self._above()
        name = text(get(instance, "model")) or type(instance).__name__
        front, slash, rest = name.partition("/")
        messages = inputs.get("messages") or inputs.get("prompt")
        call = begin_llm(
            _SOURCE,
            rest if slash else name,
            messages,
            provider=front if slash else None,
            recorder=above.recorder if above is not None else None,
            **(above.place() if above is not None else {}),
        )
        self._tree.put(call_id, Node(above, call))

    @guarded
    def on_lm_end(self, call_id: str, outputs: Any, exception: BaseException | None = None) -> None:
        """It has answered, or failed. What it has used stands in its history, see `_noted`."""
        node = self._tree.pop(call_id)
        if node is not None and node.call is not None:
            node.call.end({"content": outputs} if outputs is not None else None, exception)

    @guarded
    def on_tool_start(self, call_id: str, instance: Any, inputs: Fields) -> None:
        """A tool is called."""
        if not self.enabled:
            return
        above = self._above()
        given = inputs.get("kwargs") if set(inputs) == {"kwargs"} else inputs
        call = begin_tool(
            _SOURCE,
            text(get(instance, "name")),
            given,
            recorder=above.recorder if above is not None else None,
            **(above.place() if above is not None else {}),
        )
        self._tree.put(call_id, Node(above, call))

    @guarded
    def on_tool_end(self, call_id: str, outputs: Any, exception: BaseException | None = None) -> None:
        """A tool has returned, or failed."""
        node = self._tree.pop(call_id)
        if node is not None and node.call is not None:
            node.call.end(outputs, exception)

    @guarded
    def on_module_start(self, call_id: str, instance: Any, inputs: Fields) -> None:  # noqa: ARG002 - the framework's
        """A program, or a part of one, begins."""
        above = self._above()
        recorder = (above.recorder if above is not None else None) or current()
        if self.enabled and recorder.enabled:
            node = self._tree.put(call_id, Node(above))
            node.recorder = recorder
            if above is None:
                node.facts = {"name": type(instance).__name__}

    @guarded
    def on_module_end(self, call_id: str, outputs: Any, exception: BaseException | None = None) -> None:  # noqa: ARG002 - likewise
        """It is over: a checkpoint, if it was the whole program."""
        node = self._tree.pop(call_id)
        if node is not None and node.facts:
            failed = "interrupted" if exception is not None and is_interruption(exception) else "failed"
            agent_over(node, _SOURCE, "completed" if exception is None else failed, **node.facts)


def _noting(original: Any) -> Any:
    """A model's history is written where it was asked, and so in the call that has asked it."""

    def update_history(self: Any, entry: Any, *args: Any, **kwargs: Any) -> Any:
        _note(entry)
        return original(self, entry, *args, **kwargs)

    return update_history


@guarded
def _note(entry: Any) -> None:
    call = innermost()
    while call is not None and call.source != _SOURCE:
        call = call.before
    if call is None or call.name is not None or not call.is_open:
        return
    response, cost = get(entry, "response"), get(entry, "cost")
    if get(response, "cache_hit"):
        call.learn(attributes={"cache_hit": True})
        return
    own = float(cost) if isinstance(cost, (int, float)) and cost > 0 else None
    used = usage_fields(get(response, "usage"))
    call.learn(source_id=text(get(response, "id")), cost_usd=own, **used)


_installed: Any = None


def install() -> None:
    """Have every call of DSPy recorded."""
    global _installed  # noqa: PLW0603 - one for the process
    if _patches:
        return
    framework("dspy", "dspy")
    if _installed is None:
        _installed = __getattr__("T800Callback")()
    _installed.enabled = True
    # A program's own `dspy.configure(callbacks=…)` would take the place of what was configured before.
    _patches.replace(framework("dspy.dsp.utils.settings", "dspy").Settings, "get", _with_ours)
    _patches.replace(framework("dspy.clients.base_lm", "dspy").BaseLM, "update_history", _noting)


def _with_ours(original: Any) -> Any:
    def get(self: Any, key: Any, default: Any = None) -> Any:
        found = original(self, key, default)
        if key != "callbacks" or any(isinstance(each, _Callback) for each in found or ()):
            return found
        return [*(found or ()), _installed]

    return get


def uninstall() -> None:
    """Take it back: what runs already is recorded to its end."""
    _patches.undo()
    if _installed is not None:
        _installed.enabled = False


# `T800Callback`, the callback itself: a subclass of the framework's own class.
__getattr__ = made_when_asked(
    globals(),
    "T800Callback",
    _Callback,
    lambda: framework("dspy.utils.callback", "dspy").BaseCallback,
    "Records what the components do that it is given to.",
)
