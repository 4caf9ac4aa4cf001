"""bench/start.py - start.c in PyTorch."""
import torch

torch.zeros(3)
