"""Which exporter wrote a file, by its key. Pure.

Source: Amazon VPC user guide, flow log files. A folder may stand before ``AWSLogs``, and the
folders below it may be named for Hive.
"""

from __future__ import annotations

import re

_KEY = re.compile(
    r"(?:.*/)?AWSLogs/(?:aws-account-id=)?(?P<owner>\d{12})/(?:aws-service=)?vpcflowlogs/"
    r"(?:aws-region=)?(?P<region>[a-z0-9-]+)/"
    r".*?(?P<account>\d{12})_vpcflowlogs_(?P=region)_(?P<log>fl-[0-9a-f]+)_[^/]*\.log\.gz"
)


def exporter_of(key: str) -> str | None:
    """``aws/<account>/<region>/<flow log>``, or None when it is no flow-log file in text.

    A flow log belongs to one network, so that its files stay in order and networks do not wait for
    each other.
    """
    found = _KEY.fullmatch(key)
    if found is None or found["owner"] != found["account"]:
        return None
    return f"aws/{found['account']}/{found['region']}/{found['log']}"
