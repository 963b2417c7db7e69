"""More tiny random models: families that transformers has taken in lately, and unusual members of older ones."""

from __future__ import annotations

from typing import Any

from tests.families import (
    BART,
    EXPERTS,
    LATENT,
    LINEAR,
    LOCAL_EXPERTS,
    ROUTED,
    SLIDING,
    T5,
    WINDOW,
    Build,
    build_model,
    causal,
    usual,
)

_SHARED: dict[str, Any] = {**EXPERTS, "shared_expert_intermediate_size": 16}
_INDEXED: dict[str, Any] = {"index_topk": 64, "index_head_dim": 8, "index_n_heads": 2}
"""Sparse attention that chooses nothing up to 64 tokens."""
_GROUPED: dict[str, Any] = {"n_group": 1, "topk_group": 1}
_NARROW: dict[str, Any] = {**LATENT, "head_dim": 4}
_KIMI: dict[str, Any] = {
    **LATENT,
    "num_experts": 4,
    "num_experts_per_token": 2,
    "moe_intermediate_size": 16,
    "num_shared_experts": 1,
    "num_expert_group": 1,
    "topk_group": 1,
    "linear_conv_kernel_dim": 4,
    "linear_head_dim": 8,
    "linear_num_heads": 4,
    "layer_types": ["linear_attention", "full_attention"],
}
_INKLING: dict[str, Any] = {
    **ROUTED,
    "head_dim": 8,
    "sliding_window_size": WINDOW,
    "layer_types": ["hybrid_sliding", "hybrid"],
}


def _text(name: str, **more: Any) -> Build:
    """A family whose config is that of a multimodal family's text model."""
    return build_model(f"{name}TextConfig", f"{name}ForCausalLM", **usual(**more))


def _encoder_decoder(vocabulary: int) -> Any:
    import transformers as tf

    sizes = {**usual(), "vocab_size": vocabulary}
    decoder = tf.BertConfig(**sizes, is_decoder=True, add_cross_attention=True)
    config = tf.EncoderDecoderConfig.from_encoder_decoder_configs(tf.BertConfig(**sizes), decoder)
    config.decoder_start_token_id, config.pad_token_id, config.eos_token_id = 1, 0, 1
    config.vocab_size = vocabulary
    return tf.EncoderDecoderModel(config)


MORE_REFUSED = {
    "roberta": "rows of unequal length change each other's logits",
    "xlstm": "fails on two short rows",
}
"""As REFUSED in tests/families.py."""

OF_THEIR_OWN = {
    *(
        "big_bird",
        "electra",
        "encoder-decoder",
        "gemma4_unified_text",
        "hrm_text",
        "inkling",
        "kimi_linear",
        "kolibri1",
    ),
    *("longcat_flash", "mimo_v2_flash", "minimax_m3", "ministral3", "plbart", "roberta", "roformer", "xlstm", "zaya"),
}
"""Families that compute in a way of their own. The others are relatives of these or of those in tests/families.py."""

MORE_CAUSAL: dict[str, Build] = {
    # attention over everything
    "aria_text": build_model(
        "AriaTextConfig", "AriaTextForCausalLM", **usual(head_dim=8, moe_num_experts=4, moe_topk=2)
    ),
    "axk1": causal("AXK1", **_NARROW, **ROUTED),
    "dbrx": build_model(
        "DbrxConfig",
        "DbrxForCausalLM",
        d_model=32,
        n_heads=4,
        n_layers=2,
        max_seq_len=512,
        attn_config={"kv_n_heads": 2, "clip_qkv": 8.0, "rope_theta": 1e4},
        ffn_config={"ffn_hidden_size": 64, "moe_num_experts": 4, "moe_top_k": 2, "moe_jitter_eps": 0.0},
    ),
    "ernie4_5_moe": causal(
        "Ernie4_5_Moe", moe_num_experts=4, moe_k=2, moe_intermediate_size=16, moe_num_shared_experts=1
    ),
    "flex_olmo": causal("FlexOlmo", num_experts=4, num_experts_per_tok=2),
    "glm": causal("Glm", head_dim=8),
    "glm4_moe_lite": causal("Glm4MoeLite", **LATENT, **ROUTED),
    "gpt_neox_japanese": causal("GPTNeoXJapanese"),
    "granitemoeshared": causal("GraniteMoeShared", **LOCAL_EXPERTS, shared_intermediate_size=32),
    "hrm_text": causal("HrmText", head_dim=8),
    "hunyuan_v1_moe": causal("HunYuanMoEV1", head_dim=8, num_experts=4, moe_topk=2),
    "hy_v3": causal("HYV3", head_dim=8, **EXPERTS, num_shared_experts=1),
    "hyperclovax": causal("HyperCLOVAX", head_dim=8),
    "jais2": causal("Jais2", head_dim=8),
    "jetmoe": build_model(
        "JetMoeConfig",
        "JetMoeForCausalLM",
        hidden_size=32,
        num_hidden_layers=2,
        num_key_value_heads=2,
        kv_channels=8,
        intermediate_size=64,
        **LOCAL_EXPERTS,
        initializer_range=0.15,
    ),
    "longcat_flash": causal(
        "LongcatFlash",
        **_NARROW,
        num_layers=2,
        num_hidden_layers=4,
        ffn_hidden_size=64,
        expert_ffn_hidden_size=16,
        n_routed_experts=4,
        zero_expert_num=2,
        moe_topk=2,
    ),
    "minimax_m2": causal("MiniMaxM2", head_dim=8, **LOCAL_EXPERTS),
    "olmo": causal("Olmo"),
    "solar_open": causal("SolarOpen", head_dim=8, **ROUTED),
    # encoders that write, some with embeddings of another width than the layers
    "bert": build_model("BertConfig", "BertLMHeadModel", **usual(is_decoder=True)),
    "electra": causal("Electra", is_decoder=True, embedding_size=16),
    "rembert": causal("RemBert", is_decoder=True, input_embedding_size=16, output_embedding_size=24),
    "roberta": causal("Roberta", is_decoder=True),
    # attention windows
    "beam": causal("Beam", head_dim=8, **SLIDING, **EXPERTS, **_GROUPED),
    "cohere2_moe": causal("Cohere2Moe", head_dim=8, **SLIDING, **EXPERTS, num_shared_experts=1),
    "cohere_compass_text": _text(
        "CohereCompass",
        head_dim=8,
        **SLIDING,
        rope_parameters={kind: {"rope_type": "default", "rope_theta": 1e4} for kind in SLIDING["layer_types"]},
    ),
    "doge": causal("Doge", sliding_window=WINDOW, num_experts=4, num_experts_per_tok=2),
    "exaone_moe": causal("ExaoneMoe", **SLIDING, **EXPERTS, num_shared_experts=1, first_k_dense_replace=1, **_GROUPED),
    "flint": causal("Flint", head_dim=8, **SLIDING, **_SHARED),
    "gemma4_unified_text": build_model(
        "Gemma4UnifiedTextConfig",
        "Gemma4UnifiedForCausalLM",
        **usual(head_dim=8, global_head_dim=8, **SLIDING, attention_k_eq_v=True, num_global_key_value_heads=1),
    ),
    "granite_swa": causal("GraniteSWA", **SLIDING),
    "granitemoe_swa": causal("GraniteMoeSWA", **SLIDING, **LOCAL_EXPERTS, shared_intermediate_size=32),
    "kolibri1": causal("Kolibri1", head_dim=8, **SLIDING, **_SHARED, num_local_experts=4),
    "laguna": causal("Laguna", head_dim=8, **SLIDING, **_SHARED),
    "mellum": causal("Mellum", head_dim=8, **SLIDING, **LOCAL_EXPERTS, moe_intermediate_size=16),
    "mimo_v2_flash": causal("MiMoV2Flash", head_dim=8, v_head_dim=8, **SLIDING, **ROUTED),
    "ministral3": causal(
        "Ministral3",
        head_dim=8,
        sliding_window=WINDOW,
        rope_parameters={
            "rope_type": "yarn",
            "rope_theta": 1e4,
            "factor": 4.0,
            "original_max_position_embeddings": 16,
            "llama_4_scaling_beta": 0.5,
            "beta_fast": 32.0,
            "beta_slow": 1.0,
            "mscale": 1.0,
            "mscale_all_dim": 1.0,
        },
    ),
    # sparse attention over tokens and blocks of them
    "axk2": causal("AXK2", **LATENT, **ROUTED, **_INDEXED),
    "big_bird": causal("BigBird", is_decoder=True, attention_type="block_sparse", num_random_blocks=3, block_size=16),
    "dots3_note": build_model(
        "Dots3NoteTextConfig",
        "Dots3NoteForCausalLM",
        **usual(**LATENT, **ROUTED, **_INDEXED, head_dim=8, sliding_window=WINDOW),
    ),
    "glm_moe_dsa": causal("GlmMoeDsa", **LATENT, **ROUTED, **_INDEXED),
    "hy_v4": causal("HYV4", **LATENT, **ROUTED, **_INDEXED),
    "minimax_m3": build_model(
        "MiniMaxM3VLTextConfig",
        "MiniMaxM3VLForCausalLM",
        **usual(
            head_dim=8,
            **LOCAL_EXPERTS,
            shared_intermediate_size=32,
            index_topk_blocks=16,
            index_block_size=4,
            index_local_blocks=1,
            index_n_heads=2,
            index_head_dim=8,
        ),
    ),
    "qwen4_exp": _text(
        "Qwen4Exp",
        **{**LINEAR, "layer_types": ["linear_attention", "indexed_attention"]},
        indexer_n_heads=2,
        indexer_kv_heads=1,
        indexer_head_dim=8,
        indexer_budget=64,
        indexer_compress_ratio=4,
    ),
    # layers that carry a state from token to token
    "bailing_hybrid": causal("BailingHybrid", **_KIMI),
    "falcon_mamba": build_model(
        "FalconMambaConfig", "FalconMambaForCausalLM", hidden_size=32, num_hidden_layers=2, state_size=8
    ),
    "inkling": _text("Inkling", **_INKLING),
    "inkling2": _text("Inkling2", **_INKLING),
    "kimi_linear": causal("KimiLinear", **_KIMI),
    "lfm2_moe": causal("Lfm2Moe", layer_types=["conv", "full_attention"], **EXPERTS, num_dense_layers=1),
    "lfm3": causal(
        "Lfm3",
        head_dim=8,
        num_hidden_layers=3,
        sliding_window=WINDOW,
        layer_types=["conv", "sliding_attention", "full_attention"],
    ),
    "nemotron_h": causal(
        "NemotronH",
        head_dim=8,
        num_hidden_layers=3,
        layers_block_type=["mamba", "attention", "mlp"],
        mamba_num_heads=8,
        mamba_head_dim=8,
        ssm_state_size=8,
        n_groups=2,
        chunk_size=16,
    ),
    "olmo_hybrid": causal("OlmoHybrid", **LINEAR),
    "roformer": causal("RoFormer", is_decoder=True),
    "xlstm": build_model("xLSTMConfig", "xLSTMForCausalLM", hidden_size=32, num_hidden_layers=2, num_heads=4),
    "zamba": causal(
        "Zamba",
        num_hidden_layers=4,
        layers_block_type=["mamba", "hybrid", "mamba", "hybrid"],
        num_key_value_heads=4,
        mamba_d_state=8,
        n_mamba_heads=2,
        mamba_dt_rank=4,
        use_mamba_kernels=False,
        attention_hidden_size=64,
        attention_head_dim=16,
    ),
    "zaya": causal(
        "Zaya", head_dim=8, num_experts=4, num_experts_per_tok=1, moe_intermediate_size=16, router_hidden_size=16
    ),
}

MORE_ENCODER_DECODER: dict[str, Build] = {
    "bigbird_pegasus": build_model(
        "BigBirdPegasusConfig", "BigBirdPegasusForConditionalGeneration", **{**BART, "decoder_start_token_id": 2}
    ),
    "blenderbot-small": build_model("BlenderbotSmallConfig", "BlenderbotSmallForConditionalGeneration", **BART),
    "encoder-decoder": _encoder_decoder,
    "longt5, global blocks": build_model(
        "LongT5Config",
        "LongT5ForConditionalGeneration",
        **T5,
        local_radius=7,
        global_block_size=4,
        encoder_attention_type="transient-global",
    ),
    "pegasus_x": build_model(
        "PegasusXConfig", "PegasusXForConditionalGeneration", **BART, block_size=16, num_global_tokens=4
    ),
    "plbart": build_model(
        "PLBartConfig",
        "PLBartForConditionalGeneration",
        **{**BART, "decoder_start_token_id": None},
        scale_embedding=True,
    ),
}
