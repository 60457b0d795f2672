"""Requests that work, shown in the documentation and tried by the tests."""

COMPRESSIONS = {
    "pipeline": {
        "summary": "Three techniques, one after the other",
        "value": {
            "model": {"uri": "s3://models/hubert-base/"},
            "steps": [
                {"technique": "head_pruning", "heads_removed": 0.5},
                {"technique": "ffn_pruning", "units_removed": 0.33},
                {"technique": "weight_pruning", "sparsity": 0.5},
            ],
            "data": {"uri": "s3://data/calibration/", "samples": 256},
            "recovery": {"steps": 500},
            "profile": {"inputs": [{"kind": "audio", "batch_size": 1, "seconds": 10}], "threads": 1, "repeats": 20},
            "limits": {"queue_timeout_s": 3600, "run_timeout_s": 7200},
            "labels": {"team": "speech"},
        },
    },
    "factorisation": {
        "summary": "Low-rank factors in place of matrices",
        "value": {
            "model": {"uri": "hf://sentence-transformers/all-MiniLM-L6-v2"},
            "steps": [{"technique": "low_rank", "rank_ratio": 0.5}],
        },
    },
    "target": {
        "summary": "A budget instead of steps",
        "value": {"model": {"uri": "s3://models/minilm/"}, "target": {"metric": "params", "ratio": 0.5}},
    },
}
JUDGED = {
    "probes": {
        "summary": "A budget, and whether digits and speakers are still told apart",
        "value": {
            "model": {"uri": "s3://models/hubert-base/"},
            "target": {"metric": "macs", "ratio": 0.5, "scope": "encoder"},
            "data": {"uri": "s3://data/digits/"},
            "evaluate": [
                {"probe": "fidelity"},
                {"probe": "classification", "data": {"uri": "s3://data/digits/"}, "label": "digit"},
                {"probe": "classification", "data": {"uri": "s3://data/digits/"}, "label": "speaker", "seeds": 5},
            ],
        },
    },
}
PLANS = {name: COMPRESSIONS[name] for name in ("factorisation", "target")}
PROFILES = {
    "speech": {
        "summary": "Ten seconds of speech, on one thread",
        "value": {
            "model": {"uri": "s3://models/hubert-base/"},
            "profile": {"inputs": [{"kind": "audio", "batch_size": 1, "seconds": 10}], "threads": 1, "repeats": 20},
        },
    },
    "typical": {"summary": "One typical input", "value": {"model": {"uri": "s3://models/minilm/"}}},
}
LANDSCAPES = {
    "grid": {
        "summary": "Every technique at three amounts",
        "value": {
            "model": {"uri": "s3://models/hubert-base/"},
            "grid": {
                "techniques": ["head_pruning", "ffn_pruning", "low_rank", "weight_pruning"],
                "targets": ["params"],
                "removed": [0.25, 0.5, 0.75],
            },
            "controls": {"first_layers": [0.5]},
            "data": {"uri": "s3://data/calibration/", "samples": 256},
            "profile": {"inputs": [{"kind": "audio", "seconds": 10}]},
            "evaluate": [{"probe": "classification", "data": {"uri": "s3://data/speakers/"}, "label": "speaker"}],
        },
    },
    "points": {
        "summary": "Two points of your own",
        "value": {
            "model": {"uri": "s3://models/minilm/"},
            "points": [
                {
                    "name": "half the heads",
                    "series": "heads",
                    "steps": [{"technique": "head_pruning", "heads_removed": 0.5}],
                },
                {"name": "half the size", "target": {"metric": "params", "ratio": 0.5}},
            ],
        },
    },
}
WEBHOOKS = {
    "failures": {
        "summary": "Told of what does not succeed",
        "value": {"url": "https://hooks.example.com/modelpress", "events": ["job.failed", "job.expired"]},
    },
}
UPLOADS = {
    "model": {
        "summary": "A small checkpoint",
        "value": {"files": [{"path": "config.json", "bytes": 612}, {"path": "model.safetensors", "bytes": 90868376}]},
    },
}
COMPLETIONS = {
    "model": {
        "summary": "What the store answered",
        "value": {
            "files": [{"path": "config.json", "parts": [{"number": 1, "etag": "9b2cf535f27731c974343645a3985328"}]}]
        },
    },
}
