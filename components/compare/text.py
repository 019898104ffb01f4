"""Text that others wrote, made fit to show: nothing in it is invisible, none of it too long."""


def visible(text: str) -> str:
    """Makes text one line in which control characters and direction overrides show as escapes."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def shorten(text: str, longest: int) -> str:
    """Cuts text to `longest` characters, the last of which then is an ellipsis."""
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def listed(values: tuple[object, ...]) -> str:
    """Writes values one after another: `1, 2, 3`."""
    return ", ".join(str(value) for value in values)
