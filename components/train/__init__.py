"""The train step: an encoder is fine-tuned on tokens."""
