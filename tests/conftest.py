"""How hypothesis looks for counterexamples: by a fixed effort, however busy the machine is.

``pytest --hypothesis-profile thorough`` takes ten times as many examples.
"""

from __future__ import annotations

import gc

from hypothesis import HealthCheck, settings

# While tests are collected, modules are loaded that stay: looking for garbage among them takes a fifth of it.
gc.disable()


def pytest_collection_finish() -> None:
    """Look for garbage again, and no more among what was loaded."""
    gc.freeze()
    gc.enable()


settings.register_profile(
    "everyday", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=50
)
settings.register_profile("thorough", settings.get_profile("everyday"), max_examples=500)
settings.load_profile("everyday")
