"""Stabilisers, which keep a game from failing; `config.stabilise` switches them on."""
