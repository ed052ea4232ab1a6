"""The local cloud: a simulated AWS, moto's server with AWS's rules put on top.

Nothing here is AWS and nothing leaves the machine. Where OneNet depends on a rule that moto
does not keep (states, quotas, overlaps, trust, paging), the rule is in this package; the rest is
moto's. What is simulated and how to make it fail is in the README beside this file.
"""
