"""Text: lines, JSON lines or tables, through the model's own tokenizer."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from jobs.batches import Batch
from jobs.contract.errors import DataNotFoundError, DataUnreadableError
from jobs.datasets.configs import config_of
from jobs.datasets.files import Placed, chunks, files_of, spread
from jobs.datasets.tables import READERS, lines, records
from jobs.inputs import longest_text

MAX_TOKENS = 128
"""Longer texts are cut to this length."""

MAX_CHARACTERS = 10_000
"""What is kept of a text: more than ``MAX_TOKENS`` can hold."""

LINES = ".txt"
"""Ending of files of which each line is a text."""

COLUMN = "text"
"""The field of a record that is read where there is one; otherwise the first that holds text."""

TOKENIZER_FILES = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "tokenizer.model",
    "spiece.model",
    "spm.model",
    "sentencepiece.bpe.model",
)
"""What a tokenizer is made from: one of them must be there, else transformers silently makes an empty one."""


def read(folder: Path, model_dir: Path, samples: int, batch_size: int) -> list[Batch]:
    """Return batches of ``input_ids`` and ``attention_mask`` (B, T), padded to the longest of each batch.

    Raises:
        DataNotFoundError: no text in ``.txt``, ``.jsonl``, ``.csv`` or ``.tsv`` files.
        DataUnreadableError: a file or the tokenizer cannot be used.
    """
    config = config_of(model_dir)
    tokenizer = _tokenizer(model_dir, config)
    texts = spread(_texts(files_of(folder, {LINES, *READERS})), samples)
    if not texts:
        raise DataNotFoundError("Expected lines of text; every file of the data is empty.")
    encoded = [ids for ids in _encoded(texts, tokenizer, config) if ids]
    if not encoded:
        raise DataNotFoundError("Expected text with tokens; the model's tokenizer leaves nothing of any line.")
    return [each.batch for each in _padded(encoded, tokenizer, batch_size)]


def place(texts: Sequence[str], model_dir: Path, batch_size: int) -> list[Placed]:
    """Return batches of all *texts* as ``read`` does, and which of them each one holds.

    Raises:
        DataUnreadableError: a text or the tokenizer cannot be used.
    """
    config = config_of(model_dir)
    tokenizer = _tokenizer(model_dir, config)
    encoded = _encoded([text.strip()[:MAX_CHARACTERS] for text in texts], tokenizer, config)
    if [] in encoded:
        empty = texts[encoded.index([])]
        raise DataUnreadableError(f"Expected text with tokens; the model's tokenizer leaves nothing of {empty[:60]!r}.")
    return _padded(encoded, tokenizer, batch_size)


def _encoded(texts: list[str], tokenizer: Any, config: Any) -> list[list[int]]:
    """Return the token ids of each text."""
    longest = min(MAX_TOKENS, tokenizer.model_max_length, longest_text(config))
    encoded: list[list[int]] = tokenizer(texts, truncation=True, max_length=longest, return_token_type_ids=False)[
        "input_ids"
    ]
    _check_ids(encoded, config)
    return encoded


def _padded(encoded: list[list[int]], tokenizer: Any, batch_size: int) -> list[Placed]:
    by_length = sorted(range(len(encoded)), key=lambda place: len(encoded[place]))
    return [
        Placed(
            chunk,
            dict(
                tokenizer.pad({"input_ids": [encoded[at] for at in chunk]}, padding_side="right", return_tensors="pt")
            ),
        )
        for chunk in chunks(by_length, batch_size)
    ]


def _tokenizer(model_dir: Path, config: Any) -> Any:
    if not any((model_dir / name).is_file() for name in TOKENIZER_FILES):
        raise DataUnreadableError(
            f"Expected the model's tokenizer beside its weights, one of {', '.join(TOKENIZER_FILES)}; found none. "
            "Add it, with tokenizer_config.json, or leave the data out."
        )
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            model_dir, config=config, local_files_only=True, trust_remote_code=False
        )
    except Exception as error:  # the tokenizers library raises plain Exception
        raise DataUnreadableError(f"The model's tokenizer cannot be loaded: {error}") from error
    if tokenizer.pad_token is None:  # any will do: the mask leaves it out
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token or tokenizer.convert_ids_to_tokens(0)
    return tokenizer


def _check_ids(encoded: list[list[int]], config: Any) -> None:
    largest = max((max(ids, default=0) for ids in encoded), default=0)
    if largest >= config.vocab_size:
        raise DataUnreadableError(
            f"Expected token ids below {config.vocab_size}, the model's vocabulary; its tokenizer gave {largest}. "
            "Put the tokenizer that the model was trained with beside its weights."
        )


def _texts(paths: list[Path]) -> Iterator[str]:
    """Yield every text that is not blank, file after file."""
    for path in paths:
        try:
            yield from (text.strip()[:MAX_CHARACTERS] for text in _of_file(path) if text.strip())
        except (UnicodeDecodeError, csv.Error) as error:
            raise DataUnreadableError(f"Expected UTF-8 text in {path.name}; {error}.") from error


def _of_file(path: Path) -> Iterator[str]:
    if path.suffix.lower() == LINES:
        yield from lines(path)
        return
    for where, record in records(path):
        yield record if isinstance(record, str) else text_of(record, where)


def text_of(record: Any, where: str, *, beside: str | None = None) -> str:
    """Return the text of a record: its ``text``, else its first value that is a string and not a number.

    Args:
        record: of a table.
        where: it stands, for the error.
        beside: a field that holds something else: a label.

    Raises:
        DataUnreadableError: there is none.
    """
    given: Mapping[str, Any] = record if isinstance(record, dict) else {}
    fields = {name: value for name, value in given.items() if name != beside}
    candidates = [fields.get(COLUMN), *fields.values()]
    for value in candidates:
        if isinstance(value, str) and not _is_number(value):
            return value
    raise DataUnreadableError(f"Expected an object with a field {COLUMN!r} or any text in {where}; found none.")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
