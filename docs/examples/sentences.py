"""Use a compressed text encoder as a SentenceTransformer: `python sentences.py ARTIFACT`."""

import sys

import modelpress.transformers  # noqa: F401 - transformers learns the classes of compressed models
from sentence_transformers import SentenceTransformer
from sentence_transformers.models import Normalize, Pooling, Transformer

words = Transformer(sys.argv[1])
encoder = SentenceTransformer(modules=[words, Pooling(words.get_embedding_dimension(), "mean"), Normalize()])

sentences = ["A plane is taking off.", "An air plane is taking off.", "A man is slicing bread."]
embeddings = encoder.encode(sentences)
print(embeddings.shape)
print(encoder.similarity(embeddings[:1], embeddings[1:]).tolist())
