"""Use a trained GAN: sample, classify, export, sweep."""
