"""Wrapping functions of frameworks: calls, streams, and agents at work."""

from __future__ import annotations

from t800.integrations._calls import Node, agent_over, guarded, is_interruption, settle
from t800.session import current

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator, Iterator
    from types import TracebackType
    from typing import Any

    from t800.integrations._calls import Call, Fields

    Begin = Callable[[tuple[Any, ...], Fields], tuple[Call, Any] | None]


@guarded
def _failed(call: Call, error: BaseException) -> None:
    call.end(error=error)


def around(
    begin: Begin,
    finish: Callable[[Call, Any, Any], object],
    *,
    asynchronous: bool,
) -> Callable[[Any], Any]:
    """What wraps a function of a framework whose calls are recorded.

    `begin(args, kwargs)` gives the call and whatever `finish` needs to know of it, None where nothing is recorded.
    `finish(call, known, answer)` ends it, now or once a stream is read. Both are `guarded`.
    """

    def wrap(original: Any) -> Any:
        def called(*args: Any, **kwargs: Any) -> Any:
            begun = begin(args, kwargs)
            if begun is None:
                return original(*args, **kwargs)
            try:
                answer = original(*args, **kwargs)
            except BaseException as error:
                _failed(begun[0], error)
                raise
            finish(*begun, answer)
            return answer

        async def awaited(*args: Any, **kwargs: Any) -> Any:
            begun = begin(args, kwargs)
            if begun is None:
                return await original(*args, **kwargs)
            try:
                answer = await original(*args, **kwargs)
            except BaseException as error:
                _failed(begun[0], error)
                raise
            finish(*begun, answer)
            return answer

        return awaited if asynchronous else called

    return wrap


def streamed(
    begin: Begin,
    take: Callable[[Call, Any, Any], object],
    over: Callable[[Call, Any, BaseException | None], object],
    *,
    asynchronous: bool,
) -> Callable[[Any], Any]:
    """What wraps a generator function of a framework whose answers come in parts.

    `take(call, known, part)` looks at each part, `over(call, known, error)` ends the call when no more come. All three are
    `guarded`.
    """

    def wrap(original: Any) -> Any:
        def parts(*args: Any, **kwargs: Any) -> Iterator[Any]:
            begun, inner = begin(args, kwargs), original(*args, **kwargs)
            yield from inner if begun is None else _read(inner, begun, take, over)

        async def aparts(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            begun, inner = begin(args, kwargs), original(*args, **kwargs)
            read = inner if begun is None else _aread(inner, begun, take, over)
            try:
                async for part in read:
                    yield part
            finally:
                await _aclose(read)

        return aparts if asynchronous else parts

    return wrap


def _read(inner: Iterator[Any], begun: tuple[Call, Any], take: Any, over: Any) -> Iterator[Any]:
    try:
        for part in inner:
            take(*begun, part)
            yield part
    except BaseException as error:
        over(*begun, error)
        raise
    finally:
        _close(inner)
    over(*begun, None)


async def _aread(
    inner: AsyncIterator[Any], begun: tuple[Call, Any], take: Any, over: Any
) -> AsyncIterator[Any]:
    try:
        async for part in inner:
            take(*begun, part)
            yield part
    except BaseException as error:
        over(*begun, error)
        raise
    finally:
        await _aclose(inner)
    over(*begun, None)


def _close(inner: Any) -> None:
    close = getattr(inner, "close", None)
    if close is not None:
        close()


async def _aclose(inner: Any) -> None:
    close = getattr(inner, "aclose", None)
    if close is not None:
        await close()


class Work:
    """An agent at work: what happens inside carries its name, and a checkpoint ends it."""

    def __init__(self, source: str, name: str, *, is_agent: bool = True) -> None:
        """Of the agent `name`; what is no agent, such as a team of them, is only noted when it ends."""
        self.source, self.name, self.is_done = source, name, False
        self.node = Node(None, agent=name if is_agent else None)
        self.node.recorder = current()

    def scope(self) -> Any:
        """What happens inside is the agent's."""
        return _Scope(self)

    @guarded
    def over(self, error: BaseException | None = None) -> None:
        """It has ended."""
        failed = "interrupted" if error is not None and is_interruption(error) else "failed"
        given_up = isinstance(error, GeneratorExit) and self.is_done
        status = "completed" if error is None or given_up else failed
        agent_over(self.node, self.source, status, self.name)

    def steps(self, inner: Iterator[Any]) -> Generator[Any, None, Any]:
        """A generator of the agent's: its own code is inside, who reads it is not."""
        try:
            while True:
                try:
                    with self.scope():
                        part = next(inner)
                except StopIteration as done:
                    self.over()
                    return done.value
                yield part
        except BaseException as error:
            self.over(error)
            raise
        finally:
            _close(inner)

    async def asteps(self, inner: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """Likewise, an asynchronous one."""
        try:
            while True:
                try:
                    with self.scope():
                        part = await anext(inner)
                except StopAsyncIteration:
                    self.over()
                    return
                yield part
        except BaseException as error:
            self.over(error)
            raise
        finally:
            await _aclose(inner)


class _Scope:
    """An agent's name on what happens inside. What ends a generator is no failure of the agent's."""

    def __init__(self, work: Work) -> None:
        node = work.node
        self._inner = node.recorder.agent(node.agent) if node.recorder and node.agent else None

    def __enter__(self) -> None:
        if self._inner is not None:
            self._inner.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._inner is None:
            return
        if error is not None:
            settle(error)
        ended = isinstance(error, (StopIteration, StopAsyncIteration))
        self._inner.__exit__(*((None, None, None) if ended else (kind, error, traceback)))


def working(begin: Callable[[Any], Work | None], *, asynchronous: bool) -> Callable[[Any], Any]:
    """What wraps a method that is an agent's work. One that answers with a generator works while that is read."""

    def wrap(original: Any) -> Any:
        def work(self: Any, *args: Any, **kwargs: Any) -> Any:
            begun = begin(self)
            if begun is None:
                return original(self, *args, **kwargs)
            try:
                with begun.scope():
                    answer = original(self, *args, **kwargs)
            except BaseException as error:
                begun.over(error)
                raise
            if hasattr(answer, "__next__"):
                return begun.steps(answer)
            if hasattr(answer, "__anext__"):
                return begun.asteps(answer)
            begun.over()
            return answer

        async def awork(self: Any, *args: Any, **kwargs: Any) -> Any:
            begun = begin(self)
            if begun is None:
                return await original(self, *args, **kwargs)
            try:
                with begun.scope():
                    answer = await original(self, *args, **kwargs)
            except BaseException as error:
                begun.over(error)
                raise
            begun.over()
            return answer

        return awork if asynchronous else work

    return wrap


class Patches:
    """Attributes of a framework that were replaced, and how they were."""

    def __init__(self) -> None:
        """None yet."""
        self._undone: list[tuple[Any, str, Any, Any]] = []

    def __bool__(self) -> bool:
        return bool(self._undone)

    def replace(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        """Put `make(original)` in the place of `owner.name`; nothing where there is no such attribute."""
        original = getattr(owner, name, None)
        if original is None:
            return
        ours = make(original)
        for kept in ("__name__", "__qualname__", "__doc__", "__module__"):
            value = getattr(original, kept, None)
            if value is not None:
                setattr(ours, kept, value)
        ours.__wrapped__ = original
        self._put(owner, name, ours)

    def _put(self, owner: Any, name: str, ours: Any) -> None:
        self._undone.append((owner, name, vars(owner).get(name), ours))
        setattr(owner, name, ours)

    def undo(self) -> None:
        """Take everything back that nobody has replaced again since."""
        while self._undone:
            owner, name, before, ours = self._undone.pop()
            if vars(owner).get(name) is not ours:
                continue
            if before is None:
                delattr(owner, name)
            else:
                setattr(owner, name, before)

    def follow(self, base: Any, change: Callable[[type], object]) -> None:
        """Have `change` done to a class and to all that are derived from it, those to come too."""
        safely = guarded(change)
        waiting: list[Any] = [base]
        for each in waiting:
            waiting += [below for below in each.__subclasses__() if below not in waiting]
            safely(each)

        function = getattr(base.__init_subclass__, "__func__", None)

        def derived(cls: Any, /, **options: Any) -> None:
            if function is None:
                super(base, cls).__init_subclass__(**options)
            else:
                function(cls, **options)
            safely(cls)

        self._put(base, "__init_subclass__", classmethod(derived))

    def replace_own(self, owner: type, name: str, make: Callable[[Any], Any]) -> None:
        """As `replace`, where the class itself has such a method, and not one to be defined yet."""
        own = vars(owner).get(name)
        if own is not None and not getattr(own, "__isabstractmethod__", False):
            self.replace(owner, name, make)
