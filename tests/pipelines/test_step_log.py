import io

from components.errors import EnvironmentTrouble, InputError
from pipelines.step_log import StepLog

RUNNER = """\
12:00:00.000 - INFO - Running pipeline: \x1b[95m'albert-vs-bert'\x1b[0m
--------------------------------------------------------------------------------
12:00:00.000 - INFO - Executing task \x1b[96m'train-bert'\x1b[0m
12:00:00.000 - INFO - Streamed logs:

    Found image 'encoder-bakeoff-python:cpu'
    [KFP Executor 2026-01-01 12:00:00,000 INFO]: Got executor_input:
    {
        "inputs": {}
    }
    step 100: dev accuracy 0.9
    error: something
12:00:09.000 - INFO - Task \x1b[96m'train-bert'\x1b[0m finished with status SUCCESS
12:00:09.000 - INFO - Task \x1b[96m'train-bert'\x1b[0m outputs:
    model: Model( name='model',
12:00:10.000 - INFO - Task compare cache hit (key=abc); reusing
"""


def test_the_steps_own_lines_are_shown_and_everything_is_kept() -> None:
    shown, kept = io.StringIO(), io.StringIO()
    log = StepLog(shown, kept)
    for start in range(0, len(RUNNER), 7):  # in pieces, as a pipe delivers them
        log.write(RUNNER[start : start + 7])
    log.flush()
    assert shown.getvalue().splitlines() == [
        "▸ train-bert",
        "  step 100: dev accuracy 0.9",
        "  error: something",
        "▸ compare: reused, nothing changed",
    ]
    assert kept.getvalue() == RUNNER
    assert log.started == ["train-bert"]
    assert log.error is InputError


def test_what_the_machine_lacks_is_told_from_a_bad_input() -> None:
    log = StepLog(io.StringIO(), io.StringIO())
    log.write(RUNNER.replace("error: something", "environment error: no room"))
    assert log.error is EnvironmentTrouble
    log = StepLog(io.StringIO(), io.StringIO())
    log.write(RUNNER.replace("error: something", "all went well"))
    assert log.error is None


def test_a_training_that_was_stopped_is_told_from_one_that_broke_down() -> None:
    log = StepLog(io.StringIO(), io.StringIO())
    log.write(RUNNER)
    assert not log.stopped
    log.write(RUNNER.replace("error: something", "train: stopped by SIGTERM at step 7; its"))
    assert log.stopped
