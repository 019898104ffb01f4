"""The export command: a trained model in the format of another program."""
