(() => {
  // An address that names a run leads to that run, from whichever page.
  const here = new URL(location);
  const asked = here.searchParams.get("run");
  if (asked && !/\/runs\/?$/.test(here.pathname)) {
    location.replace(new URL("runs?run=" + encodeURIComponent(asked), here));
    return;
  }
  // Gradio tells screen readers the browser's language, but the page is in one that it was sent in.
  const root = document.documentElement, spoken = window.gradio_config?.language ?? "en";
  const tellLanguage = () => { if (root.lang.split("-")[0] !== spoken) root.lang = spoken; };
  new MutationObserver(tellLanguage).observe(root, { attributes: true, attributeFilter: ["lang"] });
  tellLanguage();
  // A page that nobody sees asks for nothing: these two buttons stop and start its timer.
  document.addEventListener("visibilitychange", () => {
    document.querySelector(document.hidden ? "#ls-sleep" : "#ls-wake")?.click();
  });
  // Whether anybody has done anything on this page: until then it chooses its tabs itself.
  ["pointerdown", "keydown"].forEach((name) => addEventListener(name, () => { window.lampActed = true; }, true));
  // Coming back to a form that was already sent: show it fresh.
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

  // The list of runs and the form come after the page: whoever comes back is brought to where they were once they are
  // there.
  const isList = (address) => /\/runs\/?$/.test(address.pathname) && !address.searchParams.has("run");
  const isTune = !/\/(runs|compare)\/?$/.test(here.pathname);
  if (isList(here) || isTune) {
    addEventListener("pagehide", () => history.replaceState({ ...history.state, lampScroll: scrollY }, ""));
    const goBack = (top, tries) => {
      if (document.documentElement.scrollHeight >= top + innerHeight) scrollTo(0, top);
      else if (tries) setTimeout(goBack, 100, top, tries - 1);
    };
    if (history.state?.lampScroll) goBack(history.state.lampScroll, 300);
  }
  const cameFromList = () => document.referrer.startsWith(location.origin) && isList(new URL(document.referrer));

  // A problem beside Start leads to its field, which may be among the settings that are folded away; the list of
  // sections leads to a section.
  const goTo = (selector, tries) => {
    const field = document.querySelector(selector);
    if (field?.offsetParent) {
      const smooth = !matchMedia("(prefers-reduced-motion: reduce)").matches;
      const tall = field.offsetHeight > innerHeight / 2;
      field.scrollIntoView({ block: tall ? "start" : "center", behavior: smooth ? "smooth" : "auto" });
      if (field.matches(".ls-section")) {
        field.tabIndex = -1;
        field.focus({ preventScroll: true });
      } else field.querySelector("input:checked, input, textarea, select")?.focus({ preventScroll: true });
      return;
    }
    document.querySelectorAll("#advanced > button.label-wrap:not(.open)").forEach((button) => button.click());
    if (tries) setTimeout(goTo, 100, selector, tries - 1);
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a");
    if (link?.matches("[data-goto]")) {
      event.preventDefault();
      document.querySelector(".ls-rail.ls-open #short button")?.click();
      goTo(link.getAttribute("href"), 20);
    } else if (link?.matches(".ls-up") && cameFromList()) {
      event.preventDefault();
      history.back();
    }
  });
  // The list of sections tells which one is on the screen.
  let tellingSection = 0;
  const tellSection = () => {
    tellingSection = 0;
    const links = [...document.querySelectorAll("#stepper a")];
    const top = (link) => document.querySelector(link.getAttribute("href"))?.getBoundingClientRect().top ?? Infinity;
    const atEnd = innerHeight + scrollY >= document.documentElement.scrollHeight - 2;
    const shown = atEnd ? links.at(-1) : links.findLast((link) => top(link) < innerHeight * .35) ?? links[0];
    links.forEach((link) => link === shown ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current"));
  };
  if (isTune) addEventListener("scroll", () => { tellingSection ||= requestAnimationFrame(tellSection); }, { passive: true });
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
  // What a style sheet shows of a field's problem is told to screen readers as well. Settings that were folded away come
  // to the page when they are opened, so it is looked at again whenever it has changed.
  const tell = () => {
    if (isTune) tellSection();
    const island = document.querySelector("[data-problems]");
    const problems = island ? JSON.parse(island.dataset.problems) : {};
    document.querySelectorAll("[data-told]").forEach((input) => {
      if (!Object.keys(problems).some((field) => input.closest(field))) {
        ["data-told", "aria-invalid", "aria-description"].forEach((name) => input.removeAttribute(name));
      }
    });
    for (const [field, problem] of Object.entries(problems)) {
      document.querySelectorAll(`${field} :is(input, textarea, select)`).forEach((input) => {
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
