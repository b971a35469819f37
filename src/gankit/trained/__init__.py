"""What can be done with a trained GAN."""
