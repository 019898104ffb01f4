"""What is classified: readers of published tasks and of plain tables, and the built-in sample."""

from typing import TYPE_CHECKING, Any

from components.tasks.config import TaskConfig
from components.tasks.kinds import TASKS, TaskKind

if TYPE_CHECKING:
    from components.tasks.load import TaskData, load_task

__all__ = ["TASKS", "TaskConfig", "TaskData", "TaskKind", "load_task"]


def __getattr__(name: str) -> Any:
    """Imports the readers at their first use: pandas loads slowly, and few commands read data."""
    if name not in ("TaskData", "load_task"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from components.tasks import load

    return getattr(load, name)
