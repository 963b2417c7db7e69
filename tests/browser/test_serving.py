"""A person turns serving on, a program asks, and the person ends it."""

from __future__ import annotations

import openai
import pytest
from openai import OpenAI
from playwright.sync_api import Page, expect

from storage.jobs import Job
from tests.browser import pages
from tests.browser.studio import RunningStudio
from tests.browser.test_trying import trained

__all__ = ["trained"]


@pytest.mark.slow
def test_a_prompt_is_served_asked_and_served_no_longer(page: Page, studio: RunningStudio, trained: Job) -> None:
    pages.open_run(page, trained.id, "Use it")
    state, listed = page.locator("#serve-state"), page.locator("#served-list")
    expect(state).to_contain_text("Not served.")
    expect(listed).to_contain_text("No prompt is served.")
    page.locator("#serve").click()
    expect(state).to_contain_text("Requests wait until the model is loaded")
    expect(state).to_contain_text("Programs ask it as the model films. Its model is in memory.", timeout=120_000)
    expect(page.locator("#serve-program")).to_contain_text(f'base_url="{studio.url}/v1"')
    expect(page.locator("#serve-program")).to_contain_text('model="films"')

    client = OpenAI(base_url=f"{studio.url}/v1", api_key="none", max_retries=0)
    (model,) = client.models.list()
    answer = client.chat.completions.create(model=model.id, messages=[{"role": "user", "content": "the film was good"}])
    shares = answer.choices[0].label_probabilities  # type: ignore[attr-defined]
    assert answer.choices[0].message.content == max(shares, key=shares.__getitem__)

    page.reload()
    expect(listed.locator("tbody tr")).to_have_count(1)
    expect(listed.locator("[data-label=Requests]")).to_have_text("1")
    listed.get_by_role("button", name="Stop serving films").click()
    expect(state).to_contain_text("Not served.")
    expect(page.locator("#serve-program")).to_be_hidden()
    with pytest.raises(openai.NotFoundError, match="no prompt is served yet"):
        client.chat.completions.create(model="films", messages=[{"role": "user", "content": "the film was good"}])
