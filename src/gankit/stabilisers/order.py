"""The stabilisers that the settings ask for, in the order in which a game calls them.

The order is part of the mathematics. The pool keeps fakes as they were made, so replay comes
before augmentation. Noise is added after augmentation, which must not change it. Feature matching
replaces G's adversarial term before entropy adds its own. And a reference batch replaces batch
normalisation before anything looks for D's last layer.
"""

from __future__ import annotations

from collections.abc import Sequence

from gankit.errors import ConfigError
from gankit.settings.config import Config
from gankit.stabilisers.augment import Augment
from gankit.stabilisers.base import PLUGIN_STABILISERS, Stabiliser
from gankit.stabilisers.batch import JointBatch, MinibatchCloseness, VirtualBatch
from gankit.stabilisers.feature_matching import FeatureMatching
from gankit.stabilisers.freezing import Freezing
from gankit.stabilisers.generator_terms import Entropy, TopK
from gankit.stabilisers.lecam import LeCam
from gankit.stabilisers.noise import Noise
from gankit.stabilisers.past import HistoricalAverage, LaggedDiscriminator, Replay
from gankit.stabilisers.perceptual import PerceptualMatching
from gankit.text import reason, shown

ORDER = (
    JointBatch,
    VirtualBatch,
    MinibatchCloseness,
    Replay,
    Augment,
    Noise,
    LaggedDiscriminator,
    TopK,
    FeatureMatching,
    PerceptualMatching,
    Entropy,
    LeCam,
    HistoricalAverage,
    Freezing,
)
"""gankit's own stabilisers in the order of their calls. Those from outside follow, in the order in
which the user names them."""


def asked_for(config: Config) -> tuple[Stabiliser, ...]:
    """Return the stabilisers that `config.stabilise` asks for, in the order of their calls.

    Raises ConfigError if a name is unknown or a strength is no number.
    """
    own = (kind.of(config) for kind in ORDER)
    return (*(s for s in own if s is not None), *_plugins(config.stabilise.plugins))


def _plugins(named: Sequence[str]) -> list[Stabiliser]:
    made = []
    for entry in named:
        name, given, strength = entry.partition(":")
        kind = PLUGIN_STABILISERS[name]
        try:
            made.append(kind(float(strength)) if given else kind())
        except (TypeError, ValueError) as error:
            raise ConfigError(
                f"stabilise.plugins: {shown(entry)} makes no stabiliser ({reason(error)}): give a "
                "name, or a name and its strength, such as jitter:0.2"
            ) from None
    return made
