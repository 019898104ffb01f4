"""The architectures: one composition covers BERT, Google's ALBERT and both of albert_zh's own.

`config` and `sizes` import no deep learning library; `build`, `layers`, `predict` and `weights` do.
"""
