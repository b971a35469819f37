"""Environments of gymnasium: what is known of one, episodes played in it, experts, films."""
