"""The options of `gankit train`."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, get_args, get_origin

import pytest

from gankit.choose_recipe import configure
from gankit.cli.app import app
from gankit.cli.train import ORDER, SETTINGS, named_by
from gankit.errors import ConfigError
from gankit.families import FAMILIES
from gankit.settings.config import override
from gankit.settings.schema import flatten

OPTIONS = """
FAMILY str
DATA str
--minutes float
--steps int
--epochs float
--images int
--out -o Path
--init-from Path
--seed int
--seeds str
--recipe str
--config Path
--size str
--fit crop|stretch
--crop int
--channels auto|grey|rgb|rgba|bands
--holdout float
--train-size int
--batch int
--accumulate int
--labels-per-class int
--z-dim int
--prior normal|uniform|uniform01|uniform_unit
--loss str
--penalty str
--penalty-weight float
--augment str
--k int
--g-steps int
--update auto|simultaneous|simultaneous_coupled|alternating
--ema float
--lr-d float
--lr-g float
--device auto|cpu|cuda|mps
--devices int
--precision 32|64|bf16
--threads int
--sample-every int
--checkpoint-every int
--keep int
--tensorboard bool
--trackio bool
--evaluate-every int
--set list
--watch bool
--dry-run bool
--verbose bool
"""


def arguments():
    return app["train"].assemble_argument_collection(
        default_parameter=app.default_parameter, parse_docstring=False
    )


def kind(hint):
    """`int | None` -> `int`, `Literal["a", "b"] | None` -> `a|b`."""
    hint = next((part for part in get_args(hint) if type(None) in get_args(hint)), hint)
    if get_origin(hint) is Literal:
        return "|".join(get_args(hint))
    return (get_origin(hint) or hint).__name__


def test_no_option_and_no_type_goes_or_comes_unnoticed():
    seen = [f"{' '.join(argument.names)} {kind(argument.hint)}" for argument in arguments()]
    assert seen == OPTIONS.strip().splitlines()


def test_an_option_is_unset_unless_it_is_typed():
    for argument in arguments():
        expected = False if argument.name in ("--watch", "--dry-run", "--verbose") else None
        assert argument.field_info.default is expected


def test_every_option_has_its_place():
    assert set(SETTINGS) < set(ORDER)
    assert len(arguments()) == len(ORDER)


def test_every_flag_is_a_setting():
    known = {key for family in FAMILIES.names() for key in flatten(configure(family, "digits"))}
    assert {setting.key for setting in SETTINGS.values()} <= known


def test_data_that_is_typed_replaces_that_of_the_file(tmp_path, monkeypatch):
    chosen = []
    monkeypatch.setattr(
        "gankit.cli.train._rehearse", lambda config, *_, **__: chosen.append(config)
    )
    file = tmp_path / "recipe.toml"
    file.write_text("[data]\nsource = 'toy:grid25'\n[training]\nbatch = 32\n")
    for words in (["gan"], ["gan", "toy:ring8"]):
        app(["train", *words, "--config", str(file), "--dry-run"], result_action="return_value")
    assert [(c.data.source, c.training.batch) for c in chosen] == [
        ("toy:grid25", 32),
        ("toy:ring8", 32),
    ]


def test_a_folder_is_named_by_settings():
    config = override(
        configure("dcgan", "digits"), {"training.seed": 3, "generator_optimizer.lr": 0.25}
    )
    settings = list(SETTINGS.values())

    def named(name, seeds=()):
        return named_by(name, config, settings, seeds)

    assert named("runs/{family}-{data}-{lr-g}-{seed}") == "runs/dcgan-digits-0.25-3"
    assert named("{training.batch}{x y}{}") == f"{config.training.batch}{{x y}}{{}}"
    assert named("runs/{penalty}") == "runs/none"
    other = replace(config, data=replace(config.data, source="../my photos/*.jpg"))
    assert named_by("{data}/{data.source}", other, settings) == "my-photos/my-photos"
    with pytest.raises(ConfigError, match=r"\{lr\}, which is no setting. Did you mean 'lr-"):
        named("{lr}")
    with pytest.raises(ConfigError, match="--seeds makes a folder of each seed"):
        named("runs/{seed}", [0, 1])
