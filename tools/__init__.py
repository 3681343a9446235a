"""What several rooms need and no room owns; a room imports constants from here only."""
