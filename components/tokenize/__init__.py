"""The tokenize step: a task's texts become packed token ids."""
