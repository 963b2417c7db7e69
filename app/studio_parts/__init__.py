"""The parts of Studio, each about one thing that people ask it for."""
