"""More tiny random models that read images or sound beside text: relatives of those in tests/multimodal.py."""

from __future__ import annotations

from typing import Any

from tests.families import LATENT, ROUTED, SLIDING, WINDOW, Build, build_model, usual
from tests.multimodal import IMAGES, QWEN_VISION, VISION, mrope, whole

_SIGLIP: dict[str, Any] = {**VISION, "model_type": "siglip_vision_model"}
_CLIP: dict[str, Any] = {**VISION, "model_type": "clip_vision_model"}
_QWEN2: dict[str, Any] = {"model_type": "qwen2"}
_LLAMA: dict[str, Any] = {"model_type": "llama"}
_WITHOUT_SIZE = {key: value for key, value in VISION.items() if key != "image_size"}
_TOKENS_OF_IMAGES: dict[str, Any] = {
    "embed_dim": 8,
    "base_channels": 32,
    "channel_multiplier": [1],
    "num_res_blocks": 1,
}


def _conditional(name: str, text: dict[str, Any], vision: dict[str, Any] | None, **more: Any) -> Build:
    return whole(f"{name}Config", f"{name}ForConditionalGeneration", text, vision, **more)


MORE_MULTIMODAL: dict[str, Build] = {
    "aria": _conditional(
        "Aria",
        {"model_type": "aria_text", "moe_num_experts": 4, "moe_topk": 2, "head_dim": 8},
        {**VISION, "model_type": "idefics3_vision"},
    ),
    "deepseek_vl": _conditional("DeepseekVL", _LLAMA, _SIGLIP),
    "emu3": _conditional(
        "Emu3",
        {},
        None,
        vq_config={**_TOKENS_OF_IMAGES, "codebook_size": 16, "attn_resolutions": [], "hidden_size": 32},
        vocabulary_map={"<image>": 3, "<|extra_200|>": 4},
    ),
    "ernie4_5_vl_moe": _conditional(
        "Ernie4_5_VLMoe",
        {
            "moe_num_experts": 4,
            "moe_k": 2,
            "moe_intermediate_size": [16, 16],
            "moe_num_shared_experts": 1,
            **mrope(mrope_section=[1, 1, 2]),
        },
        {key: value for key, value in QWEN_VISION.items() if key != "out_hidden_size"},
    ),
    "fast_vlm": _conditional("FastVlm", _QWEN2, _SIGLIP),
    "gemma4_unified": _conditional(
        "Gemma4Unified",
        {
            "head_dim": 8,
            "global_head_dim": 8,
            "num_kv_shared_layers": 0,
            "attention_k_eq_v": True,
            "num_global_key_value_heads": 1,
            "final_logit_softcapping": 30.0,
            **SLIDING,
        },
        {"hidden_size": 16},
        **IMAGES,
        audio_token_id=5,
    ),
    "glm46v": _conditional(
        "Glm46V",
        {"model_type": "glm4v_text", **mrope()},
        {**QWEN_VISION, "model_type": "glm4v_vision", "image_size": 28},
    ),
    "glm_ocr": _conditional("GlmOcr", mrope(), {**QWEN_VISION, "image_size": 28}),
    "got_ocr2": _conditional(
        "GotOcr2",
        _QWEN2,
        {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "mlp_dim": 32, "output_channels": 16},
    ),
    "hunyuan_vl": _conditional(
        "HunYuanVL",
        {"head_dim": 8, **mrope(mrope_section=[1, 1, 1, 1], rope_type="xdrope", alpha=1000.0, factor=1.0)},
        {**_WITHOUT_SIZE, "out_hidden_size": 32, "text_hidden_size": 32},
    ),
    "hyperclovax_vision_v2": _conditional(
        "HyperCLOVAXVisionV2",
        {"model_type": "hyperclovax", "head_dim": 8},
        {**QWEN_VISION, "model_type": "qwen2_5_vl_vision", "window_size": 8},
    ),
    "idefics2": _conditional(
        "Idefics2",
        {"model_type": "mistral", "sliding_window": None},
        VISION,
        perceiver_config={
            "hidden_size": 32,
            "resampler_n_latents": 2,
            "resampler_depth": 1,
            "resampler_n_heads": 2,
            "resampler_head_dim": 8,
            "num_key_value_heads": 1,
        },
    ),
    "janus": _conditional(
        "Janus",
        _LLAMA,
        {**VISION, "projection_dim": 32, "num_image_tokens": 4, "depth": 2},
        vq_config={
            **_TOKENS_OF_IMAGES,
            "num_embeddings": 16,
            "latent_channels": 8,
            "projection_dim": 32,
            "image_token_embed_dim": 32,
        },
    ),
    "kimi_k25": _conditional("Kimi_K25", {"model_type": "deepseek_v3", **LATENT, **ROUTED}, VISION),
    "lfm3_vl": _conditional(
        "Lfm3Vl",
        {
            "model_type": "lfm3",
            "num_hidden_layers": 3,
            "head_dim": 8,
            "sliding_window": WINDOW,
            "layer_types": ["conv", "sliding_attention", "full_attention"],
        },
        {**_WITHOUT_SIZE, "num_patches": 4},
    ),
    "lighton_ocr": _conditional(
        "LightOnOcr", {"model_type": "qwen3", "head_dim": 8}, {**VISION, "model_type": "pixtral", "head_dim": 8}
    ),
    "llava_next": _conditional(
        "LlavaNext",
        {"model_type": "mistral", "head_dim": 8, "sliding_window": None},
        {**_CLIP, "projection_dim": 16},
    ),
    "llava_onevision": _conditional("LlavaOnevision", _QWEN2, _SIGLIP),
    "mistral4": build_model("Mistral4Config", "Mistral4ForCausalLM", **usual(**LATENT, **ROUTED)),
    "ovis2": _conditional("Ovis2", _QWEN2, VISION),
    "paddleocr_vl": _conditional("PaddleOCRVL", {"head_dim": 8, **mrope()}, VISION),
    "step3p7": _conditional("Step3p7", {"head_dim": 8, **SLIDING}, VISION),
    "video_llama_3": _conditional("VideoLlama3", _QWEN2, _WITHOUT_SIZE),
    "video_llava": _conditional("VideoLlava", _LLAMA, _CLIP),
    "vipllava": _conditional("VipLlava", _LLAMA, _CLIP, vision_feature_layers=[0, 1]),
}
