// The bar of selected runs. `element` holds it; `trigger` hands an event to the page's handlers.
// What is selected is kept in the storage of this browser tab: the list is replaced whenever it changes.
const KEY = "lamp-selected-runs";
const part = (name) => element.querySelector(`[data-part=${name}]`);
const list = document.getElementById("runs");
const boxes = () => [...list.querySelectorAll("input[data-select]")];
const selected = () => {
  try {
    const stored = JSON.parse(sessionStorage.getItem(KEY));
    return Array.isArray(stored) ? stored.filter((run) => typeof run === "string") : [];
  } catch {
    return [];
  }
};
let asking = "choices";
const show = () => {
  const runs = selected(), shown = boxes().map((box) => box.dataset.select);
  const hidden = runs.filter((run) => !shown.includes(run)).length;
  const canCompare = runs.length > 1 && runs.length <= Number(part("bar").dataset.most);
  boxes().forEach((box) => { box.checked = runs.includes(box.dataset.select); });
  const all = list.querySelector("input[data-select-all]");
  if (all) {
    const checked = shown.length - shown.filter((run) => !runs.includes(run)).length;
    all.checked = checked === shown.length;
    all.indeterminate = checked > 0 && checked < shown.length;
  }
  part("bar").hidden = !runs.length;
  part("count").textContent = `${runs.length} selected` + (hidden ? `, ${hidden} not shown` : "");
  part("compare").hidden = !canCompare;
  part("compare").href = "compare?runs=" + runs.map(encodeURIComponent).join(",");
  part("why").hidden = canCompare;
  for (const name of ["choices", "asks-delete", "asks-tag"]) part(name).hidden = name !== asking;
  part("question").textContent = runs.length === 1 ? "Delete this run?" : `Delete these ${runs.length} runs?`;
};
const select = (runs) => {
  sessionStorage.setItem(KEY, JSON.stringify(runs));
  asking = "choices";
  show();
};
const ask = (what, focus) => {
  asking = what;
  show();
  part(focus).focus();
};

part("clear").addEventListener("click", () => select([]));
part("delete").addEventListener("click", () => ask("asks-delete", "yes"));
part("no").addEventListener("click", () => ask("choices", "delete"));
part("tag").addEventListener("click", () => ask("asks-tag", "word"));
part("back").addEventListener("click", () => ask("choices", "tag"));
part("yes").addEventListener("click", () => {
  trigger("click", { act: "delete", runs: selected() });
  select([]);
});
part("asks-tag").addEventListener("submit", (event) => {
  event.preventDefault();
  trigger("click", { act: "tag", runs: selected(), tag: part("word").value });
  part("word").value = "";
  ask("choices", "tag");
});

list.addEventListener("change", (event) => {
  const { select: run, selectAll } = event.target.dataset ?? {};
  const shown = boxes().map((box) => box.dataset.select);
  if (run !== undefined) select(selected().filter((one) => one !== run).concat(event.target.checked ? [run] : []));
  else if (selectAll !== undefined)
    select(selected().filter((one) => !shown.includes(one)).concat(event.target.checked ? shown : []));
});
// A control of the list that has the focus has it again after the list was replaced.
let focused = "";
document.addEventListener("focusin", (event) => {
  const { select: run, selectAll, sort } = list.contains(event.target) ? event.target.dataset : {};
  focused = run ? `[data-select="${CSS.escape(run)}"]` : sort ? `[data-sort="${sort}"]`
    : selectAll !== undefined ? "[data-select-all]" : "";
});
document.addEventListener("pointerdown", () => { focused = ""; });
new MutationObserver(() => {
  show();
  if (focused && document.activeElement === document.body) list.querySelector(focused)?.focus({ preventScroll: true });
}).observe(list, { childList: true, subtree: true });
show();
