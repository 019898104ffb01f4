"""`bakeoff tasks`: what can be classified."""

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from components.tasks import TASKS


def tasks() -> None:
    """Lists the tasks: the files, columns and labels of each."""
    console = Console(highlight=False)
    for task in TASKS.values():
        console.print(Text.assemble((task.name, "bold"), f"  {task.description}"))
        details = Table.grid(Column(min_width=10), Column(overflow="fold"), padding=(0, 1))
        for heading, text in task.details():
            details.add_row(f"  {heading}", Text(text))
        console.print(details, "")
    console.print("test may be missing, or lack labels: its rows are then predicted, not measured.")
