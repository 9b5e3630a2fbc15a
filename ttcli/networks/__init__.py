"""Networks: tensors in, logits and offsets out. They know no config, no video and no checkpoint."""
