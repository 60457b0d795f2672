"""What callers send: bodies and queries. Bounds and words here are what `openapi.yaml` publishes."""

from collections.abc import Mapping
from typing import Any, get_args

from marshmallow import fields, validate

from jobs.contract.catalogue import CatalogueEntry
from jobs.contract.spec import (
    DEFAULT_CHECKPOINT_EVERY,
    DEFAULT_LEARNING_RATE,
    DEFAULT_QUEUE_TIMEOUT_S,
    DEFAULT_REPEATS,
    DEFAULT_RUN_TIMEOUT_S,
    DEFAULT_SAMPLES,
    DEFAULT_THREADS,
    LEARNING_BATCH_SAID,
    InputPreset,
    OutputFormat,
    Runtime,
    Storage,
    TargetMetric,
    TargetScope,
)
from jobs.contract.state import JobKind, JobState
from jobs.state.uploads import FILES_MAX, NAME_MAX, PAGE_MAX, PARTS_MAX, PATH_MAX, UPLOAD_BYTES_MAX
from service.schemas.base import ExactlyOne, RequestSchema
from service.schemas.fields import (
    Labels,
    NamedEnum,
    OneOf,
    Patterned,
    QueryInteger,
    StrictBoolean,
    StrictInteger,
    StrictList,
    StrictNumber,
    StrictString,
    Tag,
    UriField,
    Within,
)
from service.schemas.needs import DataWhenNeeded, Need
from service.schemas.probes import probes
from service.schemas.webhooks import webhook_id

MOST_STEPS = 8
MOST_INPUTS = 32
LONGEST_WAIT_S = 30
CURSOR = r"job_[0-9A-HJKMNP-TV-Z]{26}"
EVENT_ID = r"[0-9]{1,19}(-[0-9]{1,19})?"
PATH = rf"(?!(.*/)?(\.{{0,2}}(/|$)|[^/]{{{NAME_MAX + 1}}}))[^\x00-\x1f\x7f-\x9f\\]+"
"""No ``.``, ``..``, empty or very long part, no backslash, no control character."""
PATH_SAID = "a relative path as config.json or a/b.txt"
_DAY_S = 86_400
_LARGEST_INTEGER = 2**53 - 1
"""What every JSON reader holds exactly."""


def whole(low: int, high: int, about: str, **options: Any) -> StrictInteger:
    """Return an integer field from *low* to *high*; ``default`` is published, not filled in."""
    metadata = {"description": about} | ({"default": options.pop("default")} if "default" in options else {})
    return StrictInteger(validate=Within(min=low, max=high), metadata=metadata, **options)


class ModelRef(RequestSchema):
    """Where the dense model is: a folder of safetensors with its config."""

    uri = UriField(required=True, metadata={"description": "s3://bucket/prefix, hf://org/name@revision or upload://id"})


class DataRef(RequestSchema):
    """Unlabelled data, for calibration, distillation and fidelity: a folder of text, audio or images."""

    uri = UriField(required=True, metadata={"description": "s3://bucket/prefix or upload://id"})
    samples = whole(1, 100_000, "How many of them to use", default=DEFAULT_SAMPLES)


class Target(RequestSchema):
    """A budget instead of steps: the service chooses what to remove, and where."""

    rules = (ExactlyOne(("ratio", "max")),)
    metric = NamedEnum("TargetMetric", get_args(TargetMetric), required=True)
    ratio = StrictNumber(
        validate=Within(min=0.01, max=1), metadata={"description": "Share of the dense figure that is kept"}
    )
    max = whole(1, _LARGEST_INTEGER, "Largest figure allowed; latency in microseconds of one typical input")
    scope = NamedEnum("TargetScope", get_args(TargetScope), metadata={"default": "model"})


class Recovery(RequestSchema):
    """Label-free self-distillation to the dense model after the last step."""

    steps = whole(1, 1_000_000, "Optimiser steps, at most", required=True)
    learning_rate = StrictNumber(
        validate=Within(min=1e-8, max=1),
        metadata={"description": "Peak learning rate", "default": DEFAULT_LEARNING_RATE},
    )
    batch_size = whole(1, 4096, LEARNING_BATCH_SAID)
    seed = whole(0, 2**32 - 1, "Seed of the order of the batches", default=0)
    max_seconds = StrictNumber(
        validate=Within(min=1, max=_LARGEST_INTEGER),
        metadata={"description": "Learning ends after so long [s]; the same request may then give other weights"},
    )
    checkpoint_every = whole(
        1, 1_000_000, "Steps between two snapshots to resume from", default=DEFAULT_CHECKPOINT_EVERY
    )
    control = StrictBoolean(
        metadata={
            "description": "Also put the dense model through these steps, and report what that alone costs",
            "default": False,
        }
    )


class _Input(RequestSchema):
    """What every input has."""

    timed = StrictBoolean(
        metadata={"description": "Whether to time it too, or only to count operations and memory", "default": True}
    )


class AudioInput(_Input):
    """Waveforms at the model's sampling rate: all of one length, or one after another those of a published set."""

    rules = (ExactlyOne(("seconds", "preset")),)
    kind = Tag("audio")
    batch_size = whole(1, 64, "Waveforms in the batch", default=1)
    seconds = StrictNumber(validate=Within(min=0.1, max=60), metadata={"description": "Length of each [s]"})
    preset = NamedEnum(
        "InputPreset",
        get_args(InputPreset),
        metadata={"description": "superb: the 32 utterances, 224.86 s in all, that SUPERB counts MACs over"},
    )


class TextInput(_Input):
    """Token sequences."""

    kind = Tag("text")
    batch_size = whole(1, 64, "Sequences in the batch", default=1)
    tokens = whole(1, 4096, "Length of each [tokens]", required=True)


class ImageInput(_Input):
    """Square images."""

    kind = Tag("image")
    batch_size = whole(1, 64, "Images in the batch", default=1)
    pixels = whole(16, 1024, "Side of each [pixels]; by default the model's own")


class ProfileOptions(RequestSchema):
    """How to measure."""

    inputs = StrictList(
        OneOf("kind", {"audio": AudioInput, "text": TextInput, "image": ImageInput}),
        validate=validate.Length(max=MOST_INPUTS),
        metadata={
            "description": "What to measure with; empty: one typical input of the model's kind",
            "default": [],
            "examples": [[{"kind": "audio", "seconds": 10}]],
        },
    )
    threads = whole(1, 8, "Compute threads while measuring", default=DEFAULT_THREADS)
    repeats = whole(1, 1000, "Timed pairs of forward passes", default=DEFAULT_REPEATS)
    runtimes = StrictList(
        NamedEnum("Runtime", get_args(Runtime)),
        unique=True,
        validate=validate.Length(min=1),
        metadata={
            "description": "What to time under: plain PyTorch (eager) always, beside it torch.compile and ONNX Runtime "
            "as asked, which cost a compilation of each model for each input, or an export of each model",
            "default": ["eager"],
        },
    )


class Output(RequestSchema):
    """What the artifact holds, beside the report."""

    formats = StrictList(
        NamedEnum("OutputFormat", get_args(OutputFormat)),
        unique=True,
        validate=validate.Length(min=1),
        metadata={
            "description": "The safetensors folder is always written; the others hold the same model for ONNX Runtime "
            "(onnx_int8: with 8-bit weights) and for torch.export.load (pt2)",
            "default": ["safetensors"],
        },
    )
    storage = NamedEnum(
        "Storage",
        get_args(Storage),
        metadata={
            "description": "How matrices with many zeros lie in the safetensors: as ever, or (bitmask) one bit an "
            "entry and the values that are not zero, which only the client or trust_remote_code can read",
            "default": "dense",
        },
    )


class Limits(RequestSchema):
    """When to give up."""

    queue_timeout_s = whole(1, 30 * _DAY_S, "Longest wait for a worker [s]", default=DEFAULT_QUEUE_TIMEOUT_S)
    run_timeout_s = whole(1, 7 * _DAY_S, "Longest run of one attempt [s]", default=DEFAULT_RUN_TIMEOUT_S)


def compression_request(
    entries: Mapping[str, CatalogueEntry], branches: Mapping[str, type[RequestSchema]]
) -> type[RequestSchema]:
    """Return the schema of a compression request whose steps are the *branches* of the techniques in *entries*."""
    needs = [need for entry in entries.values() if (need := Need.of(entry))]

    class CompressionRequest(RequestSchema):
        """What to compress, how, and how to measure it: exactly one of ``steps`` and ``target``."""

        rules = (ExactlyOne(("steps", "target")), DataWhenNeeded(needs))
        model = fields.Nested(ModelRef, required=True)
        steps = StrictList(
            OneOf("technique", branches),
            validate=validate.Length(min=1, max=MOST_STEPS),
            metadata={"description": "What to do, in this order"},
        )
        target = fields.Nested(Target)
        data = fields.Nested(DataRef)
        recovery = fields.Nested(Recovery)
        profile = fields.Nested(ProfileOptions)
        evaluate = probes()
        output = fields.Nested(Output)
        limits = fields.Nested(Limits)
        labels = Labels(metadata={"description": "Your own words, to find the job again"})
        webhook = webhook_id()

    return CompressionRequest


class ProfileRequest(RequestSchema):
    """Which model to measure as it is, and how."""

    model = fields.Nested(ModelRef, required=True)
    profile = fields.Nested(ProfileOptions)
    evaluate = probes()
    limits = fields.Nested(Limits)
    labels = Labels(metadata={"description": "Your own words, to find the job again"})
    webhook = webhook_id()


class UploadFile(RequestSchema):
    """A file that will be sent."""

    path = Patterned(
        PATH,
        PATH_SAID,
        longest=PATH_MAX,
        required=True,
        metadata={
            "description": "Its path within the folder, as config.json or a/b.txt; kept in Unicode's composed form"
        },
    )
    bytes = whole(0, UPLOAD_BYTES_MAX, "Its size [bytes]", required=True)


class UploadRequest(RequestSchema):
    """A folder of files to be sent straight to the store."""

    files = StrictList(
        fields.Nested(UploadFile),
        required=True,
        validate=validate.Length(min=1, max=FILES_MAX),
        metadata={"description": f"Every file, with different paths; together at most {UPLOAD_BYTES_MAX} bytes"},
    )


class SentPart(RequestSchema):
    """A part that the store has taken."""

    number = whole(1, PARTS_MAX, "Its number", required=True)
    etag = Patterned(
        r"[\x21-\x7e]+",
        "an ETag as the store answered it",
        longest=128,
        required=True,
        metadata={"description": "What the store answered in its ETag header"},
    )


class SentFile(RequestSchema):
    """A file whose parts the store has taken."""

    path = Patterned(
        PATH, PATH_SAID, longest=PATH_MAX, required=True, metadata={"description": "Its path, as announced"}
    )
    parts = StrictList(fields.Nested(SentPart), required=True)


class UploadCompletion(RequestSchema):
    """What the store answered, part by part: how many files and parts there are was said when the upload began."""

    files = StrictList(fields.Nested(SentFile), required=True, validate=validate.Length(min=1))


class UploadQuery(RequestSchema):
    """Which files of an upload to show, in the order in which they were announced."""

    offset = QueryInteger(
        validate=Within(min=0, max=FILES_MAX), load_default=0, metadata={"description": "How many files to leave out"}
    )
    limit = QueryInteger(
        validate=Within(min=1, max=PAGE_MAX), load_default=PAGE_MAX, metadata={"description": "Most files to show"}
    )


class JobQuery(RequestSchema):
    """How to show a job."""

    wait = QueryInteger(
        validate=Within(min=0, max=LONGEST_WAIT_S),
        load_default=0,
        metadata={"description": "Answer when the job has ended or changed, at the latest after this long [s]"},
    )


class JobsQuery(RequestSchema):
    """Which jobs to list, newest first."""

    state = NamedEnum("JobStateFilter", JobState, metadata={"description": "Only jobs in this state"})
    kind = NamedEnum("JobKindFilter", JobKind, metadata={"description": "Only jobs of this kind"})
    label = StrictString(
        validate=validate.Length(min=1, max=320),
        metadata={"description": "Only jobs with this label: key or key=value"},
    )
    cursor = Patterned(
        CURSOR,
        "the next_cursor of an earlier page",
        metadata={"description": "Where to go on: next_cursor of the page before"},
    )
    limit = QueryInteger(
        validate=Within(min=1, max=100), load_default=20, metadata={"description": "Most jobs on the page"}
    )


class EventsQuery(RequestSchema):
    """Which events to list, oldest first."""

    after = Patterned(
        EVENT_ID, "the id of an event", metadata={"description": "Only events after the one with this id"}
    )
    limit = QueryInteger(
        validate=Within(min=1, max=500), load_default=100, metadata={"description": "Most events on the page"}
    )
