"""clozelab: configuration-driven experiments with BERT-style encoders."""
