"""Landscapes to look at: a small one of a real text model, and the published one of MelHuBERT."""
