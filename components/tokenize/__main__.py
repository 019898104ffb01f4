"""`python -m components.tokenize`: a task's texts become a tokens folder."""

from typing import Annotated

import typer

from components.flags import run_command
from components.storage.credentials import recordable
from components.tasks import TaskConfig
from components.tokenize.config import TokenizeConfig


def main(
    tokens: Annotated[str, typer.Option(help="Folder or address to write the tokens to.")],
    task: TaskConfig,
    config: TokenizeConfig,
    encoder: Annotated[
        str,
        typer.Option(
            help="Encoder whose tokenizer is used: a name of `bakeoff models`, a checkpoint's "
            "folder or archive, hf:ORG/NAME; without it the vocabulary is `--vocab-file` or is "
            "trained, for encoders from scratch."
        ),
    ] = "",
) -> None:
    """Tokenizes a task's train, dev and test rows.

    Example: `python -m components.tokenize --task sample --encoder bert-base-chinese --tokens
    out/tokens`
    """
    # Here, so that --help need not load tokenizers and tables.
    from components.artifacts.places import artifact_place
    from components.artifacts.tokens import KIND
    from components.encoders.checkpoints.argument import BERT_PACKING, tokenizer_of
    from components.tokenize.step import tokenize

    checkpoint, packing = tokenizer_of(encoder) if encoder else (None, BERT_PACKING)
    with artifact_place(tokens, KIND) as folder:
        facts = tokenize(
            task, config, folder, checkpoint=checkpoint, packing=packing, named=encoder
        )
    for split, found in facts.splits.items():
        print(
            f"{split}: {facts.data.splits[split].rows} rows, {found.tokens.mean:.1f} tokens a row "
            f"(p99 {found.tokens.p99:.0f}), {found.truncated_share:.2%} truncated, "
            f"{found.unknown_share:.2%} unknown tokens"
        )
    case = "lower case" if facts.lowercase else "case kept"
    print(
        f"tokens: {recordable(tokens)} (vocabulary of {facts.vocab_size} entries, "
        f"{facts.vocab_source}; {case}: {facts.lowercase_source})"
    )


if __name__ == "__main__":
    run_command(main)
