"""A trained generator as a file for others: ONNX, plain PyTorch, a film, a page that runs it."""
