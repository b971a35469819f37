"""Recipes: complete, chosen by what was named, true to their papers."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import gankit
from gankit.choose_recipe import configure
from gankit.cli.train import train
from gankit.data import load_configured
from gankit.errors import ConfigError, DataError
from gankit.families import FAMILIES, Task
from gankit.fitting import fit
from gankit.recipes import RECIPES
from gankit.run import Plan, Run
from gankit.settings.config import override
from gankit.training.checkpoint import capture
from gankit.training.optimizers import learning_rate, momentum
from gankit.training.state import build_game
from gankit.training.update import alternating, choose_update, simultaneous, simultaneous_coupled
from gankit.worlds.world import World

from .conftest import THREADS

CART = World(name="CartPole-v1", observations=4, moments=500, choices=2)
PENDULUM = World(name="Pendulum-v1", observations=3, moments=200, low=(-2.0,), high=(2.0,))
TASKS = {
    "digits": Task((1, 28, 28), tuple("0123456789")),
    "mnist": Task((1, 28, 28), tuple("0123456789")),
    "toy:ring8": Task((2,), tuple("01234567")),
    "toy:gaussian1d": Task((1,)),
    "./tags.npz": Task((200,), (), 4096),
    "./imagenet": Task((3, 32, 32)),
    "./svhn": Task((3, 32, 32), tuple("0123456789")),
    "./celeba": Task((3, 32, 32)),
    "./faces": Task((1, 48, 48)),
    "expert:CartPole-v1": Task((1, 6), world=CART),
    "expert:Pendulum-v1": Task((1, 4), world=PENDULUM),
    "expert:CartPole-v1 and what followed": Task((1, 11), world=CART),
    "expert:Pendulum-v1 and what followed": Task((1, 8), world=PENDULUM),
    "./cifar10": Task((3, 32, 32), tuple("0123456789")),
    "sentences": Task((15,), symbols=("\n", "a", "b"), tokens="words"),
    "oracle": Task((20,), symbols=("0", "1")),
}


@pytest.mark.parametrize("name", RECIPES.names())
def test_every_recipe_makes_a_game_and_an_update(name):
    config = RECIPES[name]()
    data = config.data.source + (" and what followed" if config.data.transitions else "")
    try:
        game = build_game(config, TASKS[data])
    except ConfigError as error:  # the weights of a backbone are an extra
        if "not installed" not in str(error):
            raise
        pytest.skip(str(error))
    assert isinstance(config.network, FAMILIES[config.family].Options)
    ways = (alternating, simultaneous, *([simultaneous_coupled] if game.at_once else []))
    assert game.own_update() or choose_update(game) in ways


SHRUNK = {
    "generator_hidden": "12,8",
    "discriminator_hidden": "8,6",
    "generator_branches": "6,6",
    "discriminator_branches": "6,6",
    "generator_width": 4,
    "discriminator_width": 4,
    "generator_units": 8,
    "discriminator_units": 8,
    "most_channels": 16,
    "units": 16,
    "posterior_units": 8,
    "width": 4,
    "embedded": 8,
    "channels": "4,4,6",
    "generator_channels": "8,4",
    "discriminator_channels": "4,8",
    "hidden": 8,
    "filters": 4,
    "windows": "1,2",
    "rollouts": 2,
    "pretrain_steps": 1,
    "pretrain_d_steps": 0,
}


PAPERS = [name for name in RECIPES.names() if "paper" in name]


def shrunk(name, tmp_path):
    """A paper's recipe with tiny networks, for two steps, and noise of the kind of its data."""
    config = RECIPES[name]()
    task, rng = TASKS[config.data.source], np.random.default_rng(0)
    arrays = {}
    if task.kind == "tokens":
        made = {"data.vocabulary": 8, "data.length": 4, "data.sequences": 50, "objective.k": 2}
        run = {"training.steps": 2, "training.batch": 8, "runtime.threads": THREADS}
        small = {f"network.{k}": v for k, v in SHRUNK.items() if hasattr(config.network, k)}
        return override(config, small | made | run)
    if task.is_images:
        channels, height, width = task.shape
        arrays["images"] = rng.integers(0, 256, (60, height, width, channels)).astype(np.uint8)
        arrays["labels"] = np.arange(60) % 10
    else:
        arrays["points"] = rng.normal(size=(60, *task.shape))
        arrays["conditions"] = rng.normal(size=(60, task.condition))
    np.savez(tmp_path / "data.npz", **arrays)
    small = {f"network.{k}": v for k, v in SHRUNK.items() if hasattr(config.network, k)}
    if name == "cgan-tagging-paper":
        small["network.generator_hidden"] = ""
    return override(
        config,
        small
        | {"data.source": str(tmp_path / "data.npz"), "data.size": None, "data.channels": "auto"}
        | {"training.steps": 2, "training.batch": 8, "runtime.threads": THREADS}
        | ({"data.labels_per_class": 2} if FAMILIES[config.family].guided else {}),
    )


@pytest.mark.parametrize("name", PAPERS)
@pytest.mark.slow
def test_every_papers_recipe_runs_when_it_is_shrunk(name, tmp_path):
    """Those made for a GPU and for data that is not here too: two steps, saved, sampled."""
    fit(shrunk(name, tmp_path), tmp_path / "run")
    condition = TASKS[RECIPES[name]().data.source].condition
    labels = np.zeros(condition) if condition else None
    assert len(gankit.load(tmp_path / "run").sample(3, labels=labels)) == 3


@pytest.mark.parametrize("name", PAPERS)
@pytest.mark.slow
def test_a_papers_recipe_begins_as_a_longer_run_of_it_does(name, tmp_path, equal):
    """To the bit: nothing in it depends on the budget."""
    config, reached = shrunk(name, tmp_path), []
    data = load_configured(config.data)
    for steps in (3, 1000):
        longer = override(config, {"training.steps": steps})
        with gankit.Trainer(gankit.build_game(longer, data), data) as trainer:
            trainer.plan = Plan(steps, THREADS)
            for _ in range(3):
                trainer.step()
            reached.append(capture(trainer.state, copy=True)[0])
    assert equal(*reached)


def test_the_momentum_of_the_first_gan_is_its_authors_at_each_step():
    """Their 250 epochs of 50,000 images in batches of 100, whatever the budget."""
    config = RECIPES["gan-mnist-paper"]().generator_optimizer
    for steps in (20_726, 150_000):
        assert momentum(config, 20_000, steps) == pytest.approx(0.532)
    assert momentum(config, 149_999, 150_000) == 0.7


def test_the_conditional_dcgan_trains_as_its_authors_code():
    """For MNIST: 200 epochs of 50,000 images in which the players take turns, L2 of 2.5e-5."""
    config = RECIPES["cdcgan-mnist-paper"]()
    assert (config.training.steps, config.training.ema) == (39_000, 0)
    for player in (config.generator_optimizer, config.discriminator_optimizer):
        assert player.weight_decay == 2.5e-5
        rates = [learning_rate(player, step, 10**6) for step in (19_500, 29_250, 39_000)]
        assert rates == pytest.approx([2e-4, 1e-4, 0])


@pytest.mark.parametrize(
    ("family", "source", "recipe"),
    [
        (None, None, "cgan-fast"),
        ("cgan", "digits", "cgan-fast"),
        ("gan", "digits", "gan-fast"),
        ("dcgan", "./folder", "dcgan-fast"),
        ("infogan", "digits", "infogan-fast"),
        ("ssgan", "./folder", "ssgan-fast"),
        ("gan", "toy:grid25", "toy-gan"),
        ("cgan", "toy:ring8", "toy-cgan"),
    ],
)
def test_what_is_named_chooses_the_recipe(family, source, recipe):
    chosen, expected = configure(family, source), RECIPES[recipe]()
    assert chosen.network == expected.network
    assert chosen.training == expected.training
    assert chosen.objective == expected.objective
    assert chosen.data.source == (source or expected.data.source)


def test_arrays_have_a_size_of_their_own():
    assert configure(recipe="ssgan-cifar-paper").data.size == (32, 32)
    assert configure(source="mine.npz", recipe="ssgan-cifar-paper").data.size is None


def test_a_named_recipe_keeps_its_own_data_unless_told():
    assert configure(recipe="gan-mnist-paper").data.source == "mnist"
    assert configure(source="digits", recipe="gan-mnist-paper").data.source == "digits"


def test_a_recipe_of_another_family_is_refused():
    assert configure("gan", recipe="gan-fast").family == "gan"
    with pytest.raises(ConfigError, match="'cgan-fast' is of family 'cgan', not 'gan'"):
        configure("gan", recipe="cgan-fast")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"family": "dgan"}, "Did you mean 'dcgan'"),
        ({"recipe": "gan-mnist-papr"}, "Did you mean 'gan-mnist-paper'"),
    ],
)
def test_misspelt_names_get_a_suggestion(arguments, said):
    with pytest.raises(ConfigError, match=said):
        configure(**arguments)


def test_dcgan_trains_as_its_paper_says():
    """Section 4: Adam 2e-4, beta1 .5, batch 128, noise of 100 from U(-1, 1), normal(0, .02)."""
    config = RECIPES["dcgan-paper"]()
    for player in (config.generator_optimizer, config.discriminator_optimizer):
        assert (player.name, player.lr, player.beta1) == ("adam", 2e-4, 0.5)
    assert config.training.batch == 128
    assert (config.latent.size, config.latent.prior) == (100, "uniform")
    assert config.network.init == 0.02


def test_the_first_gan_limits_its_columns_for_faces_alone():
    """As its authors' configurations do."""
    limits = {
        name: RECIPES[name]().generator_optimizer.max_norm
        for name in RECIPES.names()
        if name[:4] == "gan-"
    }
    assert {name for name, most in limits.items() if most} == {"gan-tfd-paper"}
    assert (
        limits["gan-tfd-paper"]
        == RECIPES["gan-tfd-paper"]().discriminator_optimizer.max_norm
        == 1.9365
    )


def test_cgan_trains_as_its_paper_says():
    """Section 4.1: SGD, batch 100, rate .1 divided by 1.00004 to 1e-6, momentum .5 to .7, dropout
    of .5 in both players."""
    config = RECIPES["cgan-mnist-paper"]()
    assert (config.network.generator_dropout, config.network.dropout) == (0.5, (0.5, 0.5))
    for player in (config.generator_optimizer, config.discriminator_optimizer):
        assert (player.name, player.lr, player.decay_rate) == ("sgd", 0.1, 1.00004)
        assert (player.lr_floor, player.momentum, player.momentum_end) == (1e-6, 0.5, 0.7)
    assert config.training.batch == 100


def test_without_a_family_the_data_decides(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Image.new("L", (16, 16)).save(tmp_path / name / "1.png")
    assert configure(None, str(tmp_path)).family == "cgan"
    assert configure(None, str(tmp_path / "a")).family == "dcgan"
    assert configure(None, "digits").family == configure().family == "cgan"


def test_a_path_in_the_place_of_the_family_is_data(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    for number in range(8):
        Image.new("L", (16, 16), number).save(tmp_path / "photos" / f"{number}.png")
    options = {"steps": 1, "batch": 4, "threads": 1, "set_": ["output.doctor=0"]}
    train("photos", out=tmp_path / "run", **options)
    record = Run(tmp_path / "run").record()
    assert (record.config.family, record.config.data.source) == ("dcgan", "photos")
    train("./photos/", out=tmp_path / "run", **options)
    assert "nothing to do" in capsys.readouterr().out
    with pytest.raises(ConfigError, match=r"'dcgn' is no family.*Did you mean 'dcgan'"):
        train("dcgn", **options)
    with pytest.raises(DataError, match="no such folder or file"):
        train("./nowhere", **options)
