"""Text scores are right in every script, for short answers and for long ones."""

from __future__ import annotations

import unicodedata

import pytest

from lamp.inference.score_tokens import UnicodeTokenizer, bleu_tokenizer
from lamp.inference.scores import generation_scores

SENTENCES = {
    "English": "The film was bright, and its ending even better.",
    "Chinese": "这部电影很好看，结局更精彩。",
    "Japanese": "この映画はとても面白かったです。",
    "Korean": "이 영화는 정말 재미있었습니다.",
    "Russian": "Фильм был хорош, а конец ещё лучше.",
    "Arabic": "كان الفيلم رائعا، وكانت النهاية أفضل.",
    "Hebrew": "הסרט היה טוב מאוד, והסוף היה טוב יותר.",
    "Thai": "หนังเรื่องนี้สนุกมากและตอนจบดีกว่า",
    "Khmer": "ខ្សែភាពយន្តនេះល្អណាស់",
    "Hindi": "फ़िल्म अच्छी थी और उसका अंत और भी अच्छा।",
    "Greek": "Η ταινία ήταν καλή και το τέλος καλύτερο.",
}
FULL = {"exact_match": 1.0, "token_f1": 1.0, "rouge_l": 1.0, "bleu": 100.0}


@pytest.mark.parametrize("language", SENTENCES)
def test_the_same_text_has_the_full_score_in_every_script(language: str) -> None:
    sentence = SENTENCES[language]
    assert generation_scores([sentence] * 3, [sentence] * 3) == pytest.approx(FULL)


@pytest.mark.parametrize("language", SENTENCES)
def test_another_text_in_the_same_script_has_less(language: str) -> None:
    sentence = SENTENCES[language]
    half = sentence[: len(sentence) // 2]
    scores = generation_scores([sentence], [half])
    assert scores["exact_match"] == 0
    assert 0 < scores["rouge_l"] < 1 and 0 < scores["token_f1"] < 1 and 0 <= scores["bleu"] < 100


@pytest.mark.parametrize("answer", ["yes", "42", "да", "不", "ใช่", "good film", "👍", "!", "C++"])
def test_a_short_answer_that_is_right_has_the_full_score(answer: str) -> None:
    assert generation_scores([answer], [answer]) == pytest.approx(FULL)


def test_letters_beyond_ascii_tell_words_apart() -> None:
    scores = generation_scores(["Zürich über Köln"], ["Zärich äber Käln"])
    assert scores["exact_match"] == scores["token_f1"] == scores["rouge_l"] == scores["bleu"] == 0


def test_a_text_is_the_same_however_its_accents_are_composed_and_whatever_blanks_it_has() -> None:
    text = "Zürich über  Köln"
    assert generation_scores([text], [unicodedata.normalize("NFD", f" {text}\n")])["exact_match"] == 1
    assert generation_scores([text], [unicodedata.normalize("NFD", text)])["bleu"] == pytest.approx(100)


def test_case_and_symbols_count_in_exact_match_alone() -> None:
    scores = generation_scores(["-5 degrees"], ["5 Degrees."])
    assert (scores["exact_match"], scores["token_f1"], scores["rouge_l"]) == (0, 1, 1)


def test_scores_of_english_are_those_that_the_field_quotes() -> None:
    """Values of rouge_score's own tokenizer and of sacrebleu's defaults."""
    import sacrebleu
    from rouge_score.rouge_scorer import RougeScorer

    references = ["The film wasn't bad: 2 of 3 liked it.", "Its plot is a bright one, its ending is not."]
    predictions = ["The film was not bad, 2 of 3 liked it.", "The plot is bright, its ending isn't."]
    scores = generation_scores(references, predictions)
    rouge = RougeScorer(["rougeL"])
    pairs = zip(references, predictions, strict=True)
    assert scores["rouge_l"] == sum(rouge.score(*pair)["rougeL"].fmeasure for pair in pairs) / 2
    assert scores["bleu"] == sacrebleu.corpus_bleu(predictions, [references]).score > 0


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Don't stop!", ["don", "t", "stop"]),
        ("我爱 NLP2", ["我", "爱", "nlp2"]),
        ("ที่นี่", ["ที่", "นี่"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("🙂 🙃", ["🙂", "🙃"]),
    ],
)
def test_a_token_is_a_word_or_a_character_of_a_script_without_spaces(text: str, tokens: list[str]) -> None:
    assert UnicodeTokenizer().tokenize(text) == tokens


@pytest.mark.parametrize(
    ("language", "tokenizer"),
    [
        ("English", "13a"),
        ("Russian", "13a"),
        ("Chinese", "zh"),
        ("Japanese", "char"),
        ("Thai", "char"),
        ("Arabic", "intl"),
        ("Korean", "intl"),
    ],
)
def test_bleu_reads_the_tokens_of_the_script(language: str, tokenizer: str) -> None:
    assert bleu_tokenizer([SENTENCES[language], "OK"]) == tokenizer
