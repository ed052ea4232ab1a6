"""Why a file or the queue cannot be had.

OneNetError
├── Permanent
│   └── Refused        for good, or until somebody changes something
└── Transient
    └── CloudAway      the provider failed, or could not be asked
"""

from __future__ import annotations

from onenet_common.errors import Permanent, Transient


class Refused(Permanent):
    """``code`` is the outcome's word where there is one."""

    default_code = "failed"


class CloudAway(Transient):
    default_code = "provider_unreachable"
