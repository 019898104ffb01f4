"""Several transfers at once: one progress, and all stop when one of them fails."""

import threading
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

from components.storage.progress import Moved

WORKERS = 5  # more gain little, and the emulator of Google's storage lets five wait at its door

Item = TypeVar("Item")
Result = TypeVar("Result")


class Stopped(Exception):
    """Another transfer of the same group failed, and its error is the one to tell."""


class Together:
    """A group of transfers."""

    def __init__(self, moved: Moved) -> None:
        self._moved = moved
        self._stop = threading.Event()

    def moved(self, count: int) -> None:
        """Tells that bytes went over, or with a negative count that some have to go again.

        Raises:
            Stopped: Another transfer failed.
        """
        self.sleep(0)
        self._moved(count)

    def sleep(self, seconds: float) -> None:
        """Waits.

        Raises:
            Stopped: Another transfer failed, before or meanwhile.
        """
        if self._stop.wait(seconds):
            raise Stopped

    def run(
        self,
        action: Callable[[Item], Result],
        items: Collection[Item],
        done: Callable[[Item, Result], None],
        workers: int = WORKERS,
    ) -> None:
        """Does the action to each item, and tells `done` of each result in the calling thread.

        Raises:
            Exception: The first that an action raised; the others have ended by then.
        """
        if len(items) == 1:  # in the calling thread: it stops at once when it is interrupted
            for item in items:
                done(item, action(item))
            return
        with ThreadPoolExecutor(workers) as pool:
            futures = {pool.submit(self._unless_stopped, action, item): item for item in items}
            try:
                for future in as_completed(futures):
                    if not isinstance(future.exception(), Stopped):
                        done(futures[future], future.result())
            except BaseException:
                self._stop.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        self.sleep(0)

    def _unless_stopped(self, action: Callable[[Item], Result], item: Item) -> Result:
        self.sleep(0)
        return action(item)
