"""Help in place: the questions that people have where they stand, each with a short answer that unfolds."""

from __future__ import annotations

from html import escape

_ANSWERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "data": (
        "How many examples do I need, and which?",
        (
            "A few dozen of each answer are a start; a few hundred rows are better. More different examples help more "
            "than more steps over the same ones.",
            "Take them from where the prompt will be used: real messages with their typing errors, not invented ones. "
            "Each row must hold everything that a person would need to give the answer.",
            "A part of the rows is kept aside to judge the result. With 45 such rows a score of 85 % can be 10 points "
            "off either way; with 400 it is 4. For a result that you must rely on, bring more rows.",
        ),
    ),
    "task": (
        "What is a soft prompt?",
        (
            "A prompt in words is turned into rows of numbers before a model reads it. A soft prompt is such rows "
            "without the words: training moves the numbers until the model answers as your examples do.",
            "The model itself stays as it is. So the result is a small file, one model can serve many prompts, and "
            "what the model knows is not lost.",
            "It steers what the model can do already. It teaches it no new facts: what is not in the input, and not "
            "in the model, cannot be answered.",
        ),
    ),
    "model": (
        "Which model should I take?",
        (
            "Begin with the smallest that is on this machine, to see whether your table is right: that takes "
            "minutes. A larger model usually answers better, and is slower in training and in use.",
            "Models that were taught to follow instructions (their names often end in Instruct or it) start ahead. "
            "For other languages than English, take one that was trained on them: its page on the Hub says so.",
            "Whoever uses the prompt later needs the same model. Look at its licence before you build on it.",
        ),
    ),
    "training": (
        "How long should it train?",
        (
            "Quick look shows whether the task can be learned at all. Recommended is for results that you keep. "
            "Thorough pays when the score was still rising at the end: the run's page says so, and an ended run can "
            "be trained on.",
            "You can stop at any time. The best prompt up to then is kept, and closing this page ends nothing.",
        ),
    ),
    "score": (
        "Why is my score low?",
        (
            "Look at the wrong rows first: often the expected answers contradict each other, or the input lacks what "
            "is needed to tell.",
            "Few rows, or few of one answer? More rows of the answers that are confused help most.",
            "Was the score still rising at the end? Train it for more steps. Did the training loss hardly fall? Try a "
            "larger model. Did it rise? Try a lower learning rate.",
            "Compare with the untrained model and, under “Worth it?”, with a written instruction: they tell whether "
            "the task is hard or the prompt is weak.",
        ),
    ),
}
"""Where the question stands → the question, and the paragraphs of its answer."""


def unfolding(place: str) -> str:
    """The question of a place, whose answer unfolds; HTML."""
    question, paragraphs = _ANSWERS[place]
    answer = "".join(f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs)
    return f'<details class="ls-help"><summary>{escape(question)}</summary>{answer}</details>'
