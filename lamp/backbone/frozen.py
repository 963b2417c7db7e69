"""FrozenBackbone: a pre-trained language model whose weights never change."""

from __future__ import annotations

import inspect
import logging
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from transformers import DynamicCache, EncoderDecoderCache
from transformers.utils.logging import disable_progress_bar

from lamp.backbone.compiling import compiled
from lamp.backbone.generation_config import decoder_start, end_tokens, greedy_config
from lamp.backbone.loading import load_model
from lamp.backbone.out_of_memory import is_out_of_memory, out_of_memory
from lamp.backbone.text_part import auto_class
from lamp.config import Precision, Quantization
from lamp.errors import BackboneError, first_line
from lamp.model_files.positions import longest_sequence, longest_target
from lamp.process import prepare_process

if TYPE_CHECKING:
    from lamp.backbone.decoding_graphs import DecodingGraphs


class FrozenBackbone:
    """A language model and its tokenizer. No weight ever has requires_grad."""

    def __init__(self, model: Any, tokenizer: Any, reference: str) -> None:
        self.model = model.eval().requires_grad_(False)
        self.tokenizer = tokenizer
        self.reference = reference
        self.is_encoder_decoder = bool(model.config.is_encoder_decoder)
        self.embedding = model.get_input_embeddings()
        self.hidden_size = int(self.embedding.weight.shape[1])
        config = model.config.to_dict()
        self.longest_sequence = longest_sequence(config)
        """Positions for prompt, input and target, or of an encoder; None without a limit."""
        self.longest_target = longest_target(config) if self.is_encoder_decoder else None
        """Number of positions of a decoder; None without a limit."""
        self.shared_columns = math.inf
        """The most columns of a batch, padding included, with which rows may share a prompt's keys and values; 0 if
        they never may.

        `lamp.backbone.probe` measures it.
        """
        self.end_ids = end_tokens(model, tokenizer)
        """All tokens that end an answer; the tokenizer's end token, which ends targets, comes first."""
        self.decoder_start_id = decoder_start(model, self.end_ids[0]) if self.is_encoder_decoder else 0
        """The token that the decoder of an encoder-decoder model reads before the target."""
        model.generation_config = greedy_config(self.end_ids, tokenizer.pad_token_id, self.decoder_start_id)
        self.decoding: DecodingGraphs | None = None
        """The recorded decoding steps; created by `lamp.backbone.writing` on a CUDA device."""
        self._compiled: tuple[Any, Any] | None = None
        parameters = inspect.signature(model.forward).parameters.values()
        takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
        self._arguments = None if takes_all else {parameter.name for parameter in parameters}
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
        """Loads a backbone from safetensors files, freezes it and finds out how it can be read exactly.

        reference: the Hub id or folder that recipes and adapters name; folder: where the files are, if elsewhere.
        device: None for the default device. Raises BackboneError if it cannot be found, read or used with a soft
        prompt.
        """
        prepare_process()  # for scripts that have not called it: transformers must not fetch compiled code
        # check_weights reports what matters of transformers' report on missing and unused weights.
        logging.getLogger("transformers.modeling_utils").setLevel(logging.ERROR)
        disable_progress_bar()  # type: ignore[no-untyped-call]  # untyped in transformers; bars would fill the log
        with out_of_memory():
            try:
                model, tokenizer = load_model(reference, str(folder or reference), precision, device, quantization)
                backbone = cls(model, tokenizer, reference)
            except BackboneError:
                raise
            except Exception as error:  # of transformers' own code for each family, which may raise anything
                if is_out_of_memory(error):
                    raise
                reason = first_line(error).removesuffix(".") + "."
                raise BackboneError(f"The backbone {reference!r} cannot be loaded: {reason}") from error
            from lamp.backbone.probe import find_exact_reading  # late: it reads with a FrozenBackbone

            find_exact_reading(backbone)
        return backbone

    @property
    def auto_class(self) -> str:
        """The name of the transformers class that loads this model, such as AutoModelForCausalLM."""
        return auto_class(self.model.config).__name__  # type: ignore[no-any-return]  # transformers is untyped

    @property
    def is_quantized(self) -> bool:
        """Whether weights are packed in fewer bits."""
        return bool(getattr(self.model, "is_quantized", False))

    @property
    def device(self) -> torch.device:
        """The device that holds the weights."""
        return self.embedding.weight.device  # type: ignore[no-any-return]  # transformers' modules are untyped

    @property
    def dtype(self) -> torch.dtype:
        """The number format of the weights that are not quantised."""
        return self.embedding.weight.dtype  # type: ignore[no-any-return]  # transformers' modules are untyped

    def empty_cache(self) -> Any:
        """A cache that has read nothing: a DynamicCache, and for an encoder-decoder model an EncoderDecoderCache.

        T5's config counts the encoder's layers, so those of the decoder are taken from its own. A decoder's windows
        are over its own tokens alone: the cache of what the encoder gives it has none.
        """
        if not self.is_encoder_decoder:
            return DynamicCache(config=self.model.config)
        return EncoderDecoderCache(DynamicCache(config=self.model.get_decoder().config), DynamicCache())

    def compile(self) -> None:
        """Compiles the model for calls with gradients enabled; scoring and answering do not use it.

        The first such call compiles it, or raises TrainingError.
        """
        self._compiled = compiled(self.model), compiled(self._encoder()) if self.is_encoder_decoder else None

    def forward(self, **inputs: Any) -> Any:
        """Calls the model with the keyword arguments of its own forward pass, and returns its output.

        After `compile`, calls with gradients enabled use the compiled model.
        """
        model = self._compiled[0] if self._compiled and torch.is_grad_enabled() else self.model
        return model(**inputs)

    def logits(self, keep: int, **inputs: Any) -> Tensor:
        """Returns logits of the last `keep` positions, and only these if the model allows it: (batch, keep,
        vocabulary).

        inputs: keyword arguments of the model's forward pass; position_ids are dropped if it does not take them. Raises
        BackboneError for rows that are longer than the backbone's positions.
        """
        if self.is_encoder_decoder:
            self.check_target(inputs["decoder_input_ids"].shape[1])
        else:
            self.check_length(inputs["attention_mask"])
        inputs["logits_to_keep"] = keep
        taken = {name: value for name, value in inputs.items() if self._arguments is None or name in self._arguments}
        logits: Tensor = self.forward(**taken).logits
        return logits[:, -keep:]

    def forward_encoder(self, **inputs: Any) -> Any:
        """Calls the encoder of an encoder-decoder model; compiled in the same cases as `forward`."""
        encoder = self._compiled[1] if self._compiled and torch.is_grad_enabled() else self._encoder()
        return encoder(**inputs)

    def _encoder(self) -> Any:
        return self.model.get_encoder()

    def shares_prompts(self, columns: int = 1) -> bool:
        """Returns whether rows of this many columns, padding included, may share a prompt's keys and values."""
        return columns <= self.shared_columns

    @property
    def reading_note(self) -> str:
        """A sentence for the log if rows cannot always share the prompt's keys and values; else an empty text."""
        if math.isinf(self.shared_columns):
            return ""
        longer = f" longer than {self.shared_columns} tokens, prompt included," if self.shared_columns else ""
        return f"This backbone reads the prompt again with every row{longer} because only that is exact: it is slower."

    def check_length(self, mask: Tensor, behind: int = 0) -> None:
        """Raises BackboneError if the longest row needs more positions than the backbone has.

        mask: (batch, length), 1 where there is a token; behind: number of tokens that will follow.
        """
        limit = self.longest_sequence
        if limit is None or mask.shape[1] + behind <= limit:
            return  # without a look at the mask, which would wait for the device
        needed = int(mask.sum(dim=1).max()) + behind
        if needed > limit:
            raise BackboneError(
                f"The longest row takes {needed} positions with its prompt, and the backbone {self.reference!r} has "
                f"{limit}: lower the longest input, the longest target or the prompt length."
            )

    def check_target(self, length: int) -> None:
        """Raises BackboneError if a decoder has too few positions for targets of this length."""
        if self.longest_target is not None and length > self.longest_target:
            raise BackboneError(
                f"The longest target takes {length} positions, and the decoder of the backbone {self.reference!r} has "
                f"{self.longest_target}: lower the longest target."
            )

    def embed(self, ids: Tensor) -> Tensor:
        """Embeds token ids, with the scaling that some model families apply: (...,) → (..., hidden)."""
        return self.embedding(ids)  # type: ignore[no-any-return]  # transformers' modules are untyped

    def join(self, virtual_tokens: Tensor | None, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Puts virtual tokens before every input; None leaves the inputs as they are.

        virtual_tokens: of one prompt (l', hidden), or of several (prompts, l', hidden), each for equally many adjacent
        inputs; ids, mask: (batch, length). Returns embeddings (batch, l' + length, hidden) and their mask (batch, l' +
        length).
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
