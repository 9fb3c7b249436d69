"""Training of the small embedded model: footage, questions, tokenizer and recipe."""
