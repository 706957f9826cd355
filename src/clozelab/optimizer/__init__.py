"""Parameter groups; the optimizers themselves come from torch.optim."""
