"""`python -m components.tokenize`: a task's texts become a tokens folder."""

from pathlib import Path
from typing import Annotated

import typer

from components.flags import run_command
from components.tasks import TaskConfig
from components.tokenize.config import TokenizeConfig
from components.tokenize.step import tokenize


def main(
    tokens: Annotated[Path, typer.Option(help="Folder to write the tokens to.")],
    task: TaskConfig,
    config: TokenizeConfig,
) -> None:
    """Tokenizes a task's train, dev and test rows.

    Example: `python -m components.tokenize --task sample --tokens out/tokens`
    """
    facts = tokenize(task, config, tokens)
    for split, found in facts.splits.items():
        print(
            f"{split}: {facts.data.splits[split].rows} rows, {found.tokens.mean:.1f} tokens a row "
            f"(p99 {found.tokens.p99:.0f}), {found.truncated_share:.2%} truncated, "
            f"{found.unknown_share:.2%} unknown tokens"
        )
    print(f"tokens: {tokens} (vocabulary of {facts.vocab_size} entries, {facts.vocab_source})")


if __name__ == "__main__":
    run_command(main)
