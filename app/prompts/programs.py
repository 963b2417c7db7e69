"""Whole programs that answer one row with an exported prompt, one for each way to use it."""

from __future__ import annotations

import json

from app.prompts.prompt_use import PromptUse, literal, messages
from app.prompts.python_code import python_program

PEFT, TRANSFORMERS, COMMAND, API, SERVE = "PEFT", "transformers", "Command line", "HTTP API", "OpenAI client"
WAYS = (PEFT, TRANSFORMERS, COMMAND, API, SERVE)


def program(use: PromptUse, way: str) -> str:
    """Returns the program for one of WAYS, which prints the answer to the row."""
    if way == COMMAND:
        row = {**use.row, use.data.target_column: ""}  # a table has two columns at least
        return _COMMAND.format(folder=use.folder, row=json.dumps(row, ensure_ascii=False))
    if way == API:
        address, (needs, shown) = literal(use.address), (_TOKEN if use.needs_token else ("", ""))
        return _API.format(needs=needs, address=address + shown, run=use.run, row=literal(use.row))
    if way == SERVE:
        shown = "\nprint(answer.choices[0].label_probabilities)" if use.kind.labels else ""
        return _SERVE.format(folder=use.folder, messages=literal(messages(use.row)), shown=shown)
    return python_program(use, alone=way == TRANSFORMERS)


_COMMAND = """# In the studio's folder, or anywhere after "pip install ." in it
python -m zipfile -e {folder}.zip {folder}
cat > rows.jsonl <<'END'
{row}
END
python -m lamp predict {folder} --data rows.jsonl
"""
_SERVE = """# In a terminal, in the studio's folder, or anywhere after "pip install ." in it:
#   python -m zipfile -e {folder}.zip {folder}
#   python -m lamp serve {folder}
# pip install openai
from openai import OpenAI

client = OpenAI(base_url="http://127.0.0.1:8000/v1", api_key="none")
messages = {messages}
answer = client.chat.completions.create(model="{folder}", messages=messages)
print(answer.choices[0].message.content){shown}
"""
_TOKEN = (
    "import os\n\n",
    ', headers={"Authorization": "Bearer " + os.environ["STUDIO_TOKEN"]}',  # made on the Access page
)
"""An import, and an argument, for studios where people sign in."""
_API = """# pip install gradio_client
{needs}from gradio_client import Client

studio = Client({address})
row = {row}
answers = studio.predict("{run}", [row], api_name="/try")
print(answers[0]["tuned"])
"""
