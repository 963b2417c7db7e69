"""What moves one prompt: AdamW on its parameters, with float16's gradient scaler where it is needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

_MOMENTS = ("step", "exp_avg", "exp_avg_sq")
"""What AdamW keeps for each parameter."""


class PromptOptimizer:
    """A prompt and its AdamW without weight decay.

    Prompts that are trained side by side share nothing but the backbone: each has a learning rate, clipping, moments
    and, in float16, a gradient scale of its own.
    """

    def __init__(self, prompt: nn.Module, device: torch.device, *, capturable: bool, scaled: bool) -> None:
        """prompt: a call returns virtual tokens (l', hidden), or None to train without; its parameters are trained.

        capturable: whether steps may be CUDA graphs; scaled: whether gradients are scaled, as in float16.
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
        """Sets the rate of the next step. A parameter group may have a "rate_scale", a factor on it."""
        for group in self.adamw.param_groups:
            rate = learning_rate * group.get("rate_scale", 1.0)
            if torch.is_tensor(group["lr"]):
                group["lr"].fill_(rate)  # in place: a recorded step goes on reading it there
            else:
                group["lr"] = rate

    def scaled(self, loss: Tensor) -> Tensor:
        """The loss to compute gradients of."""
        return loss if self.scaler is None else self.scaler.scale(loss)

    def step(self, clip_norm: float) -> Tensor:
        """Moves the parameters by their gradients. Returns the gradients' norm before clipping, a scalar."""
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
        """Drops the gradients."""
        self.adamw.zero_grad(set_to_none=True)

    def changed_tensors(self) -> dict[str, Tensor]:
        """All tensors that a step changes, by name; AdamW's appear with its first step."""
        tensors: dict[str, Tensor] = dict(self.prompt.named_parameters())
        for index, state in enumerate(self.adamw.state.values()):
            tensors |= {f"{index}/{key}": value for key, value in state.items() if torch.is_tensor(value)}
        return tensors

    def moments(self) -> dict[str, Tensor]:
        """AdamW's state by parameter, such as "u/exp_avg"; empty before the first step."""
        return {
            f"{name}/{key}": value
            for name, parameter in self.prompt.named_parameters()
            for key, value in self.adamw.state.get(parameter, {}).items()
        }

    def restore(self, moments: Mapping[str, Tensor], scale: Mapping[str, Any] | None) -> None:
        """Puts back what `moments` gave, and the state of the gradient scaler.

        State that is there is written over in place: a recorded step goes on reading it there.
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
