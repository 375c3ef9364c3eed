"""The one error of this room."""


class StackError(RuntimeError):
    """A broker or database cannot be had here; the text says what, where and what to do, in one line."""
