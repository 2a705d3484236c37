"""Run apps as `concurrent.futures` and `asyncio` run functions."""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, Unpack, overload

from poco.errors import UserInputError
from poco.local.goods import App, Arguments, InputFile, Options
from poco.local.outcome import TaskResult
from poco.local.watching import TaskFuture

__all__ = ["AppExecutor"]

P = ParamSpec("P")
T = TypeVar("T")


class AppExecutor(Executor):
    """An executor whose functions are apps; whoever derives from it says who runs them."""

    @abstractmethod
    def app(self, target: str | Path) -> App:
        """Return an app to run."""

    @abstractmethod
    def _order(
        self, app: App, calls: Sequence[Sequence[Any]], options: Mapping[str, Any]
    ) -> list[TaskFuture]:
        """Begin a task for each call: arguments, then input files."""

    def run(
        self,
        app: App | str | Path,
        args: Arguments = "",
        input_files: Iterable[InputFile] = (),
        **options: Unpack[Options],
    ) -> TaskResult:
        """Buy one task, and wait for its result.

        Args:
            app: from `app`, or what it takes.
            args: an argument line, or a list of arguments.
            input_files: URLs, paths, contents, or pairs of name and content.
            options: see `Options`.

        Raises:
            UserInputError: something is not what it should be, or costs too much.
            AppFailedError: the app failed.
            TaskExpiredError: nobody did it in time; the price was refunded.
            PeerError: a service does not answer.
            ChainError: the node does not answer.
        """
        return self._submit(app, [(args, input_files)], dict(options))[0].result()

    @overload
    def submit(
        self,
        fn: App,
        /,
        args: Arguments = "",
        input_files: Iterable[InputFile] = (),
        **options: Unpack[Options],
    ) -> TaskFuture: ...

    @overload
    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]: ...

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Buy one task: ``m.submit(app, "--column price", trust=3)``.

        Args:
            fn: an `App` of this market.
            args: what the app is called with, see `App.__call__`.
            kwargs: likewise.

        Returns:
            A `TaskFuture` of the `TaskResult`.

        Raises:
            UserInputError: it is no app, or an argument is not what it should be.
            RuntimeError: the market is closed.
        """
        line, files = kwargs.pop("args", ""), kwargs.pop("input_files", ())
        call = (*args, *(line, files)[len(args) :])
        return self._submit(fn, [call], kwargs)[0]

    def map(
        self,
        fn: Callable[..., T],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,  # noqa: ARG002 (of the interface; equal calls become one deal anyway)
        input_files: Iterable[InputFile] = (),
        **options: Unpack[Options],
    ) -> Iterator[T]:
        """Buy a task for each item: ``m.map(app, lines, trust=3)``.

        All are bought at once, equal ones as tasks of one deal.

        Args:
            fn: an `App` of this market.
            iterables: argument lines, and input files if there are any.
            timeout: longest wait for all results, seconds.
            chunksize: has no effect.
            input_files: the same for all, unless `iterables` has them.
            options: see `Options`; the same for all.

        Yields:
            The results in the order of the items.

        Raises:
            TimeoutError: not all are there in time.
            PocoError: see `run`.
        """
        end = None if timeout is None else time.monotonic() + timeout
        futures = self._submit(fn, _calls(iterables, input_files), dict(options))
        return _results(futures, end)  # type: ignore[return-value]

    async def arun(
        self,
        app: App | str | Path,
        args: Arguments = "",
        input_files: Iterable[InputFile] = (),
        **options: Unpack[Options],
    ) -> TaskResult:
        """Buy one task, and await its result; see `run`."""
        calls = [(args, input_files)]
        futures = await asyncio.to_thread(self._submit, app, calls, dict(options))
        return await asyncio.wrap_future(futures[0])

    async def amap(
        self,
        app: App | str | Path,
        *iterables: Iterable[Any],
        input_files: Iterable[InputFile] = (),
        **options: Unpack[Options],
    ) -> AsyncIterator[TaskResult]:
        """Buy a task for each item, and yield the results in their order; see `map`."""
        calls = _calls(iterables, input_files)
        futures = await asyncio.to_thread(self._submit, app, calls, dict(options))
        try:
            for future in futures:
                yield await asyncio.wrap_future(future)
        finally:
            for future in futures:
                future.cancel()

    def _submit(
        self, app: Any, calls: Sequence[Sequence[Any]], options: Mapping[str, Any]
    ) -> list[TaskFuture]:
        if isinstance(app, str | Path):
            app = self.app(app)
        if not isinstance(app, App) or app.runs != self.run:
            raise UserInputError(
                "only apps of this market run here, not functions of Python",
                field="fn",
                value=app,
                remedy='make one: app = market.app("path")',
            )
        return self._order(app, calls, options)


def _calls(
    iterables: Sequence[Iterable[Any]], input_files: Iterable[InputFile]
) -> list[tuple[Any, ...]]:
    """Return the arguments of each call; files that are for all are the same object in each.

    Raises:
        UserInputError: these are not lists, one of arguments and perhaps one of input files.
    """
    for given in iterables:
        if isinstance(given, str | bytes | Path) or not isinstance(given, Iterable):
            raise UserInputError(
                "one item is needed for each task",
                field="iterables",
                value=str(given)[:80],
                remedy="give a list: m.map(app, [line, line, …])",
            )
    calls = list(zip(*iterables, strict=False))
    return [(args, input_files) for (args,) in calls] if len(iterables) == 1 else calls


def _results(futures: Sequence[TaskFuture], end: float | None) -> Iterator[TaskResult]:
    try:
        for future in futures:
            yield future.result(None if end is None else end - time.monotonic())
    finally:
        for future in futures:
            future.cancel()
