"""Features of a recording by a compressed HuBERT, and its class: `python speech.py ARTIFACT RECORDING.wav`."""

import sys

import modelpress
import soundfile
import torch
from transformers import AutoFeatureExtractor, pipeline

artifact, recording = sys.argv[1:]
model, extractor = modelpress.load(artifact), AutoFeatureExtractor.from_pretrained(artifact)
wave, rate = soundfile.read(recording, dtype="float32")
with torch.no_grad():
    states = model.base_model(**extractor(wave, sampling_rate=rate, return_tensors="pt")).last_hidden_state
print(f"{states.shape[1]} frames of {states.shape[2]} features")

if "ForSequenceClassification" in type(model).__name__:
    classify = pipeline("audio-classification", model=model, feature_extractor=extractor)
    print(classify({"raw": wave, "sampling_rate": rate}, top_k=1))
