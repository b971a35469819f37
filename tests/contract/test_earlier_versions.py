"""What earlier versions wrote stays usable: their run directories load, sample and go on."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import gankit
from gankit.errors import RunError
from gankit.families import FAMILIES
from gankit.fitting import fit
from gankit.recipes import RECIPES
from gankit.run import Run
from gankit.run_data import find_data
from gankit.settings.config import override
from gankit.storage import read_tensors

from ..conftest import SMALL, source_of

STORED = Path(__file__).parents[1] / "fixtures"
RUNS = sorted(path.parent for path in STORED.glob("*/*/run.json"))


@pytest.fixture(params=RUNS, ids=lambda path: f"{path.parent.name}/{path.name}")
def stored(request, tmp_path):
    """A copy of a run directory, and what the version that wrote it made of it."""
    shutil.copytree(request.param, tmp_path / "run")
    with np.load(tmp_path / "run/expected.npz") as arrays:
        expected = dict(arrays)
    (tmp_path / "run/expected.npz").unlink()
    return tmp_path / "run", expected


def test_there_are_some():
    assert len(RUNS) >= 3


def test_it_loads_and_samples_the_same(stored):
    folder, expected = stored
    samples = gankit.load(folder).sample(8, seed=5)
    assert samples.dtype == expected["samples"].dtype
    assert samples.shape == expected["samples"].shape
    # Another processor rounds otherwise: a pixel's last step, a point's last digits.
    atol = 1 if samples.dtype == np.uint8 else 1e-4
    np.testing.assert_allclose(samples.astype(float), expected["samples"].astype(float), atol=atol)


ROUNDING = {"generator/hidden.0.bias", "generator/hidden.1.running_mean"}
"""InfoGAN's bias before a normalisation, which takes it away again, and the mean that follows it.
The bias has a gradient of rounding alone, of which Adam makes steps of full length."""


def test_it_goes_on_as_it_would_have_then(stored):
    folder, expected = stored
    del expected["samples"]
    config = override(Run(folder).record().config, {"training.steps": 12})
    assert fit(config, folder).trained == 4
    tensors, header = read_tensors(folder / "model.safetensors", "artifact")
    assert header["step"] == 12
    assert tensors.keys() == expected.keys()
    for name in tensors.keys() - ROUNDING:
        np.testing.assert_allclose(tensors[name].numpy(), expected[name], rtol=1e-3, atol=1e-4)


def test_given_the_same_budget_there_is_nothing_to_train(stored):
    folder, _ = stored
    before = (folder / "model.safetensors").read_bytes()
    outcome = fit(Run(folder).record().config, folder)
    assert (outcome.trained, outcome.step) == (0, 8)
    assert (folder / "model.safetensors").read_bytes() == before
    assert (folder / "report.html").exists()


RECIPES_THEN = [(name, then) for name in FAMILIES.names() for then in FAMILIES[name].earlier]


@pytest.mark.parametrize(
    ("family", "then"),
    RECIPES_THEN,
    ids=[f"{name}-{', '.join(then)}"[:60] for name, then in RECIPES_THEN],
)
def test_a_run_of_an_earlier_recipe_goes_on_by_the_same_command(family, then, tmp_path, capsys):
    small = SMALL[family] | {"data.size": 16, "training.steps": 1}
    names = (None, *(name for name in RECIPES.names() if RECIPES[name]().family == family))
    recipes = (gankit.configure(family, source_of(family), name, settings=small) for name in names)
    now = next(recipe for recipe in recipes if override(recipe, then) != recipe)
    fit(override(now, then), tmp_path / "run")
    capsys.readouterr()
    assert fit(override(now, {"training.steps": 2}), tmp_path / "run").trained == 1
    assert "it goes on with the recipe of its first start: " in capsys.readouterr().err
    goes_on = Run(tmp_path / "run").record().config
    assert goes_on == override(now, {**then, "training.steps": 2})
    with pytest.raises(RunError, match=r"latent\.size"):
        fit(override(now, {"latent.size": 7}), tmp_path / "run")


@pytest.mark.parametrize("family", [n for n in FAMILIES.names() if FAMILIES[n].kind_recipes])
def test_a_run_on_photographs_goes_on_with_the_recipe_for_drawings(
    family, image_folder, tmp_path, capsys
):
    """Photographs had no recipe of their own; what a user typed then and types now is no change."""
    typed = SMALL[family] | {"data.size": 16, "training.batch": 8}
    default = FAMILIES[family].default_recipe
    then = override(gankit.configure(family, image_folder, recipe=default), typed)
    now = override(gankit.configure(family, image_folder), typed)
    fit(override(then, {"training.steps": 1}), tmp_path / "run")
    capsys.readouterr()
    assert fit(override(now, {"training.steps": 2}), tmp_path / "run").trained == 1
    assert "it goes on with the recipe of its first start: " in capsys.readouterr().err


def as_written_before(folder):
    """Take the settings that 0.1 had not out of a run's record."""
    record = json.loads((folder / "run.json").read_text())
    for key in ("holdout", "values"):
        del record["config"]["data"][key]
    for player in ("generator", "discriminator"):
        for key in ("schedule_steps", "weight_decay"):
            del record["config"][player][key]
    (folder / "run.json").write_text(json.dumps(record))


def test_a_run_that_held_nothing_out_goes_on_with_the_whole_set(tmp_path, small, newest, equal):
    for number in range(210):
        (tmp_path / "data").mkdir(exist_ok=True)
        Image.new("L", (16, 16), number).save(tmp_path / "data" / f"{number}.png")
    changes = {"training.steps": 4, "output.doctor": 0, "generator_optimizer.schedule": "constant"}
    changes |= {"discriminator_optimizer.schedule": "constant"}
    config = small("dcgan", str(tmp_path / "data"), **changes)
    whole = override(config, {"data.holdout": 0})
    fit(whole, tmp_path / "whole")
    fit(override(whole, {"training.steps": 2}), tmp_path / "run")
    as_written_before(tmp_path / "run")
    assert Run(tmp_path / "run").record().config.data.holdout == 0
    assert fit(config, tmp_path / "run").trained == 2
    assert equal(newest(tmp_path / "run"), newest(tmp_path / "whole"))
    assert Run(tmp_path / "run").record().data["count"] == 210
    # One that begins now holds a tenth out, and records it.
    fit(override(config, {"training.steps": 1}), tmp_path / "new")
    record = Run(tmp_path / "new").record()
    assert (record.config.data.holdout, record.data["count"]) == (0.1, 189)
    assert fit(override(config, {"training.steps": 2}), tmp_path / "new").trained == 1


def test_sixteen_bits_are_read_on_as_they_were(tmp_path, small):
    rng = np.random.default_rng(0)
    (tmp_path / "data").mkdir()
    for number in range(8):
        twelve = rng.integers(0, 4096, (16, 16)).astype(np.uint16)
        Image.fromarray(twelve).save(tmp_path / "data" / f"{number}.png")
    config = small("dcgan", str(tmp_path / "data"), **{"training.steps": 1, "output.doctor": 0})
    fit(config, tmp_path / "new")
    record = Run(tmp_path / "new").record()
    assert record.config.data.values[1] > 4000
    found = find_data(record.config.data, (1, 16, 16), None, tmp_path / "new", record)
    assert found.same
    assert found.dataset.read(np.arange(8)).max() == 255
    assert fit(override(config, {"training.steps": 2}), tmp_path / "new").trained == 1
    old = replace(record.config, data=replace(record.config.data, values=None))
    before = find_data(old.data, (1, 16, 16), None, tmp_path / "new", record)
    assert not before.same
    assert before.dataset.read(np.arange(8)).max() == 16


@pytest.fixture
def numbered(tmp_path):
    """A folder of twelve classes, 0 to 11, of two pictures each."""
    for number in range(12):
        folder = tmp_path / "data" / str(number)
        folder.mkdir(parents=True)
        for name in "ab":
            Image.new("L", (16, 16), 20 * number).save(folder / f"{name}.png")
    return tmp_path / "data"


def test_classes_that_were_in_the_order_of_letters_keep_their_numbers(
    numbered, tmp_path, small, monkeypatch, newest, equal
):
    changes = {"training.steps": 4, "output.doctor": 0, "generator_optimizer.schedule": "constant"}
    changes |= {"discriminator_optimizer.schedule": "constant"}
    config = small("cgan", str(numbered), **changes)
    with monkeypatch.context() as earlier:
        earlier.setattr("gankit.data.listing.by_nature", sorted)
        fit(config, tmp_path / "whole")
        fit(override(config, {"training.steps": 2}), tmp_path / "run")
    assert gankit.load(tmp_path / "run").class_names[:4] == ("0", "1", "10", "11")
    assert fit(config, tmp_path / "run").trained == 2
    assert equal(newest(tmp_path / "run"), newest(tmp_path / "whole"))
    gan = gankit.load(tmp_path / "run")
    assert gan.class_names == tuple(sorted(map(str, range(12))))
    found = find_data(
        gan.config.data, gan.shape, None, tmp_path / "run", Run(tmp_path / "run").record()
    )
    assert found.same
    # Each picture shows its class by name.
    shown = found.dataset.read(np.arange(24))[:, 0, 0, 0] // 20
    assert [int(gan.class_names[label]) for label in found.dataset.labels] == shown.tolist()
