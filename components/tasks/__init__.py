"""What is classified: readers of LCQMC, of plain tables, and the built-in sample."""

from components.tasks.config import TaskConfig
from components.tasks.kinds import TASKS, TaskKind
from components.tasks.load import TaskData, load_task

__all__ = ["TASKS", "TaskConfig", "TaskData", "TaskKind", "load_task"]
