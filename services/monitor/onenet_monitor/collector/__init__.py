"""Takes flow-log files as AWS delivers them and puts them on the topic of flows.

A process of its own with a role of its own: it reads one queue and one kind of file, and can change
nothing in anybody's network.
"""
