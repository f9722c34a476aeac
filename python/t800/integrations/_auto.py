"""Switching integrations on by themselves: each when its framework is imported, and none before."""

from __future__ import annotations

import os
import sys
from _thread import _local as thread_local

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

FRAMEWORKS = {
    "agents": "openai_agents",
    "anthropic": "anthropic",
    "autogen_agentchat.agents": "autogen",
    "autogen_agentchat.teams": "autogen",
    "autogen_core": "autogen",
    "claude_agent_sdk": "claude_agent_sdk",
    "crewai": "crewai",
    "dspy": "dspy",
    "google.adk.runners": "google_adk",
    "langchain_core.tracers.context": "langchain",
    "litellm": "litellm",
    "llama_index.core": "llama_index",
    "mcp": "mcp",
    "openai": "openai",
    "opentelemetry.sdk.trace": "otel",
    "smolagents": "smolagents",
}
"""The module whose import switches an integration on."""


class Watch:
    """A finder that finds nothing itself: it looks on as the modules it waits for are imported."""

    def __init__(self, waiting: dict[str, str]) -> None:
        """`waiting`: integrations by the modules they wait for."""
        self.waiting = waiting
        self._asking = thread_local()

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """What the other finders find, with a look at the module when it runs.

        Who asks may only want to know whether there is such a module: it is waited for until it has run.
        """
        integration = self.waiting.get(name)
        if integration is None or getattr(self._asking, "name", None) == name:
            return None
        self._asking.name = name  # another finder may ask all of them in turn, as this one does
        try:
            spec = self._found(name, path, target)
        finally:
            self._asking.name = None
        if spec is not None:
            self._look_on(spec, integration)
        return spec

    def _found(self, name: str, path: Sequence[str] | None, target: ModuleType | None) -> ModuleSpec | None:
        for finder in sys.meta_path:
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = find(name, path, target) if find is not None else None
            if spec is not None:
                return spec
        return None

    def _look_on(self, spec: ModuleSpec, integration: str) -> None:
        """Have the integration switched on when the module of `spec` has run. Its loader stays what it is."""
        loader: Any = spec.loader
        try:
            run = loader.exec_module

            def exec_module(module: ModuleType) -> None:
                del loader.exec_module
                run(module)
                if self.waiting.pop(spec.name, None) is not None:
                    switch_on(integration)

            loader.exec_module = exec_module
        except AttributeError:
            return  # a loader of an unusual kind: the framework is imported, and not recorded


def switch_on(integration: str) -> None:
    """Install one integration; where that fails, the program goes on without it."""
    try:
        from importlib import import_module

        import_module(f"t800.integrations.{integration}").install()
    except Exception as error:  # noqa: BLE001 - an unknown version of a framework must not end the program
        from t800.session import _warn

        _warn(f"the integration {integration} could not be switched on: {type(error).__name__}")


def auto(exclude: Iterable[str] = ()) -> None:
    """See `t800.auto`."""
    if os.environ.get("T800_AUTO", "").lower() in {"0", "false", "no", "off"}:
        return
    left_out = {name.replace("-", "_") for name in ([exclude] if isinstance(exclude, str) else exclude)}
    for module, name in FRAMEWORKS.items():
        if name not in left_out:
            when_imported(module, name)


def when_imported(module: str, integration: str) -> None:
    """Switch an integration on once a module of its framework is there, or now if it is."""
    if module in sys.modules:
        switch_on(integration)
        return
    watch = next((finder for finder in sys.meta_path if isinstance(finder, Watch)), None)
    if watch is None:
        watch = Watch({})
        sys.meta_path.insert(0, watch)
    watch.waiting[module] = integration
