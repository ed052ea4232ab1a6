"""The numbers that the local cloud goes by, which a test may change while it runs."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Rules(BaseModel):
    """AWS's defaults, where AWS has one; times are in seconds.

    Args:
        settle: how long a peering stays in each passing state; 0 passes at once.
        latency: added to every call.
        linger: how long a peering that is over is still listed.
        request_lifetime: a peering request that nobody accepted expires after this.
        session_lifetime: overrides what AssumeRole asks for; 0 gives what was asked.
        page_size: items on a page when a call does not say MaxResults.
        peerings_per_vpc: active peerings of one VPC (service quota L-7E9ECCDB).
        pending_peerings: requests of one account and region not yet accepted (L-DC9F7029).
        routes_per_table: entries beside the local ones, each IP version apart (L-93826ACB).
    """

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    settle: float = Field(default=0.0, ge=0)
    latency: float = Field(default=0.0, ge=0)
    linger: float = Field(default=7200.0, ge=0)
    request_lifetime: float = Field(default=604_800.0, ge=0)
    session_lifetime: float = Field(default=0.0, ge=0)
    page_size: int = Field(default=1000, ge=1)
    peerings_per_vpc: int = Field(default=50, ge=0)
    pending_peerings: int = Field(default=25, ge=0)
    routes_per_table: int = Field(default=500, ge=0)
