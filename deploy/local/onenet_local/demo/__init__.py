"""The reference demo: two owners, two AWS accounts, two regions, and one connection's whole life."""
