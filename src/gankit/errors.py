"""The errors that a user can cause. The command line prints the message and exits with 2."""

from __future__ import annotations


class GankitError(Exception):
    """Something that the user gave cannot work; the message says what, and what to do about it.

    >>> import gankit
    >>> try:
    ...     gankit.override(gankit.Config(), {"training.batch": 1})
    ... except gankit.GankitError as error:
    ...     print(error, error.about)
    training.batch must be at least 2, got 1 ('training.batch',)

    Messages speak Python: they name settings by their keys and arguments by their names. The
    command line adds its options for them.

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
    data 'toy:ring8' is points, not images: leave size, crop and channels out
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
    """Training cannot go on, although everything that may help has been tried.

    What was trained so far is kept. Unlike a ConfigError or a DataError this is no ValueError: what
    the user gave could have worked.

    >>> import gankit
    >>> issubclass(gankit.TrainingError, ValueError)
    False
    """


class SilentError(GankitError):
    """This process ends because another one did, and that one has already said why."""

    def __init__(self) -> None:
        super().__init__("")


class Interrupted(BaseException):
    """A signal other than Ctrl-C arrived before there was anything to save.

    Like KeyboardInterrupt it is no Exception, so nothing that catches errors stops it.

    Attributes:
        number: the number of the signal.
    """

    def __init__(self, number: int, name: str) -> None:
        super().__init__(f"ended by {name} before the first step; nothing was changed")
        self.number = number


class MissingExtraError(GankitError):
    """An optional dependency is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs more than is installed: pip install 'gankit[{extra}]'")
