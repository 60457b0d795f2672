"""Where smaller is faster, and where it is not."""

from collections.abc import Iterator, Mapping, Sequence

from jobs.contract.landscape import LandscapePoint
from jobs.landscape.ground import Ground, by_series, said
from jobs.landscape.wording import amount, listed, named, percent, spread, times

LEAST_SAVED = 0.05
"""What is saved below this share is not held against the wall-clock."""

SAVED: Mapping[str, str] = {
    "params_nonzero": "the parameters that are not zero",
    "bytes_stored": "the bytes",
    "macs_executed": "the MACs",
}

RELATIVE = "latency_relative"


def is_smaller_faster(ground: Ground) -> Iterator[str]:
    """Yield what became of the wall-clock where parameters, bytes or MACs went."""
    timed = [each for each in ground.points if RELATIVE in each.intervals]
    smaller = [each for each in timed if _saved(ground, each)]
    if not smaller:
        return
    zeroed = [each for each in timed if _only_zeros(ground, each)]
    faster = [each for each in smaller if _interval(each)[1] < 1 and each not in zeroed]
    are = f"{len(faster) or 'none'} {'is' if len(faster) == 1 else 'are'}"
    yield f"Of {len(smaller)} smaller points {are} faster: the 95 % interval lies below the dense wall-clock."
    yield from _realised(ground, faster)
    yield from (_zeros(ground, series, points) for series, points in by_series(zeroed).items())
    rest = [each for each in smaller if each not in faster and each not in zeroed]
    yield from (_not_faster(ground, series, points) for series, points in by_series(rest).items())


def _realised(ground: Ground, faster: Sequence[LandscapePoint]) -> Iterator[str]:
    """Yield, for the strongest cut of each series, the time that its MACs take."""
    for points in by_series(each for each in faster if _went(ground, each, "macs_executed")).values():
        least = min(points, key=lambda point: point.values["macs_executed"])
        macs = percent(ground.share(least, "macs_executed") or 0)
        low, high = _interval(least)
        yield (
            f"{least.name} executes {macs} of the dense model's MACs in {percent(least.values[RELATIVE])} of its "
            f"wall-clock (95 % interval {spread((low, high), percent)})."
        )


def _zeros(ground: Ground, series: str, points: Sequence[LandscapePoint]) -> str:
    """Return that zeros save nothing; as the work is the dense model's, other times say how far times are off."""
    macs = amount(ground.dense.values["macs_executed"])
    needed = spread(_shares(ground, points, "macs_theoretical"), percent)
    ratios = spread((each.values[RELATIVE] for each in points), times)
    if all(low <= 1 <= high for low, high in map(_interval, points)):
        clock = f"the wall-clock did not change: {ratios} times that of the dense model, each 95 % interval includes 1"
    else:
        clock = (
            f"as the work is the same, a wall-clock of {ratios} times the dense one is how far times were off "
            f"here; without 1 in the interval: {_outside(points)}"
        )
    return (
        f"{series} ({named([each.name for each in points])}) did not change the executed MACs, {macs}, though {needed} "
        f"of them would do without stored zeros; {clock}."
    )


def _outside(points: Sequence[LandscapePoint]) -> str:
    """Return the points whose intervals leave 1 out, with their figures."""
    told = [each for each in points if not _interval(each)[0] <= 1 <= _interval(each)[1]]
    return listed([f"{each.name} with {said(each, RELATIVE)}" for each in told])


def _not_faster(ground: Ground, series: str, points: Sequence[LandscapePoint]) -> str:
    saved = [
        f"{spread(shares, percent)} of {words}"
        for name, words in SAVED.items()
        if (shares := _shares(ground, points, name)) and min(shares) <= 1 - LEAST_SAVED
    ]
    slower = [each for each in points if _interval(each)[0] > 1]
    worst = f"; slower: {_outside(slower)}" if slower else ""
    return (
        f"Smaller is not faster with {series} ({named([each.name for each in points])}): {listed(saved)}, and "
        f"{spread((each.values[RELATIVE] for each in points), times)} times the dense model's wall-clock; "
        f"no 95 % interval lies below 1{worst}."
    )


def _shares(ground: Ground, points: Sequence[LandscapePoint], measure: str) -> list[float]:
    found = (ground.share(each, measure) for each in points)
    return [share for share in found if share is not None]


def _saved(ground: Ground, point: LandscapePoint) -> bool:
    return any(_went(ground, point, name) for name in SAVED)


def _went(ground: Ground, point: LandscapePoint, measure: str) -> bool:
    share = ground.share(point, measure)
    return share is not None and share <= 1 - LEAST_SAVED


def _only_zeros(ground: Ground, point: LandscapePoint) -> bool:
    """Return whether weights became zero and nothing was cut."""
    uncut = all(ground.share(point, name) == 1 for name in ("params_total", "macs_executed"))
    return uncut and _went(ground, point, "params_nonzero")


def _interval(point: LandscapePoint) -> tuple[float, float]:
    low, high = point.intervals[RELATIVE]
    return low, high
