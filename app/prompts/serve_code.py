"""Programs that ask a served prompt, through the API of OpenAI's clients."""

from __future__ import annotations

import json
import shlex

from app.prompts.prompt_use import PromptUse, messages

PYTHON, CURL = "OpenAI client", "curl"
PROGRAMS = (PYTHON, CURL)


def serve_code(use: PromptUse, model: str, program: str) -> str:
    """One of PROGRAMS, which prints the answer to the row. model: what the prompt is called."""
    if program == CURL:
        body = json.dumps({"model": model, "messages": messages(use.row)}, ensure_ascii=False, indent=2)
        address = shlex.quote(f"{use.address}/v1/chat/completions")
        token = ' \\\n  -H "Authorization: Bearer $STUDIO_TOKEN"' if use.needs_token else ""
        return f"curl {address}{token} \\\n  -H 'Content-Type: application/json' \\\n  -d {shlex.quote(body)}\n"
    needs, key = ("import os\n\n", 'os.environ["STUDIO_TOKEN"]') if use.needs_token else ("", '"none"')
    labels = "\nprint(answer.choices[0].label_probabilities)" if use.kind.labels else ""
    return (
        f"# pip install openai\n{needs}from openai import OpenAI\n\n"
        f"client = OpenAI(base_url={json.dumps(use.address + '/v1')}, api_key={key})\n"
        f"messages = {json.dumps(messages(use.row), ensure_ascii=False)}\n"
        f"answer = client.chat.completions.create(model={json.dumps(model, ensure_ascii=False)}, messages=messages)\n"
        f"print(answer.choices[0].message.content){labels}\n"
    )
