"""The decorator `traced`: one tool call for each call of a function."""

from __future__ import annotations

from t800._core import Traced
from t800.session import current

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator
    from typing import Any, TypeVar, overload

    from t800._core import Span

    F = TypeVar("F", bound=Callable[..., Any])

    @overload
    def traced(function: F, /) -> F: ...
    @overload
    def traced(*, name: str | None = None, args: bool = False, result: bool = False) -> Callable[[F], F]: ...
    def traced(function: Any = None, /, **options: Any) -> Any:
        """For type checkers; the function itself stands below."""


_COROUTINE, _GENERATOR, _ASYNC_GENERATOR = 0x80, 0x20, 0x200
"""Flags of a code object, as `inspect` names them (which costs 10 ms to import)."""


if not TYPE_CHECKING:  # `typing.overload` is not worth its import

    def traced(
        function: Any = None, /, *, name: str | None = None, args: bool = False, result: bool = False
    ) -> Any:
        """Record each call of a function, coroutine function, generator or async generator as one `tool_call`.

        The tool is the function's qualified name, or `name`. Arguments and result are recorded only where `args` or
        `result` ask for it. A generator's call lasts until it is exhausted, closed or fails.
        """
        if function is None:
            return lambda decorated: traced(decorated, name=name, args=args, result=result)
        return _Call(function, name, args=args, result=result).wrapper()


class _Call:
    """How one function is recorded."""

    def __init__(self, function: Callable[..., Any], name: str | None, *, args: bool, result: bool) -> None:
        self.function = function
        self.name = name or str(getattr(function, "__qualname__", type(function).__qualname__))
        self.args, self.result = args, result

    def wrapper(self) -> Callable[..., Any]:
        from functools import wraps

        code = getattr(getattr(self.function, "__func__", self.function), "__code__", None)
        flags = getattr(code, "co_flags", 0)
        if flags & _ASYNC_GENERATOR:
            wrapped: Callable[..., Any] = self.async_generator()
        elif flags & _COROUTINE:
            wrapped = self.coroutine()
        elif flags & _GENERATOR:
            wrapped = self.generator()
        else:
            parameters = self.parameters if self.args else None
            wrapped = Traced(self.function, self.name, current, parameters, self.result)
        return wraps(self.function)(wrapped)

    def span(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Span:
        if not self.args:
            return current().tool(self.name)
        return current().tool(self.name, self.parameters(args, kwargs))

    def parameters(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """The arguments by their names, so that names decide what is sensitive."""
        code = getattr(self.function, "__code__", None)
        names = code.co_varnames[: code.co_argcount] if code is not None else ()
        named = dict(zip(names, args, strict=False))
        rest = args[len(named) :]
        return {**named, **({"args": list(rest)} if rest else {}), **kwargs}

    def coroutine(self) -> Callable[..., Any]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            with self.span(args, kwargs) as span:
                value = await self.function(*args, **kwargs)
                return span.result(value) if self.result else value

        return call

    def generator(self) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            with self.span(args, kwargs) as span:
                inner = self.function(*args, **kwargs)
                advance, given = inner.send, None
                while True:
                    try:
                        item = advance(given)
                    except StopIteration as end:
                        return span.result(end.value) if self.result else end.value
                    span.suspend()
                    try:
                        advance, given = inner.send, (yield item)
                    except GeneratorExit:
                        inner.close()
                        raise
                    except BaseException as thrown:  # noqa: BLE001 - it belongs to the generator inside
                        advance, given = inner.throw, thrown
                    finally:
                        span.resume()

        return call

    def async_generator(self) -> Callable[..., Any]:
        async def call(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
            with self.span(args, kwargs) as span:
                inner = self.function(*args, **kwargs)
                advance, given = inner.asend, None
                while True:
                    try:
                        item = await advance(given)
                    except StopAsyncIteration:
                        return
                    span.suspend()
                    try:
                        advance, given = inner.asend, (yield item)
                    except GeneratorExit:
                        await inner.aclose()
                        raise
                    except BaseException as thrown:  # noqa: BLE001 - it belongs to the generator inside
                        advance, given = inner.athrow, thrown
                    finally:
                        span.resume()

        return call
