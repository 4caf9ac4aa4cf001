"""bench/gru_step.py - the training steps of gru_step.c in PyTorch."""
import torch
from torch import nn

BATCH, STEPS, INPUTS, HIDDENS = 32, 35, 64, 128


class Problem:
    def __init__(self, kind):
        self.net = getattr(nn, kind)(INPUTS, HIDDENS)
        self.trainer = torch.optim.Adam(self.net.parameters(), lr=1e-3)
        self.x, self.y = torch.randn(STEPS, BATCH, INPUTS), torch.randn(STEPS, BATCH, HIDDENS)

    def step(self):
        self.trainer.zero_grad()
        loss = nn.functional.mse_loss(self.net(self.x)[0], self.y)
        loss.backward()
        self.trainer.step()
        return loss.item()
