"""Whether packets can pass between two endpoints on AWS, judged from the cloud's own state.

The referee of what OneNet builds: it shares no code with the provisioner and reads with
describe calls alone, which works against the local cloud and against AWS. It is a static
check, not a probe: no packet is sent.
"""

from onenet_local.reachability.decision import Proof, decide
from onenet_local.reachability.reading import Endpoint, prove, read

__all__ = ["Endpoint", "Proof", "decide", "prove", "read"]
