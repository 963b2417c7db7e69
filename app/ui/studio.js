(() => {
  // An address that names a run leads to that run, from whichever page.
  const here = new URL(location);
  const asked = here.searchParams.get("run");
  if (asked && !/\/runs\/?$/.test(here.pathname)) {
    location.replace(new URL("runs?run=" + encodeURIComponent(asked), here));
    return;
  }
  // A page that nobody sees asks for nothing: these two buttons stop and start its timer.
  document.addEventListener("visibilitychange", () => {
    document.querySelector(document.hidden ? "#ls-sleep" : "#ls-wake")?.click();
  });
  // Whether anybody has done anything on this page: until then it chooses its tabs itself.
  ["pointerdown", "keydown"].forEach((name) => addEventListener(name, () => { window.lampActed = true; }, true));
  // Coming back to a form that was already sent: show it fresh.
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

  // The list of runs comes after the page: whoever comes back to it is brought to where they were once it is there.
  const isList = (address) => /\/runs\/?$/.test(address.pathname) && !address.searchParams.has("run");
  if (isList(here)) {
    addEventListener("pagehide", () => history.replaceState({ ...history.state, lampScroll: scrollY }, ""));
    const goBack = (top, tries) => {
      if (document.documentElement.scrollHeight >= top + innerHeight) scrollTo(0, top);
      else if (tries) setTimeout(goBack, 100, top, tries - 1);
    };
    if (history.state?.lampScroll) goBack(history.state.lampScroll, 300);
  }
  const cameFromList = () => document.referrer.startsWith(location.origin) && isList(new URL(document.referrer));

  // A problem beside Start leads to its field: its step is opened, the section that hides it too.
  const goTo = (selector, tries) => {
    const field = document.querySelector(selector);
    if (field?.offsetParent) {
      field.scrollIntoView({ block: "center" });
      field.querySelector("input:checked, input, textarea")?.focus({ preventScroll: true });
      return;
    }
    const closed = "#stepper .tabitem button.label-wrap:not(.open)";
    document.querySelectorAll(closed).forEach((button) => { if (button.offsetParent) button.click(); });
    if (tries) setTimeout(goTo, 100, selector, tries - 1);
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a");
    if (link?.dataset.step) {
      event.preventDefault();
      document.querySelectorAll("#stepper [role=tab]")[link.dataset.step]?.click();
      goTo(link.getAttribute("href"), 20);
    } else if (link?.matches(".ls-up") && cameFromList()) {
      event.preventDefault();
      history.back();
    }
  });
  // Gradio gives every radio button a name of its own, and again after each choice: browsers then know no group, so
  // that arrow keys do nothing and Tab stops at every button. With one name a group is one stop, at what is chosen.
  let groups = 0, tabbing = false;
  const isRadio = (element) => element?.matches?.(".gradio-container .wrap > label > input[type=radio]");
  const join = (radio) => {
    const group = radio.closest(".wrap");
    group.dataset.radios ||= "radios-" + ++groups;
    group.querySelectorAll("input[type=radio]").forEach((one) => { one.name = group.dataset.radios; });
    return group;
  };
  document.addEventListener("mousedown", () => { tabbing = false; }, true);
  document.addEventListener("keydown", (event) => {
    tabbing = event.key === "Tab";
    if (isRadio(event.target)) join(event.target);
  }, true);
  document.addEventListener("focusin", (event) => {
    if (!isRadio(event.target)) return;
    const group = join(event.target);
    if (tabbing && !group.contains(event.relatedTarget)) group.querySelector("input:checked")?.focus();
  });
  // What a style sheet shows of a field's problem is told to screen readers as well. A step's fields come to the page
  // when it is opened, so the page is looked at again whenever it has changed.
  const tell = () => {
    const island = document.querySelector("[data-problems]");
    const problems = island ? JSON.parse(island.dataset.problems) : {};
    document.querySelectorAll("[data-told]").forEach((input) => {
      if (!Object.keys(problems).some((field) => input.closest(field))) {
        ["data-told", "aria-invalid", "aria-description"].forEach((name) => input.removeAttribute(name));
      }
    });
    for (const [field, problem] of Object.entries(problems)) {
      document.querySelectorAll(`${field} input, ${field} textarea`).forEach((input) => {
        if (input.dataset.told === problem) return;
        input.dataset.told = problem;
        input.setAttribute("aria-invalid", "true");
        input.setAttribute("aria-description", problem);
      });
    }
    document.querySelectorAll(".cm-scroller[tabindex='-1']").forEach((code) => { code.tabIndex = 0; });
  };
  let telling = 0;
  new MutationObserver(() => { telling ||= setTimeout(() => { telling = 0; tell(); }, 200); })
    .observe(document.documentElement, { childList: true, subtree: true });
  // Gradio answers Shift+Enter by itself.
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.closest?.(".ls-try"))
      document.querySelector("#answer")?.click();
  });
  // Copies what an element shows, and says so on the button; browsers keep the clipboard from pages without https.
  window.lampCopy = async (selector, button) => {
    const text = document.querySelector(selector)?.innerText ?? "";
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const box = document.body.appendChild(Object.assign(document.createElement("textarea"), { value: text }));
      box.select();
      document.execCommand("copy");
      box.remove();
    }
    const said = document.querySelector(button), name = said.textContent;
    said.textContent = "Copied";
    setTimeout(() => { said.textContent = name; }, 1500);
  };
  // Gradio's text boxes cannot ask for a phone's number keys.
  document.addEventListener("focusin", (event) => {
    if (event.target.closest?.(".ls-number")) event.target.inputMode = "decimal";
  });
})();
