"""The formats on disk that steps hand to each other, read and written in one place."""
