"""``onenet-api replay``: connections first, then the networks that they are judged by."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from onenet_api.replay import connections, inventory
from onenet_api.settings import ApiSettings
from onenet_common.database import Database
from onenet_common.events import CONNECTIONS, INVENTORY
from onenet_common.past import Say, opened
from onenet_common.replaying import Findings, Options, Rebuild


def rebuilding(
    settings: Callable[[], ApiSettings],
    group: str,
    inventory_group: str,
    topics: tuple[str, str] = (CONNECTIONS, INVENTORY),
) -> Rebuild:
    """The command's work.

    Args:
        group, inventory_group: the API's consumer groups of the two topics.
    """

    async def rebuild(database: Database, options: Options, say: Say) -> Findings:
        ours, findings = settings(), Findings()
        kept_since = datetime.now(UTC) - timedelta(days=ours.api_timeline_days)
        of_connections, of_inventory = topics
        async with opened(ours, [of_connections], say=say, group=group) as past:
            await connections.replay(past, of_connections, database, findings, options, kept_since)
            findings.unreadable += past.unreadable
        async with opened(ours, [of_inventory], say=say, group=inventory_group) as past:
            await inventory.replay(past, of_inventory, database, findings, options)
            findings.unreadable += past.unreadable
        return findings

    return rebuild
