"""Unlabelled data in a local folder, as batches that a model takes."""

from jobs.datasets.reading import read_batches

__all__ = ["read_batches"]
