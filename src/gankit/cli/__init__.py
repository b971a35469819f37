"""The command line. The entry point is `gankit.cli:main`."""

from gankit.cli.app import main

__all__ = ["main"]
