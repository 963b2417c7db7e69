"""The Modelfile with which Ollama runs a GGUF file with a prompt."""

from __future__ import annotations

import json
from typing import Any

from lamp.data.chat import ChatAffixes, chat_pieces
from lamp.export.virtual_vocabulary import VirtualVocabulary


def modelfile(file_name: str, vocabulary: VirtualVocabulary, tokenizer: Any, chat: ChatAffixes, new_tokens: int) -> str:
    """Returns the text of a Modelfile. tokenizer: the backbone's own, with its chat template."""
    return (
        f"FROM ./{file_name}\n"
        f"TEMPLATE {_quoted(template(vocabulary, tokenizer, chat))}\n"
        "PARAMETER temperature 0\n"
        f"PARAMETER num_predict {new_tokens}\n"
    )


def template(vocabulary: VirtualVocabulary, tokenizer: Any, chat: ChatAffixes) -> str:
    """Returns a Go template that writes an input as in training.

    In a chat, messages of user and assistant take turns; a system message is left out. If the backbone's template does
    not write turns one after the other, and for plain text, only the last message is read.
    """
    before, after = _literal(vocabulary.before + chat.prefix), _literal(chat.suffix or vocabulary.after)
    pieces = chat_pieces(tokenizer, ["user", "assistant", "user"]) if any(chat) else None
    if pieces is None or (pieces[0], pieces[1], pieces[3]) != (chat.prefix, chat.suffix, chat.suffix):
        return f"{before}{{{{ .Prompt }}}}{after}"
    return (
        f"{before}{{{{ range .Messages }}}}"
        f'{{{{ if eq .Role "user" }}}}{{{{ .Content }}}}{after}'
        f'{{{{ else if eq .Role "assistant" }}}}{{{{ .Content }}}}{_literal(pieces[2])}'
        "{{ end }}{{ end }}"
    )


def _literal(text: str) -> str:
    """Escapes a text for a Go template."""
    return text if "{{" not in text else f"{{{{ {json.dumps(text)} }}}}"


def _quoted(text: str) -> str:
    """Quotes a multi-line value of a Modelfile, which cannot contain three quotation marks."""
    return '"""' + text.replace('"""', '{{ "\\"\\"\\"" }}') + '"""'
