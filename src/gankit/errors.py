"""The errors that a user can cause. The command line prints one line of them and exits with 2."""

from __future__ import annotations


class GankitError(Exception):
    """Something the user gave cannot work: the message says what, and what to do about it.

    >>> import gankit
    >>> try:
    ...     gankit.override(gankit.Config(), {"training.batch": 1})
    ... except gankit.GankitError as error:
    ...     print(error, error.about)
    training.batch must be at least 2, got 1 ('training.batch',)

    Messages speak Python: they name settings by their keys and arguments by their names. The
    command line adds how these are typed there.

    Attributes:
        about: the settings (`training.batch`) and arguments (`draws`) that the message names.
    """

    def __init__(self, message: str, *about: str) -> None:
        super().__init__(message)
        self.about = about


class ConfigError(GankitError, ValueError):
    """A setting or an argument is unknown, out of range or at odds with another one.

    >>> import gankit
    >>> try:
    ...     gankit.configure("dcgan", recipe="gan-fast")
    ... except gankit.ConfigError as error:
    ...     print(error)
    recipe 'gan-fast' is of family 'gan', not 'dcgan': leave one of the two out
    """


class DataError(GankitError, ValueError):
    """The training data is missing, unreadable or too small.

    >>> import gankit
    >>> try:
    ...     gankit.load_dataset("toy:ring8", size=32)
    ... except gankit.DataError as error:
    ...     print(error)
    data 'toy:ring8' is points, not images: leave size and channels out
    """


class RunError(GankitError):
    """A run directory or artifact is missing, damaged, foreign or at odds with the request.

    >>> import gankit
    >>> try:
    ...     gankit.load("runs/nowhere")
    ... except gankit.RunError as error:
    ...     print(error)
    no artifact at 'runs/nowhere'
    """


class TrainingError(GankitError):
    """Training cannot go on, after everything that can be tried was tried.

    What was reached is kept. Unlike a ConfigError or a DataError it is no ValueError: what was
    given could have worked.

    >>> import gankit
    >>> issubclass(gankit.TrainingError, ValueError)
    False
    """


class SilentError(GankitError):
    """This process ends because another one did, which has said why: nothing more to say."""

    def __init__(self) -> None:
        super().__init__("")


class Interrupted(BaseException):
    """A signal other than Ctrl-C arrived before there was anything to save. As KeyboardInterrupt,
    it passes whatever catches errors.

    Attributes:
        number: of the signal.
    """

    def __init__(self, number: int, name: str) -> None:
        super().__init__(f"ended by {name} before the first step; nothing was changed")
        self.number = number


class MissingExtraError(GankitError):
    """An optional dependency is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs more than is installed: pip install 'gankit[{extra}]'")
