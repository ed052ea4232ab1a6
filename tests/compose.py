"""docker-compose.yml, read as Compose reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

TREE = Path(__file__).resolve().parents[1]
FILE = TREE / "docker-compose.yml"

_FILE: dict[str, Any] = yaml.safe_load(FILE.read_text())

SERVICES: dict[str, dict[str, Any]] = _FILE["services"]
VOLUMES = frozenset(_FILE["volumes"])
