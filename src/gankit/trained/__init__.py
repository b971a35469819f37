"""Use a trained GAN: sample, latents, classify, export."""
