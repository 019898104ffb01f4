"""How the steps are wired, and the `bakeoff` command."""
