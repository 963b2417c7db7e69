"""FrozenBackbone: a pre-trained language model whose weights never change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer
from transformers.utils.logging import disable_progress_bar

from lamp.backbone.compiling import compiled
from lamp.backbone.devices import default_device
from lamp.backbone.precision import choose_dtype
from lamp.backbone.quantization import keep_differentiable, quantization_config
from lamp.config import Precision, Quantization
from lamp.errors import BackboneError, first_line
from lamp.process import prepare_process


class FrozenBackbone:
    """A language model and its tokenizer. No weight ever has requires_grad."""

    def __init__(self, model: Any, tokenizer: Any, reference: str) -> None:
        self.model = model.eval().requires_grad_(False)
        self.tokenizer = tokenizer
        self.reference = reference
        self.is_encoder_decoder = bool(model.config.is_encoder_decoder)
        self.embedding = model.get_input_embeddings()
        self.hidden_size = int(self.embedding.weight.shape[1])
        self._compiled: tuple[Any, Any] | None = None
        # The output layer gets a slice of the hidden states. If that slice is not contiguous, PyTorch copies the whole
        # vocabulary matrix once for each row, which costs more than all other layers together.
        model.get_output_embeddings().register_forward_pre_hook(lambda _, args: (args[0].contiguous(),))

    @classmethod
    def load(
        cls,
        reference: str,
        folder: str | Path | None = None,
        precision: Precision = "auto",
        device: torch.device | None = None,
        quantization: Quantization = "none",
    ) -> FrozenBackbone:
        """Loads a backbone from safetensors files and freezes it; its config names the architecture.

        reference: the Hub id or folder that recipes and adapters name; folder: where the files are, if not there.
        device: the default device if None. Raises BackboneError if it cannot be found, read or used with a soft prompt.
        """
        prepare_process()  # for scripts that have not called it: transformers must not fetch compiled code
        source = str(folder or reference)
        disable_progress_bar()  # type: ignore[no-untyped-call]  # untyped in transformers; bars would fill the log
        device = device or default_device()
        try:
            config = AutoConfig.from_pretrained(source, trust_remote_code=False)
            dtype = choose_dtype(precision, device, str(config.model_type))
            auto = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
            model: Any = auto.from_pretrained(
                source,
                config=config,
                dtype=dtype,
                use_safetensors=True,
                trust_remote_code=False,
                quantization_config=quantization_config(quantization, dtype),
                device_map={"": device},
                # On a CPU, plain matrix products are faster than PyTorch's fused attention for the short sequences of
                # prompt tuning, above all in the backward pass (benchmarks/attention.py).
                attn_implementation="eager" if device.type == "cpu" else None,
            )
            if quantization == "4bit":
                keep_differentiable(model)
            tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
        except (OSError, ValueError, KeyError, ImportError) as error:
            reason = first_line(error).removesuffix(".") + "."
            raise BackboneError(f"The backbone {reference!r} cannot be loaded: {reason}") from error
        return cls(model, tokenizer, reference)

    @property
    def device(self) -> torch.device:
        """The device that holds the weights."""
        return self.embedding.weight.device  # type: ignore[no-any-return]  # transformers' modules are untyped

    @property
    def dtype(self) -> torch.dtype:
        """The number format of the weights that are not quantised."""
        return self.embedding.weight.dtype  # type: ignore[no-any-return]  # transformers' modules are untyped

    def compile(self) -> None:
        """Makes calls with gradients enabled use a compiled model; scoring and answering stay as they are.

        The first such call compiles it, or raises TrainingError.
        """
        self._compiled = compiled(self.model), compiled(self._encoder()) if self.is_encoder_decoder else None

    def forward(self, **inputs: Any) -> Any:
        """The model's output for the keyword arguments of its own forward pass.

        After `compile`, calls with gradients enabled use the compiled model.
        """
        model = self._compiled[0] if self._compiled and torch.is_grad_enabled() else self.model
        return model(**inputs)

    def forward_encoder(self, **inputs: Any) -> Any:
        """The output of an encoder-decoder model's encoder; compiled in the same cases as `forward`."""
        encoder = self._compiled[1] if self._compiled and torch.is_grad_enabled() else self._encoder()
        return encoder(**inputs)

    def _encoder(self) -> Any:
        return self.model.get_encoder()

    def embed(self, ids: Tensor) -> Tensor:
        """Input embeddings of token ids, with the scaling that some model families apply: (...,) → (..., hidden)."""
        return self.embedding(ids)  # type: ignore[no-any-return]  # transformers' modules are untyped

    def join(self, virtual_tokens: Tensor | None, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Puts virtual tokens before every input; None leaves the inputs as they are.

        virtual_tokens: of one prompt (l', hidden), or of several (prompts, l', hidden), each before as many inputs next
        to each other; ids, mask: (batch, length). Returns embeddings (batch, l' + length, hidden) and their mask
        (batch, l' + length).
        """
        embeddings = self.embed(ids)
        if virtual_tokens is not None:
            prefix = virtual_tokens.to(embeddings.dtype)
            if prefix.dim() == 2:
                prefix = prefix.expand(len(ids), *prefix.shape)
            else:
                prefix = prefix.repeat_interleave(len(ids) // len(prefix), dim=0)
            embeddings = torch.cat([prefix, embeddings], dim=1)
            mask = torch.cat([mask.new_ones(prefix.shape[:2]), mask], dim=1)
        return embeddings, mask
