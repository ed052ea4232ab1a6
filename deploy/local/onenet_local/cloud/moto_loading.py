"""What moto reads when it is imported, and nobody here asks for: machine images and kinds of machines.

A local cloud has networks and no machines. Reading all kinds of machines and where each is offered takes
a third of a second and 65 MB of every local cloud.
"""

from __future__ import annotations

import os
from typing import Any

from moto.utilities import utils


def leave_out_machines() -> None:
    """Do without them in this process; to be called before anything imports moto's EC2."""
    # The machine images fill every region that is touched with 100 ms of work.
    os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    read = utils.load_resource

    def read_but_machines(resource: str) -> Any:
        if resource == "ec2/resources/instance_types.json":
            return {}
        if resource.startswith("ec2/resources/instance_type_offerings/"):
            return []
        return read(resource)

    utils.load_resource = read_but_machines
