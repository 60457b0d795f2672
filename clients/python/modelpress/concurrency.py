"""The few things that differ between waiting and letting others run meanwhile, side by side.

Everything else is written once, in ``_async``, from which ``_sync`` is made: there ``async_sleep`` becomes ``sleep``,
``AsyncConnection`` becomes ``Connection``, and so on.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

import httpx

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")

AsyncConnection = httpx.AsyncClient
Connection = httpx.Client

AsyncCall = Callable[P, Awaitable[T]]
Call = Callable[P, T]

async_sleep = asyncio.sleep
sleep = time.sleep

async_in_thread = asyncio.to_thread


def in_thread(work: Call[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what *work* returns, which takes a while."""
    return work(*args, **kwargs)


async def async_in_order(work: AsyncCall[[S], T], items: Iterable[S], at_once: int) -> AsyncGenerator[T, None]:
    """Yield what *work* makes of each of the *items*, in their order, with up to *at_once* of them under way."""
    under_way: deque[asyncio.Future[T]] = deque()
    try:
        for item in items:
            under_way.append(asyncio.ensure_future(work(item)))
            if len(under_way) >= at_once:
                yield await under_way.popleft()
        while under_way:
            yield await under_way.popleft()
    finally:
        for each in under_way:
            each.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


def in_order(work: Call[[S], T], items: Iterable[S], at_once: int) -> Generator[T, None, None]:
    """Yield what *work* makes of each of the *items*, in their order, with up to *at_once* of them under way."""
    under_way: deque[Future[T]] = deque()
    pool = ThreadPoolExecutor(at_once)
    try:
        for item in items:
            under_way.append(pool.submit(work, item))
            if len(under_way) >= at_once:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # who presses Ctrl-C waits for nobody
