"""One Nadaraya-Watson training step in PyTorch, as the chapter writes it: microseconds, the median of several runs.

    nw_step.py N [STEPS]     N training examples, STEPS to a run; one thread
"""
import statistics
import sys
import time

import torch
from torch import nn

RUNS = 9


class NWKernelRegression(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.rand((1,), requires_grad=True))

    def forward(self, queries, keys, values):
        queries = queries.repeat_interleave(keys.shape[1]).reshape((-1, keys.shape[1]))
        self.attention_weights = nn.functional.softmax(-((queries - keys) * self.w)**2 / 2, dim=1)
        return torch.bmm(self.attention_weights.unsqueeze(1), values.unsqueeze(-1)).reshape(-1)


n = int(sys.argv[1]) if len(sys.argv) > 1 else 50
steps = int(sys.argv[2]) if len(sys.argv) > 2 else 200
torch.set_num_threads(1)
torch.manual_seed(0)
x, _ = torch.sort(torch.rand(n) * 5)
y = 2 * torch.sin(x) + x**0.8 + torch.normal(0.0, 0.5, (n,))
off_diagonal = (1 - torch.eye(n)).type(torch.bool)
keys = x.repeat((n, 1))[off_diagonal].reshape((n, -1))
values = y.repeat((n, 1))[off_diagonal].reshape((n, -1))

net = NWKernelRegression()
loss = nn.MSELoss(reduction='none')
trainer = torch.optim.SGD(net.parameters(), lr=1e-5)
seconds = []
for run in range(RUNS + 1):  # the first only warms up
    start = time.perf_counter()
    for _ in range(steps):
        trainer.zero_grad()
        loss(net(x, keys, values), y).sum().backward()
        trainer.step()
    if run:
        seconds.append((time.perf_counter() - start) / steps)
print("%.2f" % (statistics.median(seconds) * 1e6))
