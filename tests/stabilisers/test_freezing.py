"""Who stands still, and when."""

from __future__ import annotations

import torch

from gankit.stabilisers.freezing import Freezing


def test_who_stands_still_and_how_often():
    freezing = Freezing(freeze_d=0.8, freeze_g=0.3)
    seen = []
    for judged in (0.9, 0.5, 0.2, 0.5):
        seen.append((not freezing.moves("discriminator"), not freezing.moves("generator")))
        freezing.after_step({"judged": torch.tensor(judged)})
    assert seen == [(False, False), (True, False), (False, False), (False, True)]
    rates = freezing.numbers()
    assert (float(rates["skipped_d"]), float(rates["skipped_g"])) == (0.25, 0.25)
