"""bench/nadaraya_watson.py FOLDER - the main program in PyTorch and matplotlib: the same training and figures."""
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import torch
from torch import nn

from nw_step import NWKernelRegression

torch.manual_seed(0)
n_train = 50
x_train, _ = torch.sort(torch.rand(n_train) * 5)


def f(x):
    return 2 * torch.sin(x) + x**0.8


y_train = f(x_train) + torch.normal(0.0, 0.5, (n_train,))
x_test = torch.arange(0, 5, 0.1)
y_truth = f(x_test)
n_test = len(x_test)


def save(name):
    plt.savefig("%s/%s.png" % (sys.argv[1], name))
    plt.close()


def plot_kernel_reg(y_hat, name):
    plt.plot(x_test, y_truth, label="Truth")
    plt.plot(x_test, y_hat, "m--", label="Pred")
    plt.plot(x_train, y_train, "o", alpha=0.5)
    plt.xlim(0, 5)
    plt.ylim(-1, 5)
    plt.xlabel("x")
    plt.ylabel("y")
    plt.legend()
    save(name)


def show_heatmap(weights, name):
    plt.imshow(weights, cmap="Reds")
    plt.xlabel("Sorted training inputs")
    plt.ylabel("Sorted testing inputs")
    plt.colorbar(shrink=0.6)
    save(name)


plot_kernel_reg(torch.repeat_interleave(y_train.mean(), n_test), "average_pooling")

X_repeat = x_test.repeat_interleave(n_train).reshape((-1, n_train))
attention_weights = nn.functional.softmax(-(X_repeat - x_train)**2 / 2, dim=1)
plot_kernel_reg(torch.matmul(attention_weights, y_train), "nonparametric_pooling")
show_heatmap(attention_weights, "nonparametric_weights")

off_diagonal = (1 - torch.eye(n_train)).type(torch.bool)
keys = x_train.repeat((n_train, 1))[off_diagonal].reshape((n_train, -1))
values = y_train.repeat((n_train, 1))[off_diagonal].reshape((n_train, -1))
net = NWKernelRegression()
loss = nn.MSELoss(reduction='none')
trainer = torch.optim.SGD(net.parameters(), lr=0.5)
losses = []
for epoch in range(5):
    trainer.zero_grad()
    total = loss(net(x_train, keys, values), y_train).sum()
    total.backward()
    trainer.step()
    losses.append(float(total))
    print(f"epoch {epoch + 1}, loss {losses[-1]:.6f}")
plt.plot(range(1, 6), losses)
plt.xlabel("epoch")
plt.ylabel("loss")
save("loss")

with torch.no_grad():
    y_hat = net(x_test, x_train.repeat((n_test, 1)), y_train.repeat((n_test, 1)))
plot_kernel_reg(y_hat, "parametric_pooling")
show_heatmap(net.attention_weights, "parametric_weights")
