"""Everything of the collector that speaks to AWS; no other module imports its SDK."""
