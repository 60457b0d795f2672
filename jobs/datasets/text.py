"""Text: lines, JSON lines or tables, through the model's own tokenizer."""

import csv
import json
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from jobs.batches import Batch, longest_text
from jobs.contract.errors import DataNotFoundError, DataUnreadableError
from jobs.datasets.configs import config_of
from jobs.datasets.files import chunks, files_of, spread

MAX_TOKENS = 128
"""Longer texts are cut to this length."""

MAX_LINE = 1_000_000
"""Longer lines are not read: they are no text to learn from, or no text at all."""

MAX_CHARACTERS = 10_000
"""What is kept of a text: more than ``MAX_TOKENS`` can hold."""

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
    texts = spread(_texts(files_of(folder, _READERS)), samples)
    if not texts:
        raise DataNotFoundError("Expected lines of text; every file of the data is empty.")
    longest = min(MAX_TOKENS, tokenizer.model_max_length, longest_text(config))
    every = tokenizer(texts, truncation=True, max_length=longest, return_token_type_ids=False)["input_ids"]
    encoded = [ids for ids in every if ids]
    if not encoded:
        raise DataNotFoundError("Expected text with tokens; the model's tokenizer leaves nothing of any line.")
    _check_ids(encoded, config)
    by_length = sorted(encoded, key=len)
    return [
        dict(tokenizer.pad({"input_ids": chunk}, padding_side="right", return_tensors="pt"))
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
            yield from (text.strip()[:MAX_CHARACTERS] for text in _READERS[path.suffix.lower()](path) if text.strip())
        except (UnicodeDecodeError, csv.Error) as error:
            raise DataUnreadableError(f"Expected UTF-8 text in {path.name}; {error}.") from error


def _lines(path: Path, newline: str | None = None) -> Iterator[str]:
    with path.open(encoding="utf-8-sig", newline=newline) as file:
        for number in count(1):
            line = file.readline(MAX_LINE)
            if len(line) == MAX_LINE:
                raise DataUnreadableError(
                    f"Expected lines of fewer than {MAX_LINE} characters; line {number} of {path.name} is longer. "
                    "Put each text on a line of its own."
                )
            if not line:
                return
            yield line


def _json_lines(path: Path) -> Iterator[str]:
    for number, line in enumerate(_lines(path), start=1):
        where = f"line {number} of {path.name}"
        try:
            record = json.loads(line) if line.strip() else ""
        except (ValueError, RecursionError) as error:
            raise DataUnreadableError(f"Expected a JSON value in {where}; {error}.") from error
        yield record if isinstance(record, str) else _field(record, where)


def _comma_table(path: Path) -> Iterator[str]:
    yield from _table(path, csv.excel)


def _tab_table(path: Path) -> Iterator[str]:
    yield from _table(path, _PlainTabs)


class _PlainTabs(csv.excel_tab):
    """Tab-separated values as corpora use them: a quote is a character like any other."""

    quoting = csv.QUOTE_NONE


def _table(path: Path, dialect: type[csv.Dialect]) -> Iterator[str]:
    rows = csv.DictReader(_lines(path, newline=""), dialect=dialect)
    for row in rows:
        yield _field(row, f"line {rows.line_num} of {path.name}")


def _field(record: Any, where: str) -> str:
    """Return the text of a record: its ``text``, else its first value that is a string and not a number."""
    fields: Mapping[str, Any] = record if isinstance(record, dict) else {}
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


_READERS = {".txt": _lines, ".jsonl": _json_lines, ".csv": _comma_table, ".tsv": _tab_table}
