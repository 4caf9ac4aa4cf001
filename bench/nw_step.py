"""bench/nw_step.py - a Nadaraya-Watson training step in PyTorch, as the chapter writes it."""
import torch
from torch import nn


class NWKernelRegression(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.rand((1,), requires_grad=True))

    def forward(self, queries, keys, values):
        queries = queries.repeat_interleave(keys.shape[1]).reshape((-1, keys.shape[1]))
        self.attention_weights = nn.functional.softmax(-((queries - keys) * self.w)**2 / 2, dim=1)
        return torch.bmm(self.attention_weights.unsqueeze(1), values.unsqueeze(-1)).reshape(-1)


def training_step(n, expanded=False):
    """A function that makes a step. expanded: all queries have the same keys and values, which are not copied."""
    x, _ = torch.sort(torch.rand(n) * 5)
    y = 2 * torch.sin(x) + x**0.8 + torch.normal(0.0, 0.5, (n,))
    if expanded:
        keys, values = x.expand(n, n), y.expand(n, n)
    else:
        off_diagonal = (1 - torch.eye(n)).type(torch.bool)
        keys = x.repeat((n, 1))[off_diagonal].reshape((n, -1))
        values = y.repeat((n, 1))[off_diagonal].reshape((n, -1))
    net = NWKernelRegression()
    loss = nn.MSELoss(reduction='none')
    trainer = torch.optim.SGD(net.parameters(), lr=1e-9)

    def step():
        trainer.zero_grad()
        loss(net(x, keys, values), y).sum().backward()
        trainer.step()

    return step


def memory(name):
    """What /proc/self/status says of this process, in bytes."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(name)) * 1024


def peak(n):
    """Bytes that steps need at most, beyond what is there before them; NaN where the system does not tell."""
    training_step(10)()  # loads what the first step loads
    step = training_step(n)
    try:
        before = memory("VmRSS")
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
        for _ in range(3):
            step()
        return memory("VmHWM") - before
    except OSError:
        return float("nan")
