"""Tiny random models that read images or sound beside text, each with the layers that its large models have."""

from __future__ import annotations

from typing import Any

from tests.families import TOKENS, WINDOW, Build, usual

_VISION: dict[str, Any] = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "image_size": 28,
    "patch_size": 14,
}
_QWEN_VISION: dict[str, Any] = {
    "depth": 3,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_heads": 2,
    "patch_size": 14,
    "out_hidden_size": 32,
}
_SLIDING: dict[str, Any] = {"sliding_window": WINDOW, "layer_types": ["sliding_attention", "full_attention"]}
_IMAGES: dict[str, Any] = {"image_token_id": 3, "video_token_id": 4}
"""Ids that stand for images; without these, they would lie beyond the tiny vocabulary."""
_EXPERTS: dict[str, Any] = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16}


def _whole(config: str, model: str, text: dict[str, Any], vision: dict[str, Any] | None, **more: Any) -> Build:
    """A model whose config has one part for text and one for images."""

    def build(vocabulary: int) -> Any:
        import transformers as tf

        parts: dict[str, Any] = {"text_config": {**usual(), **TOKENS, "vocab_size": vocabulary, **text}}
        if vision is not None:
            parts["vision_config"] = vision
        return getattr(tf, model)(getattr(tf, config)(**parts, **TOKENS, **more))

    return build


def _mrope(**more: Any) -> dict[str, Any]:
    rotary = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 1, 1], **more}
    return {"rope_parameters": rotary}


MULTIMODAL: dict[str, Build] = {
    "gemma3": _whole(
        "Gemma3Config",
        "Gemma3ForConditionalGeneration",
        {"head_dim": 8, "query_pre_attn_scalar": 8, **_SLIDING},
        {**_VISION, "model_type": "siglip_vision_model"},
        mm_tokens_per_image=4,
    ),
    "gemma4": _whole(
        "Gemma4Config",
        "Gemma4ForConditionalGeneration",
        {
            "head_dim": 8,
            "global_head_dim": 8,
            "num_kv_shared_layers": 0,
            "hidden_size_per_layer_input": 0,
            **_SLIDING,
        },
        {
            "hidden_size": 16,
            "intermediate_size": 32,
            "num_hidden_layers": 3,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "head_dim": 8,
        },
        audio_config=None,
        **_IMAGES,
        audio_token_id=5,
    ),
    "mistral3": _whole(
        "Mistral3Config",
        "Mistral3ForConditionalGeneration",
        {"model_type": "mistral", "head_dim": 8, "sliding_window": None},
        {**_VISION, "model_type": "pixtral", "head_dim": 8},
    ),
    "pixtral": _whole(
        "LlavaConfig",
        "LlavaForConditionalGeneration",
        {"model_type": "mistral", "head_dim": 8, "sliding_window": WINDOW},
        {**_VISION, "model_type": "pixtral", "head_dim": 8},
    ),
    "llava": _whole(
        "LlavaConfig",
        "LlavaForConditionalGeneration",
        {"model_type": "llama"},
        {**_VISION, "model_type": "clip_vision_model", "projection_dim": 16},
    ),
    "qwen2_vl": _whole(
        "Qwen2VLConfig",
        "Qwen2VLForConditionalGeneration",
        _mrope(),
        {"depth": 3, "embed_dim": 16, "hidden_size": 32, "num_heads": 2, "mlp_ratio": 2, "patch_size": 14},
    ),
    "qwen2_5_vl": _whole(
        "Qwen2_5_VLConfig", "Qwen2_5_VLForConditionalGeneration", _mrope(), {**_QWEN_VISION, "window_size": 8}
    ),
    "qwen3_vl": _whole(
        "Qwen3VLConfig",
        "Qwen3VLForConditionalGeneration",
        {"head_dim": 8, **_mrope(mrope_interleaved=True)},
        {**_QWEN_VISION, "deepstack_visual_indexes": [0, 1], "num_position_embeddings": 16},
        tie_word_embeddings=True,
    ),
    "qwen3_vl_moe": _whole(
        "Qwen3VLMoeConfig",
        "Qwen3VLMoeForConditionalGeneration",
        {"head_dim": 8, **_EXPERTS, **_mrope(mrope_interleaved=True)},
        {**_QWEN_VISION, "deepstack_visual_indexes": [0, 1], "num_position_embeddings": 16},
    ),
    "qwen3_5": _whole(
        "Qwen3_5Config",
        "Qwen3_5ForConditionalGeneration",
        {
            "head_dim": 8,
            "linear_conv_kernel_dim": 4,
            "linear_key_head_dim": 8,
            "linear_value_head_dim": 8,
            "linear_num_key_heads": 2,
            "linear_num_value_heads": 4,
            "layer_types": ["linear_attention", "full_attention"],
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 1e4,
                "mrope_section": [1, 1, 0],
                "partial_rotary_factor": 0.5,
            },
        },
        {**_QWEN_VISION, "num_position_embeddings": 16},
    ),
    "llama4": _whole(
        "Llama4Config",
        "Llama4ForConditionalGeneration",
        {
            "head_dim": 8,
            "intermediate_size_mlp": 64,
            "num_local_experts": 4,
            "num_experts_per_tok": 1,
            "attention_chunk_size": WINDOW,
            "no_rope_layers": [1, 0],
            "interleave_moe_layer_step": 2,
        },
        {**_VISION, "vision_output_dim": 16, "projector_input_dim": 16, "projector_output_dim": 16},
    ),
    "mllama": _whole(
        "MllamaConfig",
        "MllamaForConditionalGeneration",
        {"num_hidden_layers": 3, "cross_attention_layers": [1]},
        {
            "hidden_size": 16,
            "intermediate_size": 32,
            "num_hidden_layers": 2,
            "num_global_layers": 1,
            "attention_heads": 2,
            "image_size": 28,
            "patch_size": 14,
            "vision_output_dim": 32,
            "intermediate_layers_indices": [0],
        },
    ),
    "smolvlm": _whole(
        "SmolVLMConfig", "SmolVLMForConditionalGeneration", {"model_type": "llama"}, {**_VISION}, scale_factor=1
    ),
    "idefics3": _whole(
        "Idefics3Config", "Idefics3ForConditionalGeneration", {"model_type": "llama"}, {**_VISION}, scale_factor=1
    ),
    "internvl": _whole(
        "InternVLConfig",
        "InternVLForConditionalGeneration",
        {"model_type": "qwen3", "head_dim": 8},
        {**_VISION, "image_size": [28, 28], "patch_size": [14, 14]},
    ),
    "paligemma": _whole(
        "PaliGemmaConfig",
        "PaliGemmaForConditionalGeneration",
        {"model_type": "gemma2", "head_dim": 8, "query_pre_attn_scalar": 8, "sliding_window": WINDOW},
        {**_VISION, "model_type": "siglip_vision_model", "projection_dim": 32},
        projection_dim=32,
    ),
    "glm4v": _whole(
        "Glm4vConfig",
        "Glm4vForConditionalGeneration",
        _mrope(),
        {
            **{k: v for k, v in _QWEN_VISION.items() if k != "intermediate_size"},
            "intermediate_size": 32,
            "image_size": 28,
        },
    ),
    "lfm2_vl": _whole(
        "Lfm2VlConfig",
        "Lfm2VlForConditionalGeneration",
        {"model_type": "lfm2", "layer_types": ["conv", "full_attention"], "block_ff_dim": 64},
        {**{k: v for k, v in _VISION.items() if k != "image_size"}, "num_patches": 4},
    ),
    "aya_vision": _whole(
        "AyaVisionConfig",
        "AyaVisionForConditionalGeneration",
        {"model_type": "cohere2", "head_dim": 8, **_SLIDING},
        {**_VISION, "model_type": "siglip_vision_model"},
    ),
    "gemma3n": _whole(
        "Gemma3nConfig",
        "Gemma3nForConditionalGeneration",
        {
            "head_dim": 8,
            "num_hidden_layers": 4,
            "num_kv_shared_layers": 2,
            "hidden_size_per_layer_input": 8,
            "sliding_window": WINDOW,
            "laurel_rank": 8,
            "altup_num_inputs": 2,
            "activation_sparsity_pattern": [0.0] * 4,
            "layer_types": ["sliding_attention", "full_attention"] * 2,
        },
        None,
    ),
}
