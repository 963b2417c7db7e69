"""The optimizer of one prompt: AdamW on its parameters, with a gradient scaler for float16."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

_MOMENTS = ("step", "exp_avg", "exp_avg_sq")
"""The state that AdamW keeps for each parameter."""


class PromptOptimizer:
    """A prompt and its AdamW optimizer without weight decay.

    Prompts that are trained side by side share only the backbone: each has a learning rate, clipping, moments and, in
    float16, a gradient scale of its own.
    """

    def __init__(self, prompt: nn.Module, device: torch.device, *, capturable: bool, scaled: bool) -> None:
        """prompt: a module that returns virtual tokens (l', hidden), or None to train without any; its parameters are
        trained.

        capturable: whether steps may be CUDA graphs; scaled: whether gradients are scaled, as float16 needs.
        """
        self.prompt = prompt.to(device)
        with torch.no_grad():
            virtual = prompt()
        self.virtual_tokens = 0 if virtual is None else len(virtual)
        # A recorded step reads the rate, and the rest of the optimizer's state, from the device.
        rate: Tensor | float = torch.zeros((), device=device) if capturable else 0.0
        self.adamw = torch.optim.AdamW(prompt.parameters(), lr=rate, weight_decay=0.0, capturable=capturable)
        self.scaler = torch.amp.GradScaler(device.type) if scaled else None

    def set_rate(self, learning_rate: float) -> None:
        """Sets the learning rate of the next step; a parameter group may multiply it by a "rate_scale" of its own."""
        for group in self.adamw.param_groups:
            rate = learning_rate * group.get("rate_scale", 1.0)
            if torch.is_tensor(group["lr"]):
                group["lr"].fill_(rate)  # in place: a recorded step goes on reading it there
            else:
                group["lr"] = rate

    def scaled(self, loss: Tensor) -> Tensor:
        """Returns the loss times the gradient scale, to call `backward` on."""
        return loss if self.scaler is None else self.scaler.scale(loss)

    def step(self, clip_norm: float) -> Tensor:
        """Updates the parameters from their gradients. Returns the gradient norm before clipping, a scalar."""
        if self.scaler is not None:
            self.scaler.unscale_(self.adamw)
        norm = nn.utils.clip_grad_norm_(self.prompt.parameters(), clip_norm)
        if self.scaler is None:
            self.adamw.step()
        else:
            self.scaler.step(self.adamw)
            self.scaler.update()
        return norm

    def zero_grad(self) -> None:
        """Clears the gradients."""
        self.adamw.zero_grad(set_to_none=True)

    def changed_tensors(self) -> dict[str, Tensor]:
        """Returns all tensors that a step changes, by name; AdamW's exist from its first step on."""
        tensors: dict[str, Tensor] = dict(self.prompt.named_parameters())
        for index, state in enumerate(self.adamw.state.values()):
            tensors |= {f"{index}/{key}": value for key, value in state.items() if torch.is_tensor(value)}
        return tensors

    def moments(self) -> dict[str, Tensor]:
        """Returns AdamW's state by parameter, such as "u/exp_avg"; empty before the first step."""
        return {
            f"{name}/{key}": value
            for name, parameter in self.prompt.named_parameters()
            for key, value in self.adamw.state.get(parameter, {}).items()
        }

    def restore(self, moments: Mapping[str, Tensor], scale: Mapping[str, Any] | None) -> None:
        """Restores what `moments` returned, and the state of the gradient scaler.

        Existing state is overwritten in place, because a recorded step reads it at its address.
        """
        on_device = self.adamw.param_groups[0]["capturable"]  # a recorded step counts there
        for name, parameter in self.prompt.named_parameters():
            state = self.adamw.state[parameter]
            for key in _MOMENTS:
                value = moments.get(f"{name}/{key}")
                if key in state:
                    state[key].zero_() if value is None else state[key].copy_(value)
                elif value is not None:
                    state[key] = value.to(parameter.device if on_device or key != "step" else "cpu", copy=True)
        if self.scaler is not None and scale:
            self.scaler.load_state_dict(dict(scale))
