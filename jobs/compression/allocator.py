"""How the C library's allocator goes about large blocks."""

import ctypes

M_MMAP_THRESHOLD = -3
"""What glibc's ``malloc.h`` calls by that name."""

LARGE_BYTES = 2**20
"""A block of this size is given back to the system as soon as it is freed."""


def give_back_at_once() -> None:
    """Have glibc's allocator, where it is the one, keep no large block that is freed for later, from now on."""
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)
