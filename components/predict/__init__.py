"""The predict command: a trained model scores new text."""
