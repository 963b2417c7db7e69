"""Tiny random models that read images or sound beside text, each with the layers that its large models have."""

from __future__ import annotations

from typing import Any

from tests.families import (
    EXPERTS,
    LINEAR,
    SLIDING,
    TOKENS,
    WINDOW,
    Build,
    build_model,
    usual,
)

VISION: dict[str, Any] = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "image_size": 28,
    "patch_size": 14,
}
QWEN_VISION: dict[str, Any] = {
    "depth": 3,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_heads": 2,
    "patch_size": 14,
    "out_hidden_size": 32,
}
IMAGES: dict[str, Any] = {"image_token_id": 3, "video_token_id": 4}
"""Ids that stand for images; without these, they would lie beyond the tiny vocabulary."""


def whole(config: str, model: str, text: dict[str, Any], vision: dict[str, Any] | None, **more: Any) -> Build:
    """A model whose config has one part for text and one for images."""

    def build(vocabulary: int) -> Any:
        import transformers as tf

        parts: dict[str, Any] = {"text_config": {**usual(), **TOKENS, "vocab_size": vocabulary, **text}}
        if vision is not None:
            parts["vision_config"] = vision
        return getattr(tf, model)(getattr(tf, config)(**parts, **TOKENS, **more))

    return build


def _sound(config: str, model: str, encoder: str, text: str) -> Build:
    """A model whose config has one part for text and one for sound."""
    sizes = {"d_model": 16, "encoder_layers": 3, "encoder_attention_heads": 2, "encoder_ffn_dim": 32, "num_mel_bins": 8}
    more = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 64}
    audio = {
        "model_type": encoder,
        "max_source_positions": 32,
        **(sizes if text == "qwen2" else {**more, "num_mel_bins": 8}),
    }
    return whole(config, model, {"model_type": text}, None, audio_config=audio)


def _t5gemma2(vocabulary: int) -> Any:
    import transformers as tf

    part = {**usual(head_dim=8, query_pre_attn_scalar=8, **SLIDING), **TOKENS, "vocab_size": vocabulary}
    encoder = {
        "text_config": part,
        "vision_config": {**VISION, "model_type": "siglip_vision_model"},
        "image_token_index": 3,
        "mm_tokens_per_image": 4,
        "vocab_size": vocabulary,
    }
    parts: dict[str, Any] = {"encoder": encoder, "decoder": dict(part), "vocab_size": vocabulary}
    return tf.T5Gemma2ForConditionalGeneration(tf.T5Gemma2Config(**parts, image_token_index=3, **TOKENS))


def mrope(**more: Any) -> dict[str, Any]:
    rotary = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 1, 1], **more}
    return {"rope_parameters": rotary}


MULTIMODAL: dict[str, Build] = {
    "Gemma3ForConditionalGeneration": whole(
        "Gemma3Config",
        "Gemma3ForConditionalGeneration",
        {"head_dim": 8, "query_pre_attn_scalar": 8, **SLIDING},
        {**VISION, "model_type": "siglip_vision_model"},
        mm_tokens_per_image=4,
    ),
    "Gemma4ForConditionalGeneration": whole(
        "Gemma4Config",
        "Gemma4ForConditionalGeneration",
        {
            "head_dim": 8,
            "global_head_dim": 8,
            "num_kv_shared_layers": 0,
            "hidden_size_per_layer_input": 0,
            **SLIDING,
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
        **IMAGES,
        audio_token_id=5,
    ),
    "Mistral3ForConditionalGeneration": whole(
        "Mistral3Config",
        "Mistral3ForConditionalGeneration",
        {"model_type": "mistral", "head_dim": 8, "sliding_window": None},
        {**VISION, "model_type": "pixtral", "head_dim": 8},
    ),
    "Pixtral": whole(
        "LlavaConfig",
        "LlavaForConditionalGeneration",
        {"model_type": "mistral", "head_dim": 8, "sliding_window": WINDOW},
        {**VISION, "model_type": "pixtral", "head_dim": 8},
    ),
    "LlavaForConditionalGeneration": whole(
        "LlavaConfig",
        "LlavaForConditionalGeneration",
        {"model_type": "llama"},
        {**VISION, "model_type": "clip_vision_model", "projection_dim": 16},
    ),
    "Qwen2VLForConditionalGeneration": whole(
        "Qwen2VLConfig",
        "Qwen2VLForConditionalGeneration",
        mrope(),
        {"depth": 3, "embed_dim": 16, "hidden_size": 32, "num_heads": 2, "mlp_ratio": 2, "patch_size": 14},
    ),
    "Qwen2_5_VLForConditionalGeneration": whole(
        "Qwen2_5_VLConfig", "Qwen2_5_VLForConditionalGeneration", mrope(), {**QWEN_VISION, "window_size": 8}
    ),
    "Qwen3VLForConditionalGeneration": whole(
        "Qwen3VLConfig",
        "Qwen3VLForConditionalGeneration",
        {"head_dim": 8, **mrope(mrope_interleaved=True)},
        {**QWEN_VISION, "deepstack_visual_indexes": [0, 1], "num_position_embeddings": 16},
        tie_word_embeddings=True,
    ),
    "Qwen3VLMoeForConditionalGeneration": whole(
        "Qwen3VLMoeConfig",
        "Qwen3VLMoeForConditionalGeneration",
        {"head_dim": 8, **EXPERTS, **mrope(mrope_interleaved=True)},
        {**QWEN_VISION, "deepstack_visual_indexes": [0, 1], "num_position_embeddings": 16},
    ),
    "Qwen3_5ForConditionalGeneration": whole(
        "Qwen3_5Config",
        "Qwen3_5ForConditionalGeneration",
        {
            **LINEAR,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 1e4,
                "mrope_section": [1, 1, 0],
                "partial_rotary_factor": 0.5,
            },
        },
        {**QWEN_VISION, "num_position_embeddings": 16},
    ),
    "Llama4ForConditionalGeneration": whole(
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
        {**VISION, "vision_output_dim": 16, "projector_input_dim": 16, "projector_output_dim": 16},
    ),
    "SmolVLMForConditionalGeneration": whole(
        "SmolVLMConfig", "SmolVLMForConditionalGeneration", {"model_type": "llama"}, {**VISION}, scale_factor=1
    ),
    "Idefics3ForConditionalGeneration": whole(
        "Idefics3Config", "Idefics3ForConditionalGeneration", {"model_type": "llama"}, {**VISION}, scale_factor=1
    ),
    "InternVLForConditionalGeneration": whole(
        "InternVLConfig",
        "InternVLForConditionalGeneration",
        {"model_type": "qwen3", "head_dim": 8},
        {**VISION, "image_size": [28, 28], "patch_size": [14, 14]},
    ),
    "PaliGemmaForConditionalGeneration": whole(
        "PaliGemmaConfig",
        "PaliGemmaForConditionalGeneration",
        {"model_type": "gemma2", "head_dim": 8, "query_pre_attn_scalar": 8, "sliding_window": WINDOW},
        {**VISION, "model_type": "siglip_vision_model", "projection_dim": 32},
        projection_dim=32,
    ),
    "Glm4vForConditionalGeneration": whole(
        "Glm4vConfig",
        "Glm4vForConditionalGeneration",
        mrope(),
        {
            **{k: v for k, v in QWEN_VISION.items() if k != "intermediate_size"},
            "intermediate_size": 32,
            "image_size": 28,
        },
    ),
    "Lfm2VlForConditionalGeneration": whole(
        "Lfm2VlConfig",
        "Lfm2VlForConditionalGeneration",
        {"model_type": "lfm2", "layer_types": ["conv", "full_attention"], "block_ff_dim": 64},
        {**{k: v for k, v in VISION.items() if k != "image_size"}, "num_patches": 4},
    ),
    "AyaVisionForConditionalGeneration": whole(
        "AyaVisionConfig",
        "AyaVisionForConditionalGeneration",
        {"model_type": "cohere2", "head_dim": 8, **SLIDING},
        {**VISION, "model_type": "siglip_vision_model"},
    ),
    "Gemma4, sound": whole(
        "Gemma4Config",
        "Gemma4ForConditionalGeneration",
        {
            "head_dim": 8,
            "global_head_dim": 8,
            "num_kv_shared_layers": 0,
            "hidden_size_per_layer_input": 0,
            "enable_moe_block": True,
            "top_k_experts": 2,
            **EXPERTS,
            **SLIDING,
        },
        {**VISION, "num_key_value_heads": 2, "head_dim": 8},
        audio_config={"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "output_proj_dims": 16},
        **IMAGES,
        audio_token_id=5,
    ),
    "Cohere2VisionForConditionalGeneration": whole(
        "Cohere2VisionConfig",
        "Cohere2VisionForConditionalGeneration",
        {"model_type": "cohere2", "head_dim": 8, **SLIDING},
        {**VISION, "model_type": "siglip_vision_model"},
    ),
    "Qwen2AudioForConditionalGeneration": _sound(
        "Qwen2AudioConfig", "Qwen2AudioForConditionalGeneration", "qwen2_audio_encoder", "qwen2"
    ),
    "VoxtralForConditionalGeneration": _sound(
        "VoxtralConfig", "VoxtralForConditionalGeneration", "voxtral_encoder", "llama"
    ),
    "Glm4vMoeForConditionalGeneration": whole(
        "Glm4vMoeConfig",
        "Glm4vMoeForConditionalGeneration",
        {
            "head_dim": 8,
            "n_routed_experts": 4,
            "num_experts_per_tok": 2,
            "moe_intermediate_size": 16,
            "n_group": 1,
            "topk_group": 1,
            "first_k_dense_replace": 1,
            **mrope(partial_rotary_factor=1.0),
        },
        {**QWEN_VISION, "image_size": 28},
        **IMAGES,
    ),
    "Qwen3_5MoeForConditionalGeneration": whole(
        "Qwen3_5MoeConfig",
        "Qwen3_5MoeForConditionalGeneration",
        {**LINEAR, **EXPERTS, "shared_expert_intermediate_size": 16},
        {**QWEN_VISION, "num_position_embeddings": 16},
    ),
    "Exaone4_5_ForConditionalGeneration": whole(
        "Exaone4_5_Config",
        "Exaone4_5_ForConditionalGeneration",
        {"model_type": "exaone4", **SLIDING},
        {**QWEN_VISION, "window_size": 8},
    ),
    "FuyuForCausalLM": whole(
        "FuyuConfig",
        "FuyuForCausalLM",
        {"model_type": "persimmon"},
        None,
        **{**usual(), "patch_size": 4, "num_channels": 3},
    ),
    "ChameleonForConditionalGeneration": build_model(
        "ChameleonConfig",
        "ChameleonForConditionalGeneration",
        **usual(),
        vq_config={
            "embed_dim": 8,
            "num_embeddings": 16,
            "latent_channels": 8,
            "base_channels": 32,
            "channel_multiplier": [1],
            "num_res_blocks": 1,
            "resolution": 16,
            "in_channels": 3,
        },
        vocabulary_map={"<image>": 3, **{f"IMGIMG{a}Z": 5 + i for i, a in enumerate("ABCDEFGH")}},
    ),
}

MULTIMODAL_ENCODER_DECODER: dict[str, Build] = {"T5Gemma2ForConditionalGeneration": _t5gemma2}
