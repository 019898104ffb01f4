"""`python -m components.export`: writes a model folder in the format of another program."""

from components.export.command import export
from components.flags import run_command

if __name__ == "__main__":
    run_command(export)
