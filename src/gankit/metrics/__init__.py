"""Measures of samples: pure functions of arrays, one file each."""
