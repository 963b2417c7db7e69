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
  // Coming back to a form that was already sent: show it fresh.
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
})();
