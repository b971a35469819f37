"""Write docs/settings.md: every setting, from the code that declares it.

python tools/write_settings.py            # write it
python tools/write_settings.py --check    # exit with 1 if it is not what would be written
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

from gankit.families import FAMILIES
from gankit.settings.config import Config
from gankit.settings.reference import Setting, every_setting
from made_page import write_or_check

PAGE = Path(__file__).parent.parent / "docs" / "settings.md"
INTRODUCTION = """\
# Settings

<!-- Written by tools/write_settings.py: change the settings' declarations, not this page. -->

Every setting can be typed as `--set key=value`, and stand in a TOML file that `--config` names.
Those with a flag have an option of `gankit train`, too. Flags win over the file, and `--set` over
both. `gankit list settings --family began` prints the same. Where 0 turns something off, `false`
does too.

The defaults here are those of a plain `gankit.settings.config.Config`. A recipe has its own:
`gankit train FAMILY DATA --dry-run --verbose` shows what a run would have.
"""
HEAD = "| setting | flag | default | what it may be | what it is |\n|---|---|---|---|---|"


def page() -> str:
    """The whole page."""
    plain = Config()
    sections = {
        item.name: getattr(plain, item.name)
        for item in dataclasses.fields(plain)
        if dataclasses.is_dataclass(getattr(plain, item.name))
    }
    settings = every_setting()
    parts = [INTRODUCTION, table([s for s in settings if "." not in s.key])]
    for name, section in sections.items():
        inside = [s for s in settings if s.key.startswith(f"{name}.")]
        parts += [heading(name, section), table(inside)]
    for name in sorted(FAMILIES.names()):
        options = FAMILIES[name].Options()
        own = [s for s in every_setting(options) if s.key.startswith("network.")]
        parts += [heading(f"network: {name}", options), table(own)]
    return "\n".join(parts)


def heading(title: str, section: object) -> str:
    """A title and the first sentence of what the section's class says of itself."""
    sentence = " ".join((section.__doc__ or "").split("\n\n")[0].split())
    return f"## {title}\n\n{sentence}\n"


def table(settings: list[Setting]) -> str:
    return "\n".join([HEAD, *map(row, settings), ""])


def row(setting: Setting) -> str:
    flag = f"`{setting.flag}`" if setting.flag else ""
    cells = [f"`{setting.key}`", flag, f"`{setting.shown_default}`", setting.allowed, setting.text]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def main() -> int:
    return write_or_check(PAGE, page(), "the code says")


if __name__ == "__main__":
    sys.exit(main())
