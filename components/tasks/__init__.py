"""What is classified: readers of LCQMC, of plain tables, and the built-in sample."""

from components.tasks.config import TaskConfig
from components.tasks.kinds import TASKS, TaskKind
from components.tasks.load import TaskData, data_digest, load_task

__all__ = ["TASKS", "TaskConfig", "TaskData", "TaskKind", "data_digest", "load_task"]
