"""What a person looks at before training: examples, classes, sizes, repeats, broken files."""
