"""How hypothesis looks for counterexamples: by a fixed effort, however busy the machine is.

``pytest --hypothesis-profile thorough`` takes ten times as many examples.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile(
    "everyday", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=50
)
settings.register_profile("thorough", settings.get_profile("everyday"), max_examples=500)
settings.load_profile("everyday")
