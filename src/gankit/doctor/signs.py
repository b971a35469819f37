"""The registry of signs of sickness, each a function of a Case.

log_signs.py and sample_signs.py register signs; a run's family brings its own (family_signs.py).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from gankit.doctor.case import Case, Unseen
from gankit.doctor.diagnosis import Diagnosis, Verdict
from gankit.doctor.family_signs import family_signs
from gankit.registry import Registry

Look = Callable[[Case], Verdict | None]


@dataclass(frozen=True)
class Sign:
    """A sign: a function that looks for it, and one that tells the runs in which it can occur."""

    look: Look
    fits: Callable[[Case], bool]


SIGNS: Registry[Sign] = Registry("sign")


def sign(name: str, fits: Callable[[Case], bool] = lambda _: True) -> Callable[[Look], Look]:
    """Decorate a function to register it as the look for sign `name`, in runs that `fits` accepts.

    The first line of its docstring is the sign's summary.
    """

    def add(look: Look) -> Look:
        SIGNS.register(name, (look.__doc__ or "").split("\n")[0])(Sign(look, fits))
        return look

    return add


def signs_of(case: Case) -> dict[str, Look]:
    """Return, by name, the functions that look for the signs that fit a run.

    The family's own come first: they are nearer to a cause, and so are their remedies.
    """
    fitting = {name: SIGNS[name].look for name in SIGNS.names() if SIGNS[name].fits(case)}
    return {**family_signs(case.config), **fitting}


def look_for(case: Case, names: Collection[str] | None = None) -> Diagnosis:
    """Look for the named signs, or for every sign that fits the run.

    If every sign is asked for, too little of the run is known and nothing sick is seen, the verdict
    is that it is too early to say, and no remedy is suggested.
    """
    found, looked, unseen = [], [], {}
    for name, look in signs_of(case).items():
        if names is not None and name not in names:
            continue
        try:
            verdict = look(case)
        except Unseen as reason:
            unseen[name] = str(reason)
            continue
        looked.append(name)
        if verdict is not None:
            found.append(verdict)
    found.sort(key=lambda verdict: verdict.severity != "sick")
    sick = any(verdict.severity == "sick" for verdict in found)
    if names is None and case.missing is not None and not sick:
        found = [_too_early(case, case.missing), *(replace(v, remedy="") for v in found)]
    return Diagnosis(case.step, tuple(found), tuple(looked), unseen)


def _too_early(case: Case, missing: str) -> Verdict:
    ended = case.step >= case.record.plan.steps
    way = "the same command with a larger budget goes on from here" if ended else "let it train on"
    if not case.is_young:
        way += ", or log more often (output.log_every)"
    means = f"a sick run and a healthy one look alike so far: {way}"
    return Verdict("too early to say", "too early", missing, None, means, "")
