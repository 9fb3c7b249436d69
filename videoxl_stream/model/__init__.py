"""The Video-XL network and its memory: the only home of torch and transformers outside training."""
