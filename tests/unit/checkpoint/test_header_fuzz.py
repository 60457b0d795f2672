"""Whatever bytes call themselves safetensors: they are read as they say, or refused by the contract's error."""

import contextlib
import json
import struct
import tracemalloc
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from jobs.checkpoint.headers import BYTES_OF, Place, places_in
from jobs.checkpoint.ranges import read
from jobs.checkpoint.reader import check_checkpoint
from jobs.contract.errors import CorruptCheckpointError, InvalidRequestError

TRIES = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)
GOOD = save({"a": torch.arange(6.0).reshape(2, 3), "b": torch.zeros(0, 4), "c": torch.ones(3, dtype=torch.int8)})
NUMBERS = st.one_of(
    st.integers(-4, 64), st.sampled_from([2**31, 2**32, 2**62, 2**63, 2**64, 10**30, 10**400, -1, 0, 1e3, True, None])
)
TENSORS = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from([*BYTES_OF, "F4", "f32", "", None, 3]),
        "shape": st.one_of(st.lists(NUMBERS, max_size=4), NUMBERS, st.just([1] * 20)),
        "data_offsets": st.one_of(st.lists(NUMBERS, min_size=1, max_size=3), NUMBERS),
    }
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.one_of(st.text(max_size=4), st.sampled_from(["__metadata__", "\ud800", "a" * 300, "../x", "\x00"]))


def encoded(header: Any, data: bytes) -> bytes:
    """Return a file with this header and data."""
    raw = json.dumps(header).encode()
    return struct.pack("<Q", len(raw)) + raw + data


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Return a good file with some bytes changed, cut off or put in."""
    content = bytearray(GOOD)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(content) - 1, 0)))
        content[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(content)


FILES = st.one_of(
    st.binary(max_size=64),
    mutated(),
    st.builds(encoded, st.dictionaries(NAMES, st.one_of(TENSORS, JSON), max_size=3), st.binary(max_size=48)),
    st.builds(encoded, JSON, st.binary(max_size=8)),
    st.builds(lambda length, rest: struct.pack("<Q", length) + rest, st.integers(0, 2**64 - 1), st.binary(max_size=16)),
)


@pytest.fixture(autouse=True, scope="module")
def measured() -> Iterator[None]:
    """Count what Python allocates."""
    tracemalloc.start()
    yield
    tracemalloc.stop()


def read_through(file: Path) -> tuple[dict[str, Place], str]:
    """Return where the tensors are, or none and what is said against the file."""
    try:
        return places_in(file), ""
    except CorruptCheckpointError as error:
        return {}, error.message


@TRIES
@given(content=FILES)
@example(GOOD)
@example(encoded({"a": {"dtype": "F32", "shape": [0, 10**30], "data_offsets": [0, 0]}}, b""))
@example(encoded({"a": "\ud800"}, b""))
@example(b"\xff" * 7)
@example(struct.pack("<Q", 4001) + b"[" * 2000 + b"0" + b"]" * 2000)
def test_a_file_is_what_it_says_or_refused(tmp_path: Path, content: bytes) -> None:
    """No bytes bring about another error, memory beyond the file, or a tensor of other bytes than the file's."""
    file = tmp_path / "model.safetensors"
    file.write_bytes(content)
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    places, said = read_through(file)
    peak = tracemalloc.get_traced_memory()[1] - before

    assert peak < 200_000 + 100 * len(content)
    assert len(said.encode()) < 1000
    assert sum(prod(each.shape) * BYTES_OF[each.dtype] for each in places.values()) <= len(content)
    assert all(each.begin <= len(content) for each in places.values())


@TRIES
@given(content=FILES)
@example(GOOD)
def test_two_readers_of_one_file_agree(tmp_path: Path, content: bytes) -> None:
    """What is let through has the tensors that the format's own reader finds, unless that one refuses the file."""
    file = tmp_path / "model.safetensors"
    file.write_bytes(content)
    try:
        places = places_in(file)
        theirs = load_file(file)
    except (CorruptCheckpointError, SafetensorError):
        return
    ours = {name: read(place) for name, place in places.items()}

    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name].view(torch.uint8), theirs[name].view(torch.uint8)) for name in ours)


@TRIES
@given(content=FILES)
def test_the_reader_of_models_says_the_contracts_errors_alone(tmp_path: Path, content: bytes) -> None:
    """A folder whose weights are any bytes is looked through, or refused as a request that cannot be met."""
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    (tmp_path / "model.safetensors").write_bytes(content)
    with contextlib.suppress(InvalidRequestError):
        check_checkpoint(tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "model.safetensors"]


def test_a_header_in_a_file_too_small_for_it_costs_nothing(tmp_path: Path) -> None:
    """A length that claims all that a header may have is held against the file before anything is read."""
    file = tmp_path / "model.safetensors"
    file.write_bytes(struct.pack("<Q", 24_000_000) + b"{")
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    with pytest.raises(CorruptCheckpointError, match="header of 24000000 bytes"):
        places_in(file)

    assert tracemalloc.get_traced_memory()[1] - before < 200_000
