"""What OneNet costs: speed and memory of the real stack, as ratios of one run."""
