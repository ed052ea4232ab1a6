"""What the evaluator can be told."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from onenet_common.settings import Settings
from onenet_evaluator.paths import FILE


class EvaluatorSettings(Settings):
    """Args: catalogue: the YAML file with the facts about every ctype."""

    catalogue: Path = Field(default=FILE, validation_alias="ONENET_EVALUATOR_CATALOGUE")
