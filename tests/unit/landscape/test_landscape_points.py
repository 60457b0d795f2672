"""From a landscape's request to its points."""

from hypothesis import given
from hypothesis import strategies as st

from jobs.landscape.points import AMOUNTS, points_of

MODEL = {"uri": "s3://models/tiny"}
DATA = {"uri": "s3://data/text"}
HALF_THE_HEADS = {"steps": [{"technique": "head_pruning", "heads_removed": 0.5}]}


def test_a_grid_spans_every_technique_at_every_amount() -> None:
    """Two techniques and a target at two amounts are six points, technique by technique."""
    grid = {"techniques": ["head_pruning", "low_rank"], "targets": ["macs"], "removed": [0.25, 0.9]}
    points = points_of({"model": MODEL, "grid": grid})

    assert [point.name for point in points] == [
        "head_pruning heads_removed=0.25",
        "head_pruning heads_removed=0.9",
        "low_rank rank_ratio=0.75",
        "low_rank rank_ratio=0.1",
        "target metric=macs ratio=0.75 scope=encoder",
        "target metric=macs ratio=0.1 scope=encoder",
    ]
    assert [point.series for point in points] == 2 * ["head_pruning"] + 2 * ["low_rank"] + 2 * ["target_macs"]


def test_a_grid_uses_data_where_there_is_some() -> None:
    """With data low rank is whitened, weights are made up for, and a student learns; without, nothing asks for any."""
    grid = {"techniques": ["low_rank", "weight_pruning", "distillation"], "removed": [0.5]}
    without, with_data = (points_of({"model": MODEL, "grid": grid, **more}) for more in ({}, {"data": DATA}))

    assert [point.request["steps"][0] for point in without] == [
        {"technique": "low_rank", "rank_ratio": 0.5},
        {"technique": "weight_pruning", "sparsity": 0.5},
        {"technique": "distillation", "layers_removed": 0.5, "steps": 0},
    ]
    assert [point.request["steps"][0] for point in with_data] == [
        {"technique": "low_rank", "rank_ratio": 0.5, "weighting": "activation"},
        {"technique": "weight_pruning", "sparsity": 0.5, "criterion": "sparsegpt"},
        {"technique": "distillation", "layers_removed": 0.5},
    ]


def test_a_point_is_the_request_that_it_would_be_alone() -> None:
    """What the points share is in each of their requests; names, labels and the grid are not."""
    shared = {"model": MODEL, "data": DATA, "recovery": {"steps": 9}, "limits": {"run_timeout_s": 60}}
    (point,) = points_of({**shared, "points": [{**HALF_THE_HEADS, "name": "mine"}], "labels": {"team": "a"}})

    assert point.request == {**shared, **HALF_THE_HEADS}
    assert (point.name, point.series) == ("mine", "head_pruning")


def test_the_same_request_has_the_same_key_whatever_it_is_called() -> None:
    """Points are known by what they ask for, not by their name or place."""
    one = points_of({"model": MODEL, "points": [HALF_THE_HEADS]})
    other = points_of({"model": MODEL, "grid": {"techniques": ["head_pruning"], "removed": [0.25, 0.5]}})

    assert one[0].key == other[1].key != other[0].key


def test_how_long_a_point_may_take_does_not_make_it_another() -> None:
    """Who asks again with more patience gets what is there."""
    asked = {"model": MODEL, "points": [HALF_THE_HEADS]}
    hasty, patient = (points_of({**asked, "limits": {"run_timeout_s": limit}})[0] for limit in (60, 600))

    assert hasty.key == patient.key
    assert patient.request["limits"] == {"run_timeout_s": 600}


def test_names_are_made_distinct() -> None:
    """Points of one name are told apart by numbers, and a name that looks numbered is respected."""
    names = ["a", "a", "a (2)", "a"]
    points = points_of({"model": MODEL, "points": [{**HALF_THE_HEADS, "name": name} for name in names]})

    assert [point.name for point in points] == ["a", "a (2)", "a (2) (2)", "a (3)"]


def test_the_first_layers_are_a_control_that_nothing_is_taught() -> None:
    """They are cut and not recovered, though the other points are."""
    controls = {"first_layers": [0.5]}
    document = {"model": MODEL, "data": DATA, "points": [HALF_THE_HEADS], "recovery": {"steps": 9}}
    point, control = points_of({**document, "controls": controls})

    assert point.request["recovery"] == {"steps": 9}
    assert "recovery" not in control.request
    assert (control.name, control.series) == ("first_layers layers_removed=0.5", "first_layers")
    assert control.request["steps"] == [
        {"technique": "distillation", "layers_removed": 0.5, "layers_chosen": "first", "steps": 0}
    ]


def test_the_dense_model_takes_the_same_steps_in_one_point_only() -> None:
    """The control is measured once, beside the first point that recovers."""
    document = {"model": MODEL, "data": DATA, "points": 2 * [HALF_THE_HEADS], "recovery": {"steps": 9}}
    points = points_of({**document, "controls": {"same_steps": True}})

    assert [point.request["recovery"] for point in points] == [{"steps": 9, "control": True}, {"steps": 9}]


@given(
    st.lists(st.sampled_from(sorted(AMOUNTS)), unique=True, min_size=1),
    st.lists(st.floats(0.01, 0.99), unique=True, min_size=1, max_size=5),
)
def test_every_point_of_a_grid_has_a_name_of_its_own(techniques: list[str], removed: list[float]) -> None:
    """However close amounts are, no two points share a name."""
    points = points_of({"model": MODEL, "grid": {"techniques": techniques, "removed": removed}})

    assert len(points) == len(techniques) * len(removed)
    assert len({point.name for point in points}) == len(points)
