"""The answers of a landscape in words: what wins where, whether smaller is faster, and what the controls say."""

from collections.abc import Iterator, Sequence

from jobs.contract.landscape import Front, LandscapePoint, Measure
from jobs.landscape.budgets import winners
from jobs.landscape.ground import CHIEF_COSTS, Ground, gain, said, told_apart, verdict
from jobs.landscape.outcome import FIRST_LAYERS
from jobs.landscape.speed import is_smaller_faster
from jobs.landscape.wording import named, percent, within


def answers(measures: Sequence[Measure], points: Sequence[LandscapePoint], fronts: Sequence[Front]) -> Iterator[str]:
    """Yield the answers that the figures of *points* give; none before any has ended."""
    ground = Ground.of(measures, points)
    if not ground.points:
        return
    yield from winners(ground)
    yield from is_smaller_faster(ground)
    yield from _knees(ground, fronts)
    for quality in ground.qualities():
        yield from _first_layers(ground, quality)
        yield from _same_steps(ground, quality)


def _knees(ground: Ground, fronts: Sequence[Front]) -> Iterator[str]:
    points = {each.name: each for each in ground.points}
    for cost in ground.costs():
        for quality in ground.qualities():
            bends = [each.knee for each in fronts if (each.cost, each.quality) == (cost, quality.name)]
            if (bend := points.get(bends[0] or "")) is not None:
                yield (
                    f"The knee of {within(quality.title)} against {CHIEF_COSTS[cost]} is {bend.name}: "
                    f"{said(bend, quality.name)} at {percent(ground.share(bend, cost) or 0)}: beyond it, "
                    "a gain costs most."
                )


def _first_layers(ground: Ground, quality: Measure) -> Iterator[str]:
    """Yield, for each control of first layers, the best that a technique makes of as many MACs."""
    for control in (each for each in ground.points if each.series == FIRST_LAYERS and quality.name in each.values):
        rivals = [each for each in ground.points if each.series != FIRST_LAYERS and quality.name in each.values]
        macs = control.values["macs_executed"]
        if not (cheaper := [each for each in rivals if each.values["macs_executed"] <= macs]):
            continue
        best = max(cheaper, key=lambda point: gain(point, quality))
        better = "is better" if gain(best, quality) > gain(control, quality) else "is no better"
        yield (
            f"{control.name}, untrained, gives {within(quality.title)} {said(control, quality.name)}; with no more "
            f"MACs {best.name} {better}: {said(best, quality.name)}{verdict(control, best, quality.name)}."
        )


def _same_steps(ground: Ground, quality: Measure) -> Iterator[str]:
    """Yield what the steps of recovery do to the dense model, and who is better than it then is."""
    control, dense = ground.control, ground.dense
    if control is None or quality.name not in control.values:
        return
    yield (
        f"The dense model itself goes from {said(dense, quality.name)} to {said(control, quality.name)} in "
        f"{within(quality.title)} by the steps of the recovery{verdict(control, dense, quality.name)}."
    )
    above = [
        each for each in ground.points if quality.name in each.values and gain(each, quality) > gain(dense, quality)
    ]
    if above:
        beyond = [each.name for each in above if gain(each, quality) > gain(control, quality)]
        sure = [each.name for each in above if each.name in beyond and told_apart(each, control, quality.name)]
        yield (
            f"{named([each.name for each in above])} beat the dense model; "
            f"{'none of them beats' if not beyond else f'{named(beyond)} beat'} it after the same steps"
            f"{', told apart by their intervals: ' + named(sure) if sure else ''}."
        )
