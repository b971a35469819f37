"""The probe: what a discriminator has learned."""
