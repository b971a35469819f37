"""Signs that only the runs of one family can show."""

from __future__ import annotations

import math
from typing import Any

from gankit.doctor.case import Case, per_cent
from gankit.doctor.diagnosis import Verdict
from gankit.doctor.log_signs import calmer
from gankit.doctor.remedies import remedy, usual_rates
from gankit.doctor.signs import sign

DEAD, DEAD_ERROR = 0.1, 0.3


@sign("dead codes", lambda case: case.config.family == "infogan")
def dead_codes(case: Case) -> Verdict | None:
    """A code cannot be read off the samples."""
    dead = []
    for i, code in enumerate(case.config.network.codes, 1):
        if code == "c":
            unread = case.series(f"squared_error_{i}") > DEAD_ERROR
        else:
            unread = case.series(f"information_{i}") < DEAD * math.log(int(code))
        stretch = case.lasting(unread)
        if stretch is not None:
            dead.append((case.since(stretch), i, code))
    if not dead:
        return None
    named = ", ".join(f"code {i} ({code})" for _, i, code in dead)
    weights = case.config.network.code_weights
    more = ",".join(f"{max(3 * weight, 1.0):g}" for weight in weights)
    return Verdict(
        "dead codes",
        "sick",
        f"{named}: Q reads less than {per_cent(DEAD)} of log K off the samples, or a number with "
        f"a squared error above {DEAD_ERROR} (1/3 is a guess)",
        min(since for since, *_ in dead),
        "G makes nothing of the code, so it means nothing",
        remedy(case, {"network.code_weights": more}),
    )


@sign("k stuck", lambda case: case.config.family == "began")
def k_stuck(case: Case) -> Verdict | None:
    """BEGAN's k is at 0 or at 1 and stays there."""
    k = case.raw("k")
    at_zero, at_one = case.lasting(k <= 0), case.lasting(k >= 1)
    stretch = at_zero or at_one
    if stretch is None:
        return None
    gamma = case.config.network.gamma
    if at_zero:
        means = "D ignores the fakes: their error is above gamma times the real ones'"
        change: dict[str, Any] = {"network.gamma": min(1.0, gamma * 1.5)}
    else:
        means = "D can push no harder: the fakes' error stays below gamma times the real ones'"
        change = {"network.gamma": gamma / 1.5}
    rates = usual_rates(case, "discriminator", "generator")
    return Verdict(
        "k stuck",
        "sick",
        f"k is {k[-1]:.3g} in {stretch.stop - stretch.start} logged lines",
        case.since(stretch),
        means,
        remedy(case, rates, change, *calmer(case)),
    )
