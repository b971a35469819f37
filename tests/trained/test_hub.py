"""Publishing and fetching, against a server on this machine that speaks what the client asks."""

from __future__ import annotations

import sys
import threading
from dataclasses import replace

import numpy as np
import pytest

import gankit
from gankit.errors import MissingExtraError
from gankit.scores.score import write_report
from gankit.trained.artifact import save_artifact
from gankit.trained.hub import on_hub

from ..scores.test_score import REPORT
from .hub_server import Hub
from .test_gan import made

#: The client's own, of the library that it speaks HTTP with.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """The Hub, for this process; the cache is empty."""
    constants = pytest.importorskip("huggingface_hub.constants")
    with Hub() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        template = f"{server.address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "ENDPOINT", server.address)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda seconds: None)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
        monkeypatch.setenv("HF_TOKEN", "hf_nobodys")
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # another protocol altogether
        yield server
        server.shutdown()


@pytest.fixture
def run(small, tmp_path):
    """The folder of a run that has learned nothing."""
    gan = made(small("cgan"), (1, 28, 28), ("cat", "dog"))
    folder = tmp_path / "runs" / "pets"
    folder.mkdir(parents=True)
    save_artifact(folder / "model.safetensors", gan.game, {"generator": gan.generator}, 3)
    return folder


def test_what_is_published_is_loaded_again_to_the_bit(hub, run):
    gan = gankit.load(run)
    assert gan.push_to_hub("me/pets", license="CC-BY-4.0") == "hf://me/pets"
    again = gankit.load("hf://me/pets")
    assert np.array_equal(again.sample(20, "dog", seed=3), gan.sample(20, "dog", seed=3))
    files = hub.repositories["me/pets"]
    assert set(files) == {"model.safetensors", "samples.png", "README.md"}
    assert files["model.safetensors"] == (run / "model.safetensors").read_bytes()
    assert files["samples.png"] == gan._repr_png_()
    assert files["README.md"].startswith(b"---\nlicense: cc-by-4.0\n")
    assert hub.private == set()


def test_publishing_again_gives_the_same_repository_a_new_version(hub, run):
    gan = gankit.load(run)
    gan.push_to_hub("me/pets", license="other", private=True)
    first = hub.revision("me/pets")
    gan.push_to_hub("me/pets", license="apache-2.0", data="pets of the neighbours")
    assert hub.private == {"me/pets"}
    assert b"pets of the neighbours" in hub.repositories["me/pets"]["README.md"]
    assert hub.revision("me/pets") != first
    assert gankit.load(f"hf://me/pets@{hub.revision('me/pets')}").step == 3


def test_what_is_fetched_is_as_suspect_as_any_file(hub, run):
    gankit.load(run).push_to_hub("me/pets", license="other")
    whole = hub.repositories["me/pets"]["model.safetensors"]
    damaged = bytearray(whole)
    damaged[-1] ^= 1
    for number, content in enumerate((bytes(damaged), whole[:-9], b"", b"\x80\x04K\x01.")):
        hub.repositories[f"me/bad{number}"] = {"model.safetensors": content}
        with pytest.raises(gankit.RunError, match="damaged"):
            gankit.load(f"hf://me/bad{number}")


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("hf://me/nowhere", "there is no 'me/nowhere' on the Hub that you may use: log in"),
        ("hf://me/text", "'me/text' holds no model.safetensors: it is no model of gankit"),
        ("hf://me/text@v9", "'me/text' has no such revision"),
        ("hf://pets", "a name on the Hub is user/name, got 'pets'"),
        ("hf://", "a name on the Hub is user/name"),
        ("hf://me/../../etc", "a name on the Hub is user/name"),
        ("hf://me/a--b", "cannot be on the Hub"),
    ],
)
def test_what_is_not_there_is_said_in_one_line(hub, address, message):
    hub.repositories["me/text"] = {"README.md": b"hello"}
    with pytest.raises(gankit.GankitError, match=message) as error:
        gankit.load(address)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("status", "message"), [(403, "403: log in .* may write"), (500, "500")])
def test_a_refusal_is_said_in_one_line(hub, run, status, message):
    hub.refuses = status
    with pytest.raises(gankit.RunError, match=message) as error:
        gankit.load(run).push_to_hub("me/pets", license="other")
    assert "\n" not in str(error.value)


def test_without_a_network_it_says_so_at_once_unless_it_is_in_the_cache(
    hub, run, monkeypatch, capfd
):
    gankit.load(run).push_to_hub("me/pets", license="other")
    gankit.load("hf://me/pets")
    closed = "http://127.0.0.1:9"
    template = f"{closed}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", closed)
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr("time.sleep", lambda _: pytest.fail("it tried again"))
    capfd.readouterr()
    assert gankit.load("hf://me/pets").step == 3
    assert capfd.readouterr().err == ""
    with pytest.raises(gankit.RunError, match="cannot be reached, and is not in the cache"):
        gankit.load("hf://me/others")
    assert capfd.readouterr().err == "gankit: fetching 'me/others' from the Hub\n"


def test_a_licence_is_asked_for_and_a_file_is_needed(run, small):
    gan = gankit.load(run)
    for wrong in ("", "my own", "a\nlicense: mit"):
        with pytest.raises(gankit.ConfigError, match="license must be an identifier"):
            gan.push_to_hub("me/pets", license=wrong)
    with pytest.raises(gankit.ConfigError, match="in no file"):
        made(small("cgan"), (1, 28, 28), ("a", "b")).push_to_hub("me/x", license="other")


def test_without_the_package_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'gankit\[hub\]'"):
        gankit.load("hf://me/pets")


@pytest.fixture
def command(monkeypatch, capsys):
    """command("push", ...) -> exit code, stdout, stderr."""
    from gankit.cli import main

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["gankit", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        return code, *capsys.readouterr()

    return run


def test_the_commands_push_and_pull(hub, run, command, tmp_path):
    write_report(run, replace(REPORT, step=3, run=str(run)))
    write_report(run, replace(REPORT, step=2))
    dry = command("push", run, "me/pets", "--license", "other", "--dry-run")
    assert hub.repositories == {}
    assert command("push", run, "me/pets", "--license", "other") == (0, "hf://me/pets\n", "")
    page = hub.repositories["me/pets"]["README.md"].decode()
    assert dry[0] == 0
    assert page in dry[1]
    assert page.count("| FD(digits) | 12.5 | 12 to 13 | 0.4 | lower |") == 1
    assert str(tmp_path) not in page
    out = tmp_path / "mine"
    assert command("pull", "me/pets", "-o", out)[:2] == (0, f"{out}/model.safetensors\n")
    assert np.array_equal(gankit.load(out).sample(3), gankit.load(run).sample(3))
    assert command("pull", "hf://me/pets", "-o", out)[0] == 0  # it is there already
    (out / "model.safetensors").write_bytes(b"something dear")
    code, _, said = command("pull", "me/pets", "-o", out)
    assert code == 2
    assert "is another model: choose another folder (--out)" in said
    assert (out / "model.safetensors").read_bytes() == b"something dear"
    target = tmp_path / "x.npz"
    assert command("sample", "hf://me/pets", "-n", 2, "-o", target)[0] == 0
    assert target.exists()


def test_the_command_asks_for_a_licence(run, command):
    code, _, said = command("push", run, "me/pets")
    assert code == 2
    assert "under what terms others may use it: --license" in said


def test_addresses_and_paths():
    assert on_hub("hf://me/pets") == on_hub("hf:/me/pets") == "me/pets"
    for path in ("runs/pets", "/hf://me/pets", "./hf:/me", "hf"):
        assert on_hub(path) is None
