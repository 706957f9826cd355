"""Where bytes come from and where tokenised examples are kept. Free of torch."""
