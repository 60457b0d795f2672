"""What the client does, written once: ``make generate`` makes ``_sync`` from it."""
