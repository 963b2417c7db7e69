// The browser's notices of runs that end, for whoever asked for them. `element` holds the button; `trigger` asks the
// server which runs have ended, whose answer comes back through window.lampTell.
const KEY = "lamp-notices", SECONDS = 60;
const button = element.querySelector("button"), said = element.querySelector("p");
const allowed = () => window.Notification?.permission === "granted";
const wanted = () => allowed() && localStorage.getItem(KEY) === "yes";
let timer = 0;
const want = (yes, problem = "") => {
  localStorage.setItem(KEY, yes ? "yes" : "no");
  said.textContent = problem;
  said.hidden = !problem;
  start();
};
// One small request a minute, in a hidden tab too, and none unless it was asked for.
const start = () => {
  clearInterval(timer);
  button.setAttribute("aria-pressed", wanted());
  if (!wanted()) return;
  trigger("click", { fresh: true });
  timer = setInterval(() => trigger("click", { fresh: false }), SECONDS * 1000);
};
button.addEventListener("click", async () => {
  if (wanted()) return want(false);
  if (!window.Notification || !isSecureContext)
    return want(false, "This browser shows no notices from this page: it must be opened over https, or on this machine.");
  if (await Notification.requestPermission() === "granted") want(true);
  else want(false, "The browser does not let this page show notices: allow them in its settings for this site.");
});
window.lampTell = (text) => {
  if (!wanted() || !text || (!document.hidden && document.hasFocus())) return;
  for (const run of JSON.parse(text)) {
    try {
      const notice = new Notification(run.title, { body: run.body, tag: run.tag, icon: "favicon.ico" });
      notice.onclick = () => { window.focus(); location.href = run.address; };
    } catch {
      want(false, "This browser cannot show notices of a page.");
    }
  }
};
setTimeout(start);
