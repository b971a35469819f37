"""Pages that stand alone: one run, or several side by side."""
