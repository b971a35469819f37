"""Entries for BibTeX: gankit, a family, a run, and what comes from outside."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import gankit
from gankit import bibliography
from gankit.bibliography import Paper
from gankit.citing import cite
from gankit.errors import ConfigError, RunError
from gankit.families import FAMILIES
from gankit.losses import LOSSES
from gankit.penalties import PENALTIES
from gankit.scores.measures import METRICS
from gankit.stabilisers.augment import AUGMENTATIONS
from gankit.stabilisers.order import ORDER
from tests.pages.pages import add_scores, make_run

ROOT = Path(__file__).parent.parent
PAPERS = [paper for paper in vars(bibliography).values() if isinstance(paper, Paper)]
ENTRY = re.compile(r"@misc\{([^,]+),\n((?:  \w+ = \{.*\},\n)+)\}")


def keys(text: str) -> list[str]:
    return [key for key, _ in ENTRY.findall(text)]


def test_gankit_alone():
    text = cite()
    assert keys(text) == ["gankit"]
    assert f"version = {{{gankit.__version__}}}" in text


def citation_file() -> dict[str, str]:
    """The top level of CITATION.cff: keys and plain values."""
    lines = (ROOT / "CITATION.cff").read_text().splitlines()
    return dict(
        re.match(r"([a-z-]+): ?(.*)", line).groups() for line in lines if line[:1].isalpha()
    )


def test_the_citation_file_has_what_its_schema_requires_and_says_the_same():
    found = citation_file()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert found["cff-version"] == "1.2.0"
    assert found["type"] == "software"
    assert found["message"]
    names = re.findall(r"^  - name: (.+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    assert names == [author["name"] for author in project["authors"]]
    assert (found["title"], found["version"], found["license"]) == (
        *(project["name"], project["version"], project["license"]),
    )
    assert ("repository-code" in found) == ("Repository" in project.get("urls", {}))
    for said in (f"{{{{{found['title']}}}}}", *names, found["version"]):
        assert said in cite()


def test_a_version_has_a_date_once_it_is_released():
    changes = (ROOT / "CHANGELOG.md").read_text()
    version = re.escape(gankit.__version__)
    released = re.search(rf"^## \[{version}\] - (\S+)$", changes, re.MULTILINE)
    assert citation_file().get("date-released") == (released and released[1])


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.key)
def test_an_entry_is_whole(paper):
    (found,) = ENTRY.findall(paper.bibtex())
    assert found[0] == paper.key
    assert paper.bibtex().count("{") == paper.bibtex().count("}")
    assert all(author.count(",") == 1 for author in paper.authors)
    year, month, number = re.fullmatch(r"(\d\d)(\d\d)\.(\d{4,5})", paper.arxiv).groups()
    assert 2000 + int(year) == paper.year  # the year is that of the preprint
    assert 1 <= int(month) <= 12
    assert len(number) == (5 if paper.year >= 2015 else 4)


def test_no_paper_is_written_down_twice():
    assert len({paper.key for paper in PAPERS}) == len({paper.arxiv for paper in PAPERS})
    assert len(PAPERS) == len({paper.key for paper in PAPERS})


def test_every_paper_is_that_of_something():
    cited = {paper for part in (*map(FAMILIES.__getitem__, FAMILIES.names()), *ORDER)
             for paper in part.papers}  # fmt: skip
    for registry in (LOSSES, PENALTIES, METRICS, AUGMENTATIONS):
        cited |= {paper for name in registry.names() for paper in registry.papers(name)}
    only_asked_for = {bibliography.KARRAS_2020, bibliography.DASKALAKIS_2017}
    assert set(PAPERS) == cited | only_asked_for


@pytest.mark.parametrize(
    ("family", "key"),
    [
        ("gan", "goodfellow2014generative"),
        ("dcgan", "radford2015unsupervised"),
        ("cgan", "mirza2014conditional"),
        ("infogan", "chen2016infogan"),
        ("began", "berthelot2017began"),
        ("ssgan", "salimans2016improved"),
        ("modern", "huang2025gan"),
    ],
)
def test_a_family(family, key):
    assert keys(cite(family)) == ["gankit", key]


def test_everything_in_a_run_is_cited_once(small, tmp_path):
    config = small(
        "cgan",
        **{
            "objective.loss": "non_saturating",
            "objective.penalty": "r1+r2",
            "objective.real_target": 0.9,
            "stabilise.historical": 0.1,
            "stabilise.augment": "colour+flip",
            "stabilise.augment_target": 0.6,
            "generator_optimizer.name": "optimistic_adam",
        },
    )
    make_run(tmp_path / "run", config)
    add_scores(tmp_path / "run", 6, 20.0)
    text = cite(tmp_path / "run")
    assert keys(text) == [
        *("gankit", "mirza2014conditional", "goodfellow2014generative", "salimans2016improved"),
        *("mescheder2018which", "karras2020training", "zhao2020differentiable"),
        *("daskalakis2017training", "heusel2017gans"),
    ]
    assert "% penalty r1, penalty r2\n@misc{mescheder2018which" in text
    assert "% one-sided label smoothing, stabiliser HistoricalAverage\n@misc{salimans" in text
    assert "% without a paper: augmentation flip" in text


def test_a_family_from_outside_brings_its_own(monkeypatch):
    paper = Paper("doe2030swans", "Swans", ("Doe, Jane",), 2030)

    class Swans(FAMILIES["gan"]):
        papers = (paper,)

    monkeypatch.setitem(FAMILIES._things, "swans", Swans)
    text = cite("swans")
    assert keys(text) == ["gankit", "doe2030swans"]
    assert "eprint" not in text.split("swans")[-1]


def test_a_loss_from_outside_brings_its_own(small, tmp_path, monkeypatch):
    make_run(tmp_path / "run", small("gan", "digits", **{"objective.loss": "hinge"}))
    monkeypatch.setitem(LOSSES._papers, "hinge", ())
    LOSSES.cite("hinge", Paper("doe2030swans", "Swans", ("Doe, Jane",), 2030, "3001.00001"))
    assert "% loss hinge\n@misc{doe2030swans" in cite(tmp_path / "run")


def test_what_cannot_be_cited(tmp_path):
    with pytest.raises(ConfigError, match=r"no.* the folder of a run: .*Did you mean 'dcgan'"):
        cite("dcgam")
    with pytest.raises(RunError, match="holds no run: give the folder of a run, or a family"):
        cite(tmp_path)
