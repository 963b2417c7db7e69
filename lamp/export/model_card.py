"""The README of an exported prompt: what it is, its scores, and the code that loads it."""

from __future__ import annotations

import json
import re
from importlib.metadata import version

from lamp.config import TuneConfig
from lamp.data.columns import Template
from lamp.data.source import DataSource
from lamp.export.markdown import code, plain
from lamp.training.factors_file import FACTORS_FILE
from lamp.training.final_scores import FinalScores
from lamp.training.result import TrainResult

_CARD = """---
{base_model}{datasets}library_name: peft
pipeline_tag: text-generation
tags:
- prompt-tuning
- lamp
- lamp-studio
---

# {title}

A soft prompt of {virtual} virtual tokens for {link}, trained with LAMP in LAMP Studio. The model itself
is unchanged: put these {virtual} vectors before its input, and it does the task.
{trained_on}
| | |
| --- | --- |
| task | {task} |
| trained numbers | {trainable:,}: rank {rank}, {length} tokens pooled by {pooling}, {interactions} interactions |
| training | {steps} steps, batches of {batch}, learning rate {rate:g}{found}, seed {seed} |
| prompt of | step {best_step}, the best one on the validation rows |{commit}{weights}

## Scores on {rows} {part} rows

{chosen}

| score | this prompt | the untrained model |
| --- | --- | --- |
{scores}
{vote}{per_label}
## Use it

It loads with `transformers` and `peft` alone; it was made with {versions}, with which LAMP Studio is tested:

```python
from peft import PeftModel
from transformers import {auto}, AutoTokenizer{caches}

base = {base}
tokenizer = AutoTokenizer.from_pretrained(base)
model = PeftModel.from_pretrained({auto}.from_pretrained(base), "path/or/repository/of/this/prompt")

text = {example!r}
inputs = tokenizer(text, return_tensors="pt"{special})
output = model.generate(**inputs, max_new_tokens={new_tokens}, do_sample=False{cache})
print(tokenizer.decode({answer}, skip_special_tokens=True))
```

Write the input in the same form as above: the prompt was trained on it.{labels}

`{factors}` holds the factors U, q and V that the virtual tokens are composed from, `lamp_config.json` their shape,
`recipe.json` the recipe that it was trained with{repeated}.
"""

_CHOSEN = {
    "test": "No row was learned from, and none had a part in choosing the prompt.",
    "validation": "No row was learned from, but the prompt was chosen by these rows, which flatters it a little.",
}


def model_card(result: TrainResult, config: TuneConfig, source: DataSource | None = None, commit: str = "") -> str:
    """Returns Markdown with the Hub's front matter; it quotes no row of the data set.

    source: the data set on the Hub that it was trained on; commit: of the backbone on the Hub, "" if unknown.
    """
    lamp, training = config.lamp, config.train
    text = Template.of(config.data).render({column: f"{{{column}}}" for column in config.data.input_columns})
    on_hub = re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", config.backbone) is not None
    labels = f"\nThe labels are {', '.join(map(code, result.labels))}." if result.labels else ""
    return _CARD.format(
        base=_quoted(config.backbone),
        # The Hub refuses a card whose base model is a path.
        base_model=f"base_model: {_quoted(config.backbone)}\n" if on_hub else "",
        datasets=f"datasets:\n- {_quoted(source.id)}\n" if source else "",
        trained_on=f"\n{_trained_on(source)}\n" if source else "",
        link=f"[{config.backbone}](https://huggingface.co/{config.backbone})" if on_hub else code(config.backbone),
        title=plain(f"{config.data.target_column} from {', '.join(config.data.input_columns)}"),
        virtual=len(result.virtual_tokens),
        task=result.task,
        trainable=lamp.trainable_parameters(result.token_dim),
        rank=lamp.rank,
        length=lamp.prompt_length,
        pooling=lamp.pooling,
        interactions=lamp.interactions,
        steps=result.step,
        batch=training.batch_size,
        rate=result.learning_rate,
        found=" (found by trying several)" if training.learning_rate == "found" else "",
        seed=training.seed,
        best_step=result.best_step,
        scores=_scores(result.final),
        vote=_vote(result),
        rows=result.final.rows,
        part=result.final.part,
        chosen=_CHOSEN[result.final.part],
        per_label=_per_label(result.final),
        auto=result.auto_class,
        # That of transformers' own for T5 counts the layers of the encoder.
        caches=", DynamicCache, EncoderDecoderCache" if result.encoder_decoder else "",
        cache=", past_key_values=EncoderDecoderCache(DynamicCache(), DynamicCache())" if result.encoder_decoder else "",
        example=result.chat.prefix + text + result.chat.suffix,
        weights=""
        if training.quantization == "none"
        else f"\n| backbone while training | its weights stored in {training.quantization.removesuffix('bit')} bits |",
        special=", add_special_tokens=False" if any(result.chat) else "",
        new_tokens=config.data.max_target_tokens,  # no label is longer
        commit=f"\n| backbone at revision | `{commit}` |" if commit else "",
        versions=" and ".join(f"{name} {version(name)}" for name in ("peft", "transformers", "torch")).replace(
            " and ", ", ", 1
        ),
        answer="output[0]" if result.encoder_decoder else 'output[0, inputs["input_ids"].shape[1]:]',
        labels=labels,
        factors=FACTORS_FILE,
        repeated=_repeated(commit, source),
    )


def _scores(final: FinalScores) -> str:
    """Returns the lines of the table of scores."""
    return "\n".join(
        f"| {name.replace('_', ' ')} | {value:.4g} | {_number(final.untrained_scores.get(name))} |"
        for name, value in final.scores.items()
    )


def _per_label(final: FinalScores) -> str:
    """Returns the table of the labels' scores; empty for generation."""
    lines = [
        f"| {plain(score.label)} | {score.rows} | {score.precision:.4g} | {score.recall:.4g} | {score.f1:.4g} |\n"
        for score in (final.confusion.per_label() if final.confusion else ())
    ]
    if not lines:
        return ""
    return f"\n| label | rows | precision | recall | F1 |\n| --- | --- | --- | --- | --- |\n{''.join(lines)}"


def _vote(result: TrainResult) -> str:
    """Returns the paragraph about the prompts that vote with this one; empty without any."""
    if not result.voters:
        return ""
    scores = [f"{name.replace('_', ' ')} {value:.4g}" for name, value in (result.final.vote_scores or {}).items()]
    told = f": {', '.join(scores)}" if scores else ""
    return (
        f"\n`voters/` holds {len(result.voters)} more prompts of the run. Labels can be picked by the mean of their "
        f"probabilities and this prompt's (`python -m lamp predict --vote`){told}.\n"
    )


def _repeated(commit: str, source: DataSource | None) -> str:
    """Returns the paragraph about the origins that recipe.json names."""
    known = [name for name, value in (("model", commit), ("data", source)) if value]
    return f", and the revision of the {' and of the '.join(known)} on the Hub" if known else ""


def _trained_on(source: DataSource) -> str:
    return (
        f"Trained on [{source.id}](https://huggingface.co/datasets/{source.id}), subset {code(source.subset)}, "
        f"split {code(source.split)}, revision `{source.revision}`."
    )


def _quoted(text: str) -> str:
    """Returns a text in quotation marks, valid in YAML and Python."""
    return json.dumps(text, ensure_ascii=False)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
