"""Attention and the Transformer in PyTorch: what nn/attention.c and nn/transformer.c are compared with."""

import math

import torch
from torch import nn


def masked_softmax(scores, valid_lengths=None):
    """Rows without a valid key are zeros."""
    if valid_lengths is None:
        return torch.softmax(scores, -1)
    lengths = valid_lengths[:, None, None] if valid_lengths.dim() == 1 else valid_lengths[:, :, None]
    valid = torch.arange(scores.shape[-1]) < lengths
    weights = torch.softmax(scores.masked_fill(~valid, -1e30), -1)
    return torch.where(valid, weights, torch.zeros_like(weights))


class Attention(nn.Module):
    def __init__(self, dropout):
        super().__init__()
        self.dropout = nn.Dropout(dropout)

    def forward(self, queries, keys, values, valid_lengths=None):
        self.weights = masked_softmax(self.scores(queries, keys), valid_lengths)
        return torch.bmm(self.dropout(self.weights), values)


class AdditiveAttention(Attention):
    def __init__(self, key_size, query_size, hiddens, dropout):
        super().__init__(dropout)
        self.w_k = nn.Linear(key_size, hiddens, bias=False)
        self.w_q = nn.Linear(query_size, hiddens, bias=False)
        self.w_v = nn.Linear(hiddens, 1, bias=False)

    def scores(self, queries, keys):
        return self.w_v(torch.tanh(self.w_q(queries).unsqueeze(2) + self.w_k(keys).unsqueeze(1))).squeeze(-1)


class DotProductAttention(Attention):
    def scores(self, queries, keys):
        return torch.bmm(queries, keys.transpose(1, 2)) / math.sqrt(queries.shape[-1])


class MultiHeadAttention(nn.Module):
    def __init__(self, query_size, key_size, value_size, hiddens, heads, bias):
        super().__init__()
        self.heads = heads
        self.w_q = nn.Linear(query_size, hiddens, bias=bias)
        self.w_k = nn.Linear(key_size, hiddens, bias=bias)
        self.w_v = nn.Linear(value_size, hiddens, bias=bias)
        self.w_o = nn.Linear(hiddens, hiddens, bias=bias)
        self.attention = DotProductAttention(0)

    def split(self, x):
        n, steps, size = x.shape
        return x.reshape(n, steps, self.heads, -1).transpose(1, 2).reshape(n * self.heads, steps, -1)

    def forward(self, queries, keys, values, valid_lengths=None):
        lengths = None if valid_lengths is None else valid_lengths.repeat_interleave(self.heads, 0)
        y = self.attention(self.split(self.w_q(queries)), self.split(self.w_k(keys)), self.split(self.w_v(values)), lengths)
        n, steps, size = queries.shape[0], y.shape[1], y.shape[2]
        return self.w_o(y.reshape(n, self.heads, steps, size).transpose(1, 2).reshape(n, steps, -1))


class PositionalEncoding(nn.Module):
    def __init__(self, hiddens, longest=1000):
        super().__init__()
        angle = torch.arange(longest)[:, None] / torch.pow(10000, torch.arange(0, hiddens, 2) / hiddens)
        self.p = torch.stack((torch.sin(angle), torch.cos(angle)), 2).reshape(1, longest, -1)[:, :, :hiddens]

    def forward(self, x):
        return x + self.p[:, :x.shape[1]]


class AddNorm(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.norm = nn.LayerNorm(size)

    def forward(self, x, y):
        return self.norm(x + y)


def ffn(hiddens, ffn_hiddens):
    return nn.Sequential(nn.Linear(hiddens, ffn_hiddens), nn.ReLU(), nn.Linear(ffn_hiddens, hiddens))


def attention(o):
    return MultiHeadAttention(o.hiddens, o.hiddens, o.hiddens, o.hiddens, o.heads, bool(o.bias))


class EncoderBlock(nn.Module):
    def __init__(self, o):
        super().__init__()
        self.attention, self.norm1 = attention(o), AddNorm(o.hiddens)
        self.ffn, self.norm2 = ffn(o.hiddens, o.ffn_hiddens), AddNorm(o.hiddens)

    def forward(self, x, lengths=None):
        y = self.norm1(x, self.attention(x, x, x, lengths))
        return self.norm2(y, self.ffn(y))


class DecoderBlock(nn.Module):
    def __init__(self, o):
        super().__init__()
        self.attention1, self.norm1 = attention(o), AddNorm(o.hiddens)
        self.attention2, self.norm2 = attention(o), AddNorm(o.hiddens)
        self.ffn, self.norm3 = ffn(o.hiddens, o.ffn_hiddens), AddNorm(o.hiddens)

    def forward(self, x, encoded, lengths=None):
        causal = torch.arange(1, x.shape[1] + 1).expand(x.shape[:2])
        y = self.norm1(x, self.attention1(x, x, x, causal))
        z = self.norm2(y, self.attention2(y, encoded, encoded, lengths))
        return self.norm3(z, self.ffn(z))


class Coder(nn.Module):
    def __init__(self, o, block):
        super().__init__()
        self.embedding = nn.Embedding(o.vocabulary, o.hiddens)
        self.position = PositionalEncoding(o.hiddens)
        self.blocks = nn.ModuleList(block(o) for _ in range(o.layers))

    def forward(self, tokens, *others):
        x = self.position(self.embedding(tokens) * math.sqrt(self.embedding.weight.shape[1]))
        for block in self.blocks:
            x = block(x, *others)
        return x


class Transformer(nn.Module):
    def __init__(self, o):
        super().__init__()
        self.encoder, self.decoder = Coder(o, EncoderBlock), Coder(o, DecoderBlock)
        self.dense = nn.Linear(o.hiddens, o.vocabulary)

    def forward(self, source, target, lengths):
        return self.dense(self.decoder(target, self.encoder(source, lengths), lengths))
