"""Signs that only the runs of one family can show: each family declares its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from gankit.doctor.case import Case
from gankit.doctor.diagnosis import Verdict
from gankit.doctor.remedies import calmer, remedy, usual_rates
from gankit.families import FAMILIES
from gankit.game_types import Symptom
from gankit.settings.config import Config


def family_signs(config: Config) -> dict[str, Callable[[Case], Verdict | None]]:
    """Return, by name, functions that look for the signs of a run's family (`Game.symptoms`)."""
    symptoms: dict[str, list[Symptom]] = {}
    for symptom in FAMILIES[config.family].symptoms(config):
        symptoms.setdefault(symptom.sign, []).append(symptom)
    return {name: partial(_look, symptoms=several) for name, several in symptoms.items()}


def _look(case: Case, symptoms: Sequence[Symptom]) -> Verdict | None:
    """Return one verdict on all symptoms of a sign that the log shows; None if it shows none."""
    lasting = [(s, case.lasting(_sick(s, case.series(s.number)))) for s in symptoms]
    found = [(symptom, stretch) for symptom, stretch in lasting if stretch is not None]
    if not found:
        return None
    rates = usual_rates(case, "discriminator", "generator")
    changes = [change for symptom, _ in found for change in symptom.changes]
    return Verdict(
        symptoms[0].sign,
        "sick",
        "; ".join(_said(case, *each) for each in found),
        min(case.since(stretch) for _, stretch in found),
        "; ".join(dict.fromkeys(symptom.means for symptom, _ in found)),
        remedy(case, rates, *changes, *calmer(case)),
    )


def _sick(symptom: Symptom, values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return, for each logged value, whether it is one of a sick run."""
    low = -np.inf if symptom.low is None else symptom.low
    high = np.inf if symptom.high is None else symptom.high
    sick: NDArray[np.bool_] = (values <= low) | (values >= high)
    return sick


def _said(case: Case, symptom: Symptom, stretch: slice) -> str:
    """Return a text such as `k is 0 in 60 logged lines (0 or less is a sign)`."""
    value = float(np.median(case.series(symptom.number)[stretch]))
    limits = [
        *([] if symptom.low is None else [f"{symptom.low:.3g} or less"]),
        *([] if symptom.high is None else [f"{symptom.high:.3g} or more"]),
    ]
    lines = stretch.stop - stretch.start
    return (
        f"{symptom.number} is {value:.3g} in {lines} logged lines ({', '.join(limits)} is a sign)"
    )
