"""Compress a speech model by every technique, and measure how many phones of synthetic speech are still understood.

    python -m benchmarks.quality.phones MODEL

MODEL is a folder of a speech model. Speech is made on the spot by espeak-ng, which says of itself which phones it is
made of. The phone error rate is that of a linear map of the frozen last hidden states, trained by CTC; it has no
language model, so that it compares models with each other and not with speech recognisers.
"""

import argparse
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.quality.espeak import VOICES, NoEspeakError, phones_of, write_speech
from benchmarks.quality.judged import DATA, Judged

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "phones.json"
UTTERANCES, SEEDS, CALIBRATION = 300, 2, 128
REMOVED = (0.5,)


def main() -> int:
    """Measure, print, keep and draw; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("model", type=Path)
    asked = parser.parse_args()
    with TemporaryDirectory() as made:
        try:
            data = write_speech(Path(made), UTTERANCES)
        except NoEspeakError as missing:
            sys.stderr.write(f"Nothing was measured. {missing}\n")
            return 1
        probe = {"probe": "phones", "data": {"uri": DATA, "samples": UTTERANCES}, "seeds": SEEDS}
        judged = Judged(asked.model, data, [probe], CALIBRATION, REMOVED)
        speech = {"made_by": "espeak-ng", "voices": VOICES, "utterances": UTTERANCES, "phones": len(phones_of(data))}
        document = {**judged.said(), "speech": speech, "rows": []}
        for row in judged.rows():
            print(json.dumps(row), flush=True)
            document["rows"].append(row)
            RESULTS.write_text(json.dumps(document, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
