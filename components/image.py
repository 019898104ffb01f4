"""The name of the image that the components run in, on a cluster and in Docker."""

IMAGE = "encoder-bakeoff-python:latest"
"""Replaced by `bakeoff compile --image`. KFP's local runner expects "python" in the name."""
