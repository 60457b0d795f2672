"""``make demo``: a whole stack, two real-sized models, every technique, one table; and the proof that results load."""
