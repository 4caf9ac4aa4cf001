"""What each step of a case means in PyTorch: the mirror of the table in tests/test_reference.c."""

import operator
from types import SimpleNamespace

import torch
import torch.nn.functional as F

import transformer

F32, F64, I64, BOOL = torch.float32, torch.float64, torch.int64, torch.bool
NAMES = {F32: "float32", F64: "float64", I64: "int64", BOOL: "bool"}
BY_NAME = {name: dtype for dtype, name in NAMES.items()}


def as_tensor(x, other):
    """Functions that PyTorch has for tensors only: a number as the 0-dimensional tensor that promotes as it does."""
    if torch.is_tensor(x):
        return x
    keep = torch.is_tensor(other) and other.is_floating_point() and isinstance(x, float)
    return torch.tensor(x, dtype=other.dtype if keep else None)


def with_tensors(f):
    return lambda a, b: f(as_tensor(a, b), as_tensor(b, a))


def no_grad_square(x):
    with torch.no_grad():
        return x.square()


def sgd(a, b, p, q, r, steps=20, **options):
    """20 steps on a bounded non-linear problem; all three parameters after each 5. No gradient ever reaches r."""
    parameters = [t.detach().clone().requires_grad_() for t in (p, q, r)]
    optimizer = torch.optim.SGD(parameters, **options)
    kept = []
    for step in range(steps):
        p, q, _ = parameters
        optimizer.zero_grad()
        loss = (torch.tanh(a @ p) - b).square().sum() + 0.15 * p.square().sum() + 0.1 * (q * p.sin().sum())
        (loss + 0.2 * q.square()).backward()
        optimizer.step()
        if step % 5 == 4:
            kept += [t.detach().clone() for t in parameters]
    return tuple(kept)


def layer_norm(x, shape, seed):
    def make():
        net = torch.nn.LayerNorm(shape)
        torch.manual_seed(seed)
        torch.nn.init.normal_(net.weight, 1, 1)
        torch.nn.init.normal_(net.bias, 0, 1)
        return net
    return module(make, x, seed=seed)


def recurrent(kind, x, hiddens, layers, dropout, seed):
    """Two calls, the second from the first one's state: the module's results for the second, and the last state."""
    last = []

    def forward(net, x):
        _, state = net(x)
        y, state = net(x, state)
        last.extend(state if isinstance(state, tuple) else [state])
        return y
    results = module(lambda: kind(x.shape[2], hiddens, layers, dropout=dropout), x, seed=seed, forward=forward)
    return (*results, *(t.detach() for t in last))


def dropout(x, p, eval, seed):
    torch.manual_seed(seed)
    return F.dropout(x, p, not eval), torch.rand(1)


def data_loader(rows, batch_size, shuffle, drop_last, epochs, seed):
    """The rows of all batches, how many each batch has, and a random number behind them."""
    torch.manual_seed(seed)
    data = torch.utils.data.TensorDataset(torch.arange(rows))
    loader = torch.utils.data.DataLoader(data, batch_size, bool(shuffle), drop_last=bool(drop_last))
    batches = [batch for _ in range(epochs) for (batch,) in loader]
    return torch.cat([torch.zeros(0, dtype=I64), *batches]), torch.tensor([len(b) for b in batches], dtype=I64), torch.rand(1)


def masked_cross_entropy_loss(scores, target, valid_lengths):
    """The sequence-to-sequence loss of the chapter."""
    mask = torch.arange(target.shape[1])[None, :] < valid_lengths[:, None]
    return (F.cross_entropy(scores.permute(0, 2, 1), target, reduction="none") * mask).mean(dim=1)


def attention_module(make):
    """A module's results, and the attention weights behind them."""
    def run(*inputs, seed, **options):
        kept = []
        results = module(lambda: make(*inputs, **options), *inputs, seed=seed,
                         forward=lambda net, *x: kept.append(net) or net(*x))
        return (*results, kept[0].weights.detach())
    return run


def from_options(make):
    return lambda *inputs, seed, **options: module(lambda: make(SimpleNamespace(**options)), *inputs, seed=seed)


def optimize(a, b, p, q, r, kind, second_lr=0, second_weight_decay=0, schedule="", clip_norm=0, clip_value=0,
             beta1=0, beta2=0, **options):
    """The problem of sgd(), with any optimizer, two groups, clipped gradients, schedules."""
    if beta1:
        options["betas"] = (beta1, beta2)
    more = options.pop("and", None)
    p, q, r = parameters = [t.detach().clone().requires_grad_() for t in (p, q, r)]
    options = {key: bool(v) if key in ("amsgrad", "centered", "maximize") else v for key, v in options.items()}
    options.setdefault("weight_decay", 0)
    rest = dict(params=[q, r], lr=second_lr, weight_decay=second_weight_decay)
    optimizer = getattr(torch.optim, kind)([dict(params=[p]), rest] if second_lr else parameters, **options)
    rates = torch.optim.lr_scheduler
    make = {"step": lambda: rates.StepLR(optimizer, 4, 0.5), "exponential": lambda: rates.ExponentialLR(optimizer, 0.9),
            "linear": lambda: rates.LinearLR(optimizer, 0.25, 1, 6),
            "cosine": lambda: rates.CosineAnnealingLR(optimizer, 7, 0.001)}
    schedules = [make[schedule]()] if schedule else []
    schedules += [rates.ExponentialLR(optimizer, 0.8) if more == "exponential" else make[more]()] if more else []
    kept, rate, norm = [], [], []
    for step in range(20):
        optimizer.zero_grad()
        loss = (torch.tanh(a @ p) - b).square().sum() + 0.15 * p.square().sum() + 0.1 * (q * p.sin().sum())
        (loss + 0.2 * q.square()).backward()
        norm.append(torch.nn.utils.clip_grad_norm_(parameters, clip_norm).item() if clip_norm else 0.0)
        if clip_value:
            torch.nn.utils.clip_grad_value_(parameters, clip_value)
        rate.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        for s in schedules:
            s.step()
        if step % 5 == 4:
            kept += [t.detach().clone() for t in parameters]
    return (*kept, torch.tensor(rate, dtype=F64), torch.tensor(norm, dtype=F64))


def plateau(values, factor, patience, cooldown, threshold, min_lr, maximize, absolute):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, "max" if maximize else "min", factor, patience, threshold, "abs" if absolute else "rel", cooldown, min_lr)
    rates = []
    for value in values.tolist():
        schedule.step(value)
        rates.append(optimizer.param_groups[0]["lr"])
    return torch.tensor(rates, dtype=F64)


def attention(w, queries, keys):
    queries = queries.repeat_interleave(keys.shape[1]).reshape(-1, keys.shape[1])
    return torch.softmax(-(((queries - keys) * w) ** 2) / 2, dim=1)


def nw_forward(queries, keys, values, w):
    weights = attention(w, queries, keys)
    return torch.bmm(weights.unsqueeze(1), values.unsqueeze(-1)).reshape(-1), weights.detach()


def train_nadaraya_watson(seed, n, lr, epochs, dtype=F32):
    """The chapter's program; another dtype trains in it on the same float32 data."""
    torch.manual_seed(seed)
    x, _ = torch.sort(torch.rand(n) * 5)
    y = 2 * torch.sin(x) + x**0.8 + torch.normal(0.0, 0.5, (n,))
    others = (1 - torch.eye(n)).type(torch.bool)
    keys, values = (t.repeat((n, 1))[others].reshape(n, -1).to(dtype) for t in (x, y))
    w = torch.rand((1,)).to(dtype).requires_grad_()
    trainer = torch.optim.SGD([w], lr=lr)
    losses = []
    for _ in range(epochs):
        trainer.zero_grad()
        loss = torch.nn.MSELoss(reduction="none")(nw_forward(x.to(dtype), keys, values, w)[0], y.to(dtype)).sum()
        loss.backward()
        trainer.step()
        losses.append(loss.item())
    return torch.tensor(losses, dtype=F64), w.detach()


def module(make, *inputs, seed, forward=None):
    """What a module drawn from that seed makes of the inputs; its parameters; their gradients of sum(y * cos(0, 1, ...))."""
    torch.manual_seed(seed)
    net = make()
    y = forward(net, *inputs) if forward else net(*inputs)
    parameters = list(net.parameters())
    weights = torch.cos(torch.arange(float(y.numel())).to(y.dtype)).reshape(y.shape)
    gradients = torch.autograd.grad((y * weights).sum(), parameters, retain_graph=True) if parameters else ()
    return (y, *(p.detach() for p in parameters), *gradients)


def init(seed, kind, shape, a, b):
    t = torch.zeros(shape)
    torch.manual_seed(seed)
    functions = torch.nn.init
    if kind in ("uniform", "normal"):
        getattr(functions, kind + "_")(t, a, b)
    elif kind.startswith("kaiming"):
        getattr(functions, kind + "_")(t, a=a)
    else:
        getattr(functions, kind + "_")(t, a)
    return t, torch.rand(1)


OPERATIONS = {
    **{name: getattr(operator, name) for name in ("add", "sub", "mul", "pow", "eq", "ne", "lt", "le", "gt", "ge")},
    "div": operator.truediv,
    "maximum": with_tensors(torch.maximum),
    "minimum": with_tensors(torch.minimum),
    "softplus": F.softplus,
    "gelu": F.gelu,
    "silu": F.silu,
    "leaky_relu": lambda x, slope: F.leaky_relu(x, slope),
    "clamp": lambda x, lo, hi: torch.clamp(x, lo, hi),
    "masked_fill": lambda x, mask, value: torch.masked_fill(x, mask, value),
    "to": lambda x, dtype: x.to(BY_NAME[dtype]),
    "contiguous": lambda x: x.contiguous(),
    "norm": lambda x: torch.linalg.vector_norm(x) if x.dim() != 1 else torch.norm(x),
    "logsumexp": lambda x: torch.logsumexp(x, tuple(range(x.dim()))) if x.dim() else torch.logsumexp(x, 0),
    "max_dim": lambda x, dim, keepdim: tuple(torch.max(x, dim, keepdim)),
    "min_dim": lambda x, dim, keepdim: tuple(torch.min(x, dim, keepdim)),
    "argmax": lambda x, dim, keepdim: torch.argmax(x, dim, keepdim),
    "argmin": lambda x, dim, keepdim: torch.argmin(x, dim, keepdim),
    "var_dim": lambda x, dim, keepdim: torch.var(x, dim, True, keepdim),
    "std_dim": lambda x, dim, keepdim: torch.std(x, dim, True, keepdim),
    **{f"{name}_dim": (lambda f: lambda x, dim, keepdim: f(x, dim, keepdim))(getattr(torch, name))
       for name in ("sum", "mean", "prod", "logsumexp", "any", "all")},
    **{name: (lambda f: lambda x, dim: f(x, dim))(getattr(torch, name))
       for name in ("cumsum", "softmax", "log_softmax", "unsqueeze", "squeeze")},
    "flip": lambda x, dim: torch.flip(x, (dim,)),
    **{name: (lambda f: lambda x, shape: f(x, shape))(getattr(torch.Tensor, name))
       for name in ("reshape", "permute", "expand", "repeat")},
    "transpose": lambda x, dim0, dim1: x.transpose(dim0, dim1),
    "slice": lambda x, dim, start, end, step: x[(slice(None),) * (dim % x.dim()) + (slice(start, end, step),)],
    "select": lambda x, dim, index: x.select(dim, index),
    "cat": lambda *list, dim: torch.cat(list, dim),
    "stack": lambda *list, dim: torch.stack(list, dim),
    "tril": lambda x, k: torch.tril(x, k),
    "triu": lambda x, k: torch.triu(x, k),
    "repeat_interleave": lambda x, n: torch.repeat_interleave(x, n),
    "repeat_interleave_dim": lambda x, n, dim: torch.repeat_interleave(x, n, dim),
    "sort": lambda x, dim, descending: tuple(torch.sort(x, dim=dim, descending=bool(descending), stable=True)),
    "argsort": lambda x, dim, descending: torch.sort(x, dim=dim, descending=bool(descending), stable=True)[1],
    "topk": lambda x, k, dim: tuple(torch.topk(x, k, dim)),
    "masked_select": torch.masked_select,
    "index_select": lambda x, index, dim: torch.index_select(x, dim, index),
    "gather": lambda x, index, dim: torch.gather(x, dim, index),
    "scatter_add": lambda x, index, src, dim: torch.scatter_add(x, dim, index, src),
    "one_hot": lambda x, n: F.one_hot(x, n),
    "detach": lambda x: x.detach(),
    "no_grad_square": no_grad_square,
    "mse_loss": lambda x, target, reduction: F.mse_loss(x, target, reduction=reduction),
    "nw_forward": nw_forward,
    "sgd": sgd,
    "train_nadaraya_watson": train_nadaraya_watson,
    "allclose": lambda a, b, rtol, atol: torch.tensor(torch.allclose(a, b, rtol, atol)),
    "equal": lambda a, b: torch.tensor(torch.equal(a, b)),
    "manual_seed": lambda seed: torch.manual_seed(seed) and (),
    "default_dtype": lambda dtype: torch.set_default_dtype(BY_NAME[dtype]) or (),
    "rand": lambda shape: torch.rand(shape),
    "randn": lambda shape: torch.randn(shape),
    "normal": lambda mean, std, shape: torch.normal(mean, std, shape),
    "randint": lambda low, high, shape: torch.randint(low, high, shape),
    "zeros": lambda shape: torch.zeros(shape),
    "ones": lambda shape: torch.ones(shape),
    "full": lambda value, shape: torch.full(shape, float(value)),
    "eye": lambda n: torch.eye(n),
    "arange": lambda start, end, step: torch.arange(float(start), float(end), float(step)),
    "linspace": lambda start, end, steps: torch.linspace(start, end, steps),
    "randperm": lambda n: torch.randperm(n),
    "scalar": lambda value: torch.tensor(float(value)),
    "linear": lambda x, inputs, outputs, bias, seed: module(
        lambda: torch.nn.Linear(inputs, outputs, bias=bool(bias)), x, seed=seed),
    "sequential": lambda x, inputs, outputs, seed: module(
        lambda: torch.nn.Sequential(torch.nn.Linear(inputs, 5), torch.nn.Tanh(), torch.nn.Linear(5, outputs)), x, seed=seed),
    "init": init,
    "embedding": lambda x, entries, size, padded, padding, seed: module(
        lambda: torch.nn.Embedding(entries, size, padding if padded else None), x, seed=seed),
    "layer_norm": layer_norm,
    "dropout": dropout,
    "data_loader": data_loader,
    "gru": lambda x, **options: recurrent(torch.nn.GRU, x, **options),
    "lstm": lambda x, **options: recurrent(torch.nn.LSTM, x, **options),
    "l1_loss": lambda x, target, reduction: F.l1_loss(x, target, reduction=reduction),
    "huber_loss": lambda x, target, reduction, delta: F.huber_loss(x, target, reduction=reduction, delta=delta),
    "bce_with_logits_loss": lambda x, target, reduction: F.binary_cross_entropy_with_logits(x, target, reduction=reduction),
    "cross_entropy_loss": lambda x, target, **options: F.cross_entropy(x, target, **options),
    "nll_loss": lambda x, target, **options: F.nll_loss(x, target, **options),
    "masked_cross_entropy_loss": masked_cross_entropy_loss,
    "masked_softmax": transformer.masked_softmax,
    "additive_attention": attention_module(lambda q, k, v, lengths=None, *, hiddens, dropout: transformer.AdditiveAttention(
        k.shape[2], q.shape[2], hiddens, dropout)),
    "dot_product_attention": attention_module(lambda *x, dropout: transformer.DotProductAttention(dropout)),
    "multi_head_attention": lambda q, k, v, lengths=None, *, hiddens, heads, bias, seed: module(
        lambda: transformer.MultiHeadAttention(q.shape[2], k.shape[2], v.shape[2], hiddens, heads, bool(bias)),
        q, k, v, lengths, seed=seed),
    "positional_encoding": lambda x, longest: module(
        lambda: transformer.PositionalEncoding(x.shape[2], longest), x, seed=0),
    "encoder_block": from_options(transformer.EncoderBlock),
    "decoder_block": from_options(transformer.DecoderBlock),
    "transformer": from_options(transformer.Transformer),
    "optimize": optimize,
    "plateau": plateau,
}  # any other name is torch's own


def operation(name):
    return OPERATIONS.get(name) or getattr(torch, name)


