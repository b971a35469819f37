"""What requests and answers look like, for checking them and for the OpenAPI description."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr

from gankit.serving.answering import Format

Number = Annotated[float, Field(ge=-100, le=100, allow_inf_nan=False)]
Text = Annotated[StrictStr, Field(max_length=200)]
Place = Annotated[StrictInt, Field(ge=0, le=2**31)]
MOST = 10_000
"""The most entries of a list; the limits of the server are below."""


class SampleRequest(BaseModel):
    """What to sample. All of it may be left out."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"n": 4, "seed": 7, "format": "json"}]},
    )

    model: Text | None = Field(
        None, description="The name of the run; needed if several are served (GET /info)."
    )
    n: Annotated[StrictInt, Field(ge=1, le=MOST)] | None = Field(
        None, description="How many samples; 1, or as many as there are latents."
    )
    labels: (
        Place
        | Text
        | Annotated[list[Place | Text], Field(max_length=MOST)]
        | Annotated[list[Number], Field(max_length=MOST)]
        | Annotated[list[list[Number]], Field(max_length=MOST)]
        | None
    ) = Field(
        None,
        description="One class for all samples or one for each, by name or number from 0; left "
        "out, every class in turn. For a run of vectors: one, or one for each sample.",
    )
    seed: Annotated[StrictInt, Field(ge=0, lt=2**64)] | None = Field(
        None, description="The same seed gives the same samples; 0 if it is left out."
    )
    codes: Annotated[dict[Annotated[str, Field(max_length=9)], Number], Field(max_length=1000)] = (
        Field(
            default_factory=dict,
            description="Values of codes, by their number from 1; a category from 0.",
        )
    )
    latents: Annotated[list[list[Number]], Field(min_length=1, max_length=MOST)] | None = Field(
        None, description="The latents themselves, in place of a seed."
    )
    truncation: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = Field(
        1,
        description="How far latents stay from the mean of their prior: 1, where they are, to 0, "
        "at the mean. Labels, categories and codes that are set are held.",
    )
    format: Format = Field(
        "png",
        description="png: one picture, several samples in a grid; npz: arrays; json: numbers.",
    )


class Samples(BaseModel):
    """The answer in JSON."""

    kind: str = Field(description="images, points, tokens or trajectories.")
    labels: list[str | list[float]] | None = Field(description="The label of each sample.")
    samples: list[object] = Field(
        description="Images [H][W] or [H][W][C] of 0 to 255, or numbers of the run's shape."
    )


class CodeInfo(BaseModel):
    """A code of a run."""

    number: int
    categories: int = Field(description="How many categories it chooses from; 0: it is a number.")


class ModelInfo(BaseModel):
    """What a run makes, and how it is asked."""

    family: str
    kind: str
    shape: list[int] = Field(description="(channels, height, width) of images.")
    classes: list[str] = Field(description="The classes that can be asked for, by number from 0.")
    condition: int = Field(description="The size of the vector that is asked for; 0: none.")
    latent_size: int
    codes: list[CodeInfo]
    step: int
    shares_passes: bool = Field(description="Whether requests are generated together.")


class Info(BaseModel):
    """What is served, and the limits."""

    gankit: str
    models: dict[str, ModelInfo]
    most_samples: int
    most_bytes: int


class Health(BaseModel):
    """Whether the server takes requests."""

    status: str


class Problem(BaseModel):
    """Why a request was refused."""

    detail: str
