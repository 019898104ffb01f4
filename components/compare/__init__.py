"""Compares finished evaluations: a table, an outcome that holds, and everything behind it."""
