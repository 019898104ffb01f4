"""Pre-trained checkpoints: recognising, reading, fetching by a model argument, writing."""
