"""A model that does one task unless it is told otherwise learns, by a prompt alone, to do the other untold."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch

from lamp.config import DataConfig, LampConfig, TrainConfig, TuneConfig
from lamp.data.splits import Example, Splits
from lamp.training.train import train
from tests.tiny import save_tokenizer
from tests.unit.training import Recorder

WORDS = ("plot", "acting", "ending", "music", "dull", "bright", "good", "bad")
TOLD = {"": 0, "summary :": -1}
"""Instruction → which of the words it asks for; without one, the first."""


def texts(rng: random.Random, count: int) -> list[list[str]]:
    return [[rng.choice(WORDS) for _ in range(4)] for _ in range(count)]


@pytest.fixture(scope="module")
def obedient_t5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny T5 trained until it gives the first word of its input, and the last one when it is asked for that."""
    import transformers as tf

    folder = tmp_path_factory.mktemp("backbones") / "obedient-t5"
    vocabulary = save_tokenizer(folder, encoder_decoder=True)
    tokenizer = tf.AutoTokenizer.from_pretrained(folder)
    torch.manual_seed(0)
    model = tf.T5ForConditionalGeneration(
        tf.T5Config(
            vocab_size=vocabulary,
            d_model=64,
            d_kv=16,
            d_ff=128,
            num_layers=2,
            num_heads=4,
            dropout_rate=0.0,
            decoder_start_token_id=0,  # type: ignore[call-arg]  # one of those that PretrainedConfig takes
            pad_token_id=0,
            eos_token_id=1,
        )
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    rng = random.Random(0)
    for _ in range(2000):
        asked = [(*rng.choice(list(TOLD.items())), words) for words in texts(rng, 64)]
        inputs = tokenizer([f"{told} {' '.join(words)}" for told, _, words in asked], return_tensors="pt", padding=True)
        labels = tokenizer([words[place] for _, place, words in asked], return_tensors="pt", padding=True).input_ids
        loss = model(**inputs, labels=labels.masked_fill(labels == 0, -100)).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if loss.item() < 0.01:
            model.save_pretrained(folder)
            return folder
    raise AssertionError(f"The model did not learn its own task: its loss is still {loss.item():.3f}.")


@pytest.mark.slow
def test_a_frozen_t5_learns_a_second_task_from_chance_to_95_percent_by_lamp_alone(
    obedient_t5: Path, tmp_path: Path
) -> None:
    rng = random.Random(1)
    examples = [Example(" " + " ".join(words), words[-1], "") for words in texts(rng, 1200)]
    labels = {word: sum(example.target == word for example in examples) for word in WORDS}
    splits = Splits(tuple(examples[:1000]), tuple(examples[1000:]), "classification", labels, 0)
    config = TuneConfig(
        backbone=str(obedient_t5),
        data=DataConfig(("text",), "label"),
        lamp=LampConfig(prompt_length=10, rank=4, pooling=5),
        train=TrainConfig(
            steps=300, batch_size=32, learning_rate=0.1, evaluate_every=100, checkpoint_every=300, precision="fp32"
        ),
    )
    before = {path.name: path.read_bytes() for path in obedient_t5.iterdir()}
    result = train(config, splits, Recorder(), tmp_path)
    assert result.final.untrained_scores["accuracy"] < 0.25, "right only where the first word is the last one, too"
    assert result.final.scores["accuracy"] >= 0.95
    assert before == {path.name: path.read_bytes() for path in obedient_t5.iterdir()}
