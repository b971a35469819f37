"""Settings: their declaration, their checks, and how they are read and written."""
