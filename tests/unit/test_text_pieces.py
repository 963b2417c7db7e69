"""Pieces of a growing text, which no later token changes."""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models
from transformers import PreTrainedTokenizerFast

from lamp.inference.text_pieces import TextPieces

CLEANED = ["a", "n't", ".", ",", "'", "'s", "b", "!", "re", "?"]


@cache
def byte_level() -> Any:
    """A token for each byte, as GPT-2 and its heirs have them."""
    from tokenizers.pre_tokenizers import ByteLevel

    vocabulary = {letter: number for number, letter in enumerate(sorted(ByteLevel.alphabet()))}
    core = Tokenizer(models.BPE(vocabulary, []))
    core.decoder = decoders.ByteLevel()
    core.pre_tokenizer = ByteLevel(add_prefix_space=False)
    return PreTrainedTokenizerFast(tokenizer_object=core)


@cache
def byte_fallback() -> Any:
    """Words, and a token for each byte of others, as Llama 2 and T5's heirs have them."""
    words = ["▁", "▁good", "film", "中", "▁.", "▁end"]
    vocabulary = {token: number for number, token in enumerate([*(f"<0x{byte:02X}>" for byte in range(256)), *words])}
    core = Tokenizer(models.BPE(vocabulary, [], byte_fallback=True))
    core.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=core)


@cache
def cleaning() -> Any:
    """Words whose spaces are cleaned up when a text is decoded, as BERT's heirs have them."""
    core = Tokenizer(models.WordLevel({word: number for number, word in enumerate(CLEANED)}, unk_token="a"))
    return PreTrainedTokenizerFast(tokenizer_object=core, clean_up_tokenization_spaces=True)


def pieces_of(tokenizer: Any, ids: list[int], stops: tuple[str, ...] = ()) -> tuple[list[str], TextPieces]:
    growing = TextPieces(tokenizer, stops)
    pieces = []
    for token in ids:
        pieces.append(growing.take(token))
        if growing.stopped:
            break
    return [*pieces, growing.end()], growing


def check(tokenizer: Any, ids: list[int]) -> None:
    pieces, growing = pieces_of(tokenizer, ids)
    assert "".join(pieces) == growing.text == tokenizer.decode(ids, skip_special_tokens=True).strip()


@given(st.lists(st.integers(0, 255), max_size=30))
def test_pieces_of_any_bytes_joined_are_the_text(ids: list[int]) -> None:
    check(byte_level(), ids)


@given(st.lists(st.integers(0, 261) | st.sampled_from([0xE4, 0xB8, 0xAD, 256, 257]), max_size=20))
def test_pieces_of_words_and_single_bytes_joined_are_the_text(ids: list[int]) -> None:
    check(byte_fallback(), ids)


@given(st.lists(st.integers(0, len(CLEANED) - 1), max_size=20))
def test_pieces_of_a_text_whose_spaces_are_cleaned_up_joined_are_the_text(ids: list[int]) -> None:
    check(cleaning(), ids)


@given(st.text(alphabet="ab 中é\U0001f600\n", max_size=20))
def test_no_character_is_cut_in_half(text: str) -> None:
    ids = byte_level()(text).input_ids
    pieces, _ = pieces_of(byte_level(), ids)
    assert "".join(pieces) == text.strip()
    assert not any("\ufffd" in piece for piece in pieces)


@given(st.text(alphabet="ab\n ", max_size=30), st.sampled_from([("ab",), ("a\n", "bb"), ("\n",), ("aab", "b b")]))
def test_a_text_ends_before_the_first_stop_and_no_piece_holds_any_of_it(text: str, stops: tuple[str, ...]) -> None:
    pieces, growing = pieces_of(byte_level(), byte_level()(text).input_ids, stops)
    # The first stop to be complete ends the text, before which a longer one may have begun.
    ends = [text.find(stop) + len(stop) for stop in stops if stop in text]
    seen = text[: min(ends)] if ends else text
    starts = [seen.find(stop) for stop in stops if stop in seen]
    assert "".join(pieces) == (seen[: min(starts)] if starts else text).strip()
    assert growing.stopped is bool(ends)


def test_pieces_come_while_the_text_is_written() -> None:
    ids = byte_level()("one two 中 three").input_ids
    pieces, _ = pieces_of(byte_level(), ids)
    assert [piece for piece in pieces if piece] == ["o", "n", "e", " t", "w", "o", " 中", " t", "h", "r", "e", "e"]
