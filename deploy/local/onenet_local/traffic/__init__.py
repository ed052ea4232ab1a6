"""Made-up traffic between given networks, as the flow logs that would have told of it."""
