"""Stabilisers of the game; `config.stabilise` asks for them."""
