"""Tiny random models of many families, each with the layers that its large models have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.tiny import save_tokenizer

WINDOW = 16
"""Tokens in every attention window: fewer than a prompt and an input of the tests have together."""

Build = Callable[[int], Any]
"""From the size of the vocabulary to a model."""

TOKENS: dict[str, Any] = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 1}
SLIDING: dict[str, Any] = {"sliding_window": WINDOW, "layer_types": ["sliding_attention", "full_attention"]}
LINEAR: dict[str, Any] = {
    "head_dim": 8,
    "linear_conv_kernel_dim": 4,
    "linear_key_head_dim": 8,
    "linear_value_head_dim": 8,
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "layer_types": ["linear_attention", "full_attention"],
}
EXPERTS: dict[str, Any] = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16}
LOCAL_EXPERTS: dict[str, Any] = {"num_local_experts": 4, "num_experts_per_tok": 2}
ROUTED: dict[str, Any] = {
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 16,
    "n_shared_experts": 1,
    "first_k_dense_replace": 1,
    "n_group": 1,
    "topk_group": 1,
}
LATENT: dict[str, Any] = {
    "q_lora_rank": 16,
    "kv_lora_rank": 8,
    "qk_rope_head_dim": 4,
    "qk_nope_head_dim": 4,
    "v_head_dim": 16,
    "num_key_value_heads": 4,
}
MAMBA2: dict[str, Any] = {
    "mamba_n_heads": 8,
    "mamba_d_head": 8,
    "mamba_d_state": 8,
    "mamba_expand": 2,
    "mamba_chunk_size": 16,
}
_GPT: dict[str, Any] = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 512}
T5: dict[str, Any] = {
    "d_model": 32,
    "d_kv": 8,
    "d_ff": 64,
    "num_layers": 2,
    "num_heads": 4,
    "decoder_start_token_id": 0,
}
BART: dict[str, Any] = {
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_ffn_dim": 64,
    "decoder_ffn_dim": 64,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "max_position_embeddings": 512,
    "init_std": 0.15,
    "decoder_start_token_id": 1,
}


def usual(**more: Any) -> dict[str, Any]:
    """The sizes that most causal families name alike."""
    sizes = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "initializer_range": 0.15,
    }
    return {**sizes, **more}


def causal(name: str, **more: Any) -> Build:
    """A family whose config takes the usual sizes."""
    return build_model(f"{name}Config", f"{name}ForCausalLM", **usual(**more))


def build_model(config: str, model: str, **values: Any) -> Build:
    def build(vocabulary: int) -> Any:
        import transformers as tf

        return getattr(tf, model)(getattr(tf, config)(**{"vocab_size": vocabulary, **TOKENS, **values}))

    return build


def _gemma4(**more: Any) -> Build:
    layers = ["sliding_attention", "full_attention", "sliding_attention", "full_attention"]
    values = usual(
        head_dim=8, global_head_dim=8, num_hidden_layers=4, sliding_window=WINDOW, layer_types=layers, **more
    )
    return build_model("Gemma4TextConfig", "Gemma4ForCausalLM", **values)


def _gemma3n(vocabulary: int) -> Any:
    layers = ["sliding_attention", "full_attention", "sliding_attention", "full_attention"]
    values = usual(
        head_dim=8,
        num_hidden_layers=4,
        num_kv_shared_layers=2,
        hidden_size_per_layer_input=8,
        vocab_size_per_layer_input=vocabulary,
        sliding_window=WINDOW,
        laurel_rank=8,
        altup_num_inputs=2,
        activation_sparsity_pattern=[0.0] * 4,
        layer_types=layers,
    )
    return build_model("Gemma3nTextConfig", "Gemma3nForCausalLM", **values)(vocabulary)


def _gemma4_shared(vocabulary: int) -> Any:
    shared = {"num_kv_shared_layers": 2, "hidden_size_per_layer_input": 8, "vocab_size_per_layer_input": vocabulary}
    return _gemma4(use_double_wide_mlp=False, **shared)(vocabulary)


def _t5gemma(vocabulary: int) -> Any:
    import transformers as tf

    part = {**usual(head_dim=8, query_pre_attn_scalar=8, sliding_window=WINDOW), **TOKENS, "vocab_size": vocabulary}
    part["model_type"] = "t5_gemma_module"
    decoder = {**part, "cross_attention_hidden_size": 32}
    return tf.T5GemmaForConditionalGeneration(
        tf.T5GemmaConfig(encoder=part, decoder=decoder, vocab_size=vocabulary, **TOKENS)
    )


REFUSED = {
    "electra, both ways": "reads a token together with those that follow",
    "ChameleonForConditionalGeneration": "embeddings of tokens in another way",
    "falcon_h1": "embeddings of tokens in another way",
    "gemma3n": "embeddings of tokens in another way",
    "gemma4, shared keys": "fails on two short rows",
    "marian": "embeddings of tokens in another way",
    "minimax": "its answers are not those to each input alone",
    "mvp": "embeddings of tokens in another way",
    "pegasus": "embeddings of tokens in another way",
    "prophetnet": "rows of unequal length change each other's logits",
    "recurrent_gemma": "rows of unequal length change each other's logits",
    "rwkv": "fails on two short rows",
    "switch_transformers": "fails on two short rows",
}
"""Families that cannot be read exactly, and why; every other one must be read exactly."""

CAUSAL: dict[str, Build] = {
    # attention over everything
    "llama": causal("Llama"),
    "llama, llama3 rotary": causal(
        "Llama",
        tie_word_embeddings=True,
        rope_parameters={
            "rope_type": "llama3",
            "rope_theta": 1e4,
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 64,
        },
    ),
    "llama, yarn rotary": causal(
        "Llama",
        rope_parameters={
            "rope_type": "yarn",
            "rope_theta": 1e4,
            "factor": 4.0,
            "original_max_position_embeddings": 32,
        },
    ),
    "qwen2": causal("Qwen2"),
    "qwen2_moe": causal("Qwen2Moe", **EXPERTS, shared_expert_intermediate_size=16),
    "qwen3": causal("Qwen3", head_dim=8, tie_word_embeddings=True),
    "qwen3_moe": causal("Qwen3Moe", head_dim=8, **EXPERTS),
    "gemma": causal("Gemma", head_dim=8),
    "phi": causal("Phi", partial_rotary_factor=0.5),
    "phi3": causal("Phi3"),
    "gpt2": build_model("GPT2Config", "GPT2LMHeadModel", **_GPT, initializer_range=0.15),
    "gpt_neox": causal("GPTNeoX", rotary_pct=0.25),
    "gptj": build_model("GPTJConfig", "GPTJForCausalLM", **_GPT, rotary_dim=4, initializer_range=0.15),
    "codegen": build_model("CodeGenConfig", "CodeGenForCausalLM", **_GPT, rotary_dim=4, initializer_range=0.15),
    "gpt_bigcode": build_model("GPTBigCodeConfig", "GPTBigCodeForCausalLM", **_GPT, initializer_range=0.15),
    "openai-gpt": build_model("OpenAIGPTConfig", "OpenAIGPTLMHeadModel", **_GPT),
    "ctrl": build_model("CTRLConfig", "CTRLLMHeadModel", **_GPT, dff=64),
    "opt": build_model(
        "OPTConfig",
        "OPTForCausalLM",
        hidden_size=32,
        ffn_dim=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=512,
        word_embed_proj_dim=16,
        do_layer_norm_before=False,
        init_std=0.15,
    ),
    "bloom": build_model(
        "BloomConfig", "BloomForCausalLM", hidden_size=32, n_layer=2, n_head=4, initializer_range=0.15
    ),
    "mpt": build_model(
        "MptConfig", "MptForCausalLM", d_model=32, n_layers=2, n_heads=4, max_seq_len=512, initializer_range=0.15
    ),
    "falcon": causal("Falcon", new_decoder_architecture=True, num_kv_heads=2, alibi=False, ffn_hidden_size=64),
    "falcon, alibi": causal("Falcon", multi_query=False, parallel_attn=False, alibi=True, bias=True),
    "granite": causal("Granite", embedding_multiplier=12.0, logits_scaling=8.0, residual_multiplier=0.22),
    "granitemoe": causal("GraniteMoe", **LOCAL_EXPERTS, embedding_multiplier=12.0),
    "olmo2": causal("Olmo2"),
    "olmoe": causal("Olmoe", num_experts=4, num_experts_per_tok=2),
    "smollm3": causal("SmolLM3", no_rope_layers=[1, 0], tie_word_embeddings=True),
    "deepseek_v2": causal("DeepseekV2", **LATENT, **ROUTED, head_dim=4),
    "deepseek_v3": causal("DeepseekV3", **LATENT, **ROUTED),
    "deepseek_v32": causal("DeepseekV32", **LATENT, **ROUTED, index_topk=64, index_head_dim=8, index_n_heads=2),
    "youtu": causal("Youtu", **LATENT),
    "minicpm3": causal("MiniCPM3", **LATENT, scale_emb=12, scale_depth=1.4, dim_model_base=16),
    "glm4": causal("Glm4", head_dim=8),
    "glm4_moe": causal("Glm4Moe", head_dim=8, **ROUTED),
    "cohere": causal("Cohere"),
    "stablelm": causal("StableLm", partial_rotary_factor=0.25),
    "ernie4_5": causal("Ernie4_5", head_dim=8),
    "hunyuan_v1_dense": causal("HunYuanDenseV1", head_dim=8),
    "nemotron": causal("Nemotron", partial_rotary_factor=0.5),
    "arcee": causal("Arcee"),
    "apertus": causal("Apertus"),
    "seed_oss": causal("SeedOss", head_dim=8),
    "helium": causal("Helium", head_dim=8),
    "bitnet": causal("BitNet"),
    "diffllama": causal("DiffLlama"),
    "nanochat": causal("NanoChat"),
    "persimmon": causal("Persimmon"),
    "xglm": build_model(
        "XGLMConfig",
        "XGLMForCausalLM",
        d_model=32,
        num_layers=2,
        attention_heads=4,
        ffn_dim=64,
        max_position_embeddings=512,
        scale_embedding=True,
        init_std=0.15,
    ),
    "biogpt": causal("BioGpt", scale_embedding=True),
    "electra, both ways": causal("Electra", embedding_size=16),
    # attention windows and chunks
    "mistral": causal("Mistral", sliding_window=WINDOW),
    "mixtral": causal("Mixtral", sliding_window=WINDOW, **LOCAL_EXPERTS),
    "ministral": causal("Ministral", head_dim=8, **SLIDING),
    "qwen2, windows": causal("Qwen2", use_sliding_window=True, sliding_window=WINDOW, max_window_layers=1),
    "gemma2": causal("Gemma2", head_dim=8, query_pre_attn_scalar=8, sliding_window=WINDOW),
    "gemma3": build_model(
        "Gemma3TextConfig", "Gemma3ForCausalLM", **usual(head_dim=8, query_pre_attn_scalar=8, **SLIDING)
    ),
    "gemma4": _gemma4(num_kv_shared_layers=0, hidden_size_per_layer_input=0),
    "gemma4, keys as values": _gemma4(
        num_kv_shared_layers=0,
        hidden_size_per_layer_input=0,
        attention_k_eq_v=True,
        num_global_key_value_heads=1,
        final_logit_softcapping=30.0,
    ),
    "vaultgemma": causal("VaultGemma", head_dim=8, query_pre_attn_scalar=8, sliding_window=WINDOW),
    "phimoe": causal("Phimoe", sliding_window=WINDOW, **LOCAL_EXPERTS),
    "phi3, longrope": causal(
        "Phi3",
        sliding_window=WINDOW,
        original_max_position_embeddings=128,
        rope_parameters={
            "rope_type": "longrope",
            "rope_theta": 1e4,
            "partial_rotary_factor": 1.0,
            "short_factor": [1.0] * 4,
            "long_factor": [2.0] * 4,
            "original_max_position_embeddings": 128,
        },
    ),
    "gpt_neo": build_model(
        "GPTNeoConfig",
        "GPTNeoForCausalLM",
        hidden_size=32,
        num_layers=2,
        num_heads=4,
        intermediate_size=64,
        max_position_embeddings=512,
        attention_types=[[["global", "local"], 1]],
        window_size=WINDOW,
        initializer_range=0.15,
    ),
    "olmo3": causal("Olmo3", **SLIDING),
    "gpt_oss": causal("GptOss", head_dim=8, **SLIDING, **LOCAL_EXPERTS),
    "cohere2": causal("Cohere2", head_dim=8, **SLIDING),
    "starcoder2": causal("Starcoder2", sliding_window=WINDOW),
    "exaone4": causal("Exaone4", **SLIDING),
    "cwm": causal("Cwm", head_dim=8, **SLIDING),
    "dots1": causal("Dots1", head_dim=8, **ROUTED, **SLIDING),
    "afmoe": causal("Afmoe", head_dim=8, **SLIDING, **EXPERTS, num_dense_layers=1),
    "llama4": build_model(
        "Llama4TextConfig",
        "Llama4ForCausalLM",
        **usual(
            head_dim=8,
            intermediate_size_mlp=64,
            num_local_experts=4,
            num_experts_per_tok=1,
            attention_chunk_size=WINDOW,
            no_rope_layers=[1, 0],
            interleave_moe_layer_step=2,
        ),
    ),
    "modernbert-decoder": causal(
        "ModernBertDecoder", sliding_window=WINDOW, local_attention=WINDOW, global_attn_every_n_layers=2
    ),
    # layers that share keys, or read the ids themselves
    "gemma3n": _gemma3n,
    "gemma4, shared keys": _gemma4_shared,
    # layers that carry a state from token to token
    "qwen3_next": causal("Qwen3Next", **LINEAR, **EXPERTS, shared_expert_intermediate_size=16),
    "qwen3_5": build_model("Qwen3_5TextConfig", "Qwen3_5ForCausalLM", **usual(**LINEAR)),
    "lfm2": causal("Lfm2", layer_types=["conv", "full_attention"], block_ff_dim=64),
    "granitemoehybrid": causal(
        "GraniteMoeHybrid",
        layer_types=["mamba", "attention"],
        **MAMBA2,
        **LOCAL_EXPERTS,
        shared_intermediate_size=32,
        position_embedding_type="nope",
    ),
    "granite 4, dense": causal(
        "GraniteMoeHybrid",
        layer_types=["attention", "attention"],
        **MAMBA2,
        num_local_experts=0,
        num_experts_per_tok=0,
        shared_intermediate_size=32,
        position_embedding_type="rope",
        tie_word_embeddings=True,
    ),
    "falcon_h1": causal(
        "FalconH1",
        head_dim=8,
        mamba_d_ssm=32,
        mamba_n_heads=4,
        mamba_d_head=8,
        mamba_d_state=8,
        mamba_n_groups=1,
        mamba_expand=1,
        mamba_chunk_size=16,
        embedding_multiplier=5.6,
    ),
    "bamba": causal("Bamba", attn_layer_indices=[1], **MAMBA2),
    "jamba": causal(
        "Jamba",
        attn_layer_period=2,
        attn_layer_offset=1,
        expert_layer_period=2,
        expert_layer_offset=1,
        num_experts=4,
        num_experts_per_tok=2,
        mamba_d_state=8,
        mamba_dt_rank=4,
        use_mamba_kernels=False,
    ),
    "minimax": causal(
        "MiniMax", head_dim=8, **LOCAL_EXPERTS, layer_types=["linear_attention", "full_attention"], block_size=16
    ),
    "mamba": build_model("MambaConfig", "MambaForCausalLM", hidden_size=32, num_hidden_layers=2, state_size=8),
    "mamba2": build_model(
        "Mamba2Config",
        "Mamba2ForCausalLM",
        hidden_size=32,
        num_hidden_layers=2,
        state_size=8,
        num_heads=8,
        head_dim=8,
        n_groups=1,
        chunk_size=16,
    ),
    "recurrent_gemma": build_model(
        "RecurrentGemmaConfig",
        "RecurrentGemmaForCausalLM",
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=1,
        head_dim=8,
        lru_width=32,
        attention_window_size=WINDOW,
    ),
    "rwkv": build_model("RwkvConfig", "RwkvForCausalLM", hidden_size=32, num_hidden_layers=2, attention_hidden_size=32),
    "zamba2": causal(
        "Zamba2",
        num_hidden_layers=3,
        layers_block_type=["mamba", "hybrid", "mamba"],
        mamba_d_state=8,
        mamba_ngroups=1,
        n_mamba_heads=8,
        mamba_headdim=8,
        num_mem_blocks=1,
        hybrid_layer_ids=[1],
        chunk_size=16,
        use_mamba_kernels=False,
    ),
}

ENCODER_DECODER: dict[str, Build] = {
    "t5": build_model("T5Config", "T5ForConditionalGeneration", **T5),
    "flan-t5": build_model(
        "T5Config", "T5ForConditionalGeneration", **T5, feed_forward_proj="gated-gelu", tie_word_embeddings=False
    ),
    "t5, deeper decoder": build_model("T5Config", "T5ForConditionalGeneration", **T5, num_decoder_layers=4),
    "mt5": build_model("MT5Config", "MT5ForConditionalGeneration", **T5),
    "umt5": build_model("UMT5Config", "UMT5ForConditionalGeneration", **T5),
    "longt5": build_model("LongT5Config", "LongT5ForConditionalGeneration", **T5, local_radius=7),
    "switch_transformers": build_model(
        "SwitchTransformersConfig",
        "SwitchTransformersForConditionalGeneration",
        **T5,
        num_decoder_layers=2,
        num_experts=4,
        num_sparse_encoder_layers=1,
        num_sparse_decoder_layers=1,
        expert_capacity=512,
    ),
    "t5gemma": _t5gemma,
    "bart": build_model("BartConfig", "BartForConditionalGeneration", **BART, forced_eos_token_id=1),
    "mbart": build_model(
        "MBartConfig",
        "MBartForConditionalGeneration",
        **{**BART, "decoder_start_token_id": None},
        scale_embedding=True,
    ),
    "pegasus": build_model("PegasusConfig", "PegasusForConditionalGeneration", **BART, scale_embedding=True),
    "marian": build_model("MarianConfig", "MarianMTModel", **BART, scale_embedding=True),
    "mvp": build_model("MvpConfig", "MvpForConditionalGeneration", **BART, scale_embedding=True),
    "m2m_100": build_model("M2M100Config", "M2M100ForConditionalGeneration", **BART, scale_embedding=True),
    "blenderbot": build_model("BlenderbotConfig", "BlenderbotForConditionalGeneration", **BART),
    "led": build_model(
        "LEDConfig",
        "LEDForConditionalGeneration",
        **BART,
        max_encoder_position_embeddings=512,
        max_decoder_position_embeddings=512,
        attention_window=[8, 8],
    ),
    "prophetnet": build_model(
        "ProphetNetConfig",
        "ProphetNetForConditionalGeneration",
        hidden_size=32,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        num_encoder_layers=2,
        num_decoder_layers=2,
        num_encoder_attention_heads=4,
        num_decoder_attention_heads=4,
        max_position_embeddings=512,
        decoder_start_token_id=1,
        init_std=0.15,
    ),
}


def save_family(folder: Path, name: str) -> Path:
    """A tiny random model of a family and its tokenizer."""
    return save_model(folder, (CAUSAL | ENCODER_DECODER)[name], encoder_decoder=name in ENCODER_DECODER)


def save_model(folder: Path, build: Build, *, encoder_decoder: bool = False) -> Path:
    """A tiny random model and its tokenizer; weights that begin as zeros are random as well."""
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = save_tokenizer(folder, encoder_decoder=encoder_decoder)
    torch.manual_seed(0)
    model = build(vocabulary).float()
    with torch.no_grad():
        for weight in model.parameters():
            if not torch.isfinite(weight).all():  # some families leave weights for their checkpoints to fill
                weight.normal_(0, 0.1)
            elif weight.numel() > 1 and weight.std() < 1e-4:
                weight.add_(torch.randn_like(weight) * 0.1)
    model.save_pretrained(folder)
    return folder
