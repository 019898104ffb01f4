"""`python -m components.predict`: scores new texts with a model folder."""

from components.flags import run_command
from components.predict.command import predict

if __name__ == "__main__":
    run_command(predict)
