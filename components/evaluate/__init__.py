"""The evaluate step: a model is measured on dev and test."""
