"""bench/encoder_step.py - the training step of encoder_step.c in PyTorch."""
import torch
from torch import nn

BATCH, STEPS, HIDDENS, HEADS, FFN_HIDDENS = 32, 64, 128, 4, 256


class Problem:
    def __init__(self, dropout):
        self.net = nn.TransformerEncoderLayer(HIDDENS, HEADS, FFN_HIDDENS, dropout, batch_first=True)
        self.trainer = torch.optim.Adam(self.net.parameters(), lr=1e-3)
        self.x, self.y = torch.randn(2, BATCH, STEPS, HIDDENS)

    def step(self):
        self.trainer.zero_grad()
        loss = nn.functional.mse_loss(self.net(self.x), self.y)
        loss.backward()
        self.trainer.step()
        return loss.item()
