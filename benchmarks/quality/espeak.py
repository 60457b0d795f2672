"""Speech that says of itself which phones it is made of, by espeak-ng where the machine has it.

The synthesiser's library tells each phone as it is spoken. It is a tool of benchmarks, found on the machine; nothing of
it is part of the product.
"""

import csv
import ctypes
import ctypes.util
import random
import wave
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SYNCHRONOUS, PHONEME_EVENTS, UTF8 = 2, 1, 1
"""How the library is opened: it hands over sound as it is made, with an event for each phone."""

END_OF_EVENTS, PHONEME = 0, 7
VOICES = ("en-us", "en-us+f2", "en-us+m3", "en-us+f4")
WORDS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "about", "after", "back", "been"),
    *("boy", "could", "day", "father", "good", "house", "just", "know", "large", "many", "measure", "never", "people"),
    *("right", "she", "their", "think", "usual", "very", "water", "which", "would", "year", "young"),
)
"""Digits, and words with the other phones of English."""

SAID = 3
"""Words of an utterance."""


class NoEspeakError(Exception):
    """The machine has no espeak-ng."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """What was said: 16-bit samples, and the phones in their order, each with the moment at which it begins [s]."""

    samples: bytes
    phones: tuple[tuple[float, str], ...]


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class Espeak:
    """The synthesiser.

    Attributes:
        rate_hz: of its samples.
    """

    def __init__(self) -> None:
        """Open the library; raises NoEspeakError where there is none."""
        found = ctypes.util.find_library("espeak-ng")
        if found is None:
            raise NoEspeakError("Expected espeak-ng's library; apt-get install espeak-ng brings it.")
        self._library = ctypes.CDLL(found)
        self.rate_hz = int(self._library.espeak_Initialize(SYNCHRONOUS, 0, None, PHONEME_EVENTS))
        self._samples: list[bytes] = []
        self._phones: list[tuple[float, str]] = []
        self._hear = _CALLBACK(self._heard)  # kept: the library holds no reference
        self._library.espeak_SetSynthCallback(self._hear)

    def say(self, text: str, voice: str) -> Utterance:
        """Return *text* as *voice* says it."""
        self._samples, self._phones = [], []
        if self._library.espeak_SetVoiceByName(voice.encode()):
            raise ValueError(f"Expected a voice of espeak-ng; got {voice!r}.")
        said = text.encode() + b"\0"
        self._library.espeak_Synth(said, len(said), 0, 1, 0, UTF8, None, None)
        self._library.espeak_Synchronize()
        return Utterance(b"".join(self._samples), tuple(self._phones))

    def _heard(self, samples: Any, count: int, events: Any) -> int:
        if samples and count:
            self._samples.append(ctypes.string_at(samples, 2 * count))
        for place in range(1 << 20):
            if events[place].type == END_OF_EVENTS:
                break
            name = bytes(events[place].id.string).decode(errors="replace") if events[place].type == PHONEME else ""
            if any(letter.isalnum() or letter == "@" for letter in name):  # pauses and marks are no phones
                self._phones.append((events[place].audio_position / 1000, name))
        return 0


def write_speech(folder: Path, count: int) -> Path:
    """Write *count* utterances of random words, with a table of what is said, and return *folder*.

    Raises:
        NoEspeakError: the machine has no espeak-ng.
    """
    espeak = Espeak()
    rows = []
    for place, (text, voice) in enumerate(_texts(count)):
        said = espeak.say(text, voice)
        _write(folder / f"{place:04}.wav", said.samples, espeak.rate_hz)
        rows.append((f"{place:04}.wav", text, voice, " ".join(phone for _, phone in said.phones)))
    with (folder / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("file_name", "text", "voice", "phones"), *rows])
    return folder


def _texts(count: int) -> Iterator[tuple[str, str]]:
    chance = random.Random(0)  # noqa: S311 - words, not a secret
    for place in range(count):
        yield " ".join(chance.sample(WORDS, SAID)), VOICES[place % len(VOICES)]


def _write(path: Path, samples: bytes, rate_hz: int) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(samples)


def phones_of(folder: Path) -> Sequence[str]:
    """Return every phone that the table of *folder* has."""
    with (folder / "metadata.csv").open(encoding="utf-8", newline="") as file:
        return sorted({phone for row in csv.DictReader(file) for phone in row["phones"].split()})
