"""Groups of transfers: what is done, what is told, and how all stop."""

import threading
import time

import pytest

from components.storage.together import Stopped, Together


def test_every_item_is_done_and_told_in_this_thread() -> None:
    told: dict[int, int] = {}
    threads = set()

    def done(item: int, result: int) -> None:
        told[item] = result
        threads.add(threading.get_ident())

    Together(lambda count: None).run(lambda item: item * item, range(20), done)
    assert told == {item: item * item for item in range(20)}
    assert threads == {threading.get_ident()}


def test_nothing_to_do_is_no_mistake() -> None:
    Together(lambda count: None).run(lambda item: item, [], lambda item, result: None)


def test_one_alone_is_done_in_this_thread() -> None:
    threads: list[int] = []
    together = Together(lambda count: None)
    together.run(lambda item: threading.get_ident(), [1], lambda item, ident: threads.append(ident))
    assert threads == [threading.get_ident()]


def test_the_first_failure_stops_all_others() -> None:
    """One sleeps for a minute, one moves bytes for ever, most have not begun."""
    moved: list[int] = []
    together = Together(moved.append)

    def act(item: int) -> None:
        if item == 0:
            together.sleep(60)
        elif item == 1:
            while True:
                together.moved(1)
                time.sleep(0.001)
        elif item == 2:
            time.sleep(0.05)
            raise ValueError("broken")
        else:
            together.sleep(0.2)
            begun.append(item)

    begun: list[int] = []
    started = time.monotonic()
    with pytest.raises(ValueError, match="broken"):
        together.run(act, range(100), lambda item, result: None)
    assert time.monotonic() - started < 5
    assert moved
    assert begun == []
    with pytest.raises(Stopped):
        together.moved(1)


def test_a_group_in_a_group_stops_with_it() -> None:
    together = Together(lambda count: None)
    finished = []

    def act(item: int) -> None:
        if item == 0:
            time.sleep(0.05)
            raise ValueError("broken")
        together.run(lambda part: together.sleep(60), range(3), lambda part, result: None)
        finished.append(item)

    with pytest.raises(ValueError, match="broken"):
        together.run(act, range(3), lambda item, result: None)
    assert finished == []
