"""A small OpenID provider for one machine: real tokens, simulated sign-on (nobody has a password).

It listens on the loopback interface only and must never be exposed: whoever reaches it can sign
in as anybody.
"""
