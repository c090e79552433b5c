// Keeps a page up to date, and gives it keys. The pages are made by the node and work without this: here a page is only fetched again when
// something has happened that it shows, and what differs is put in its place. Nothing that was received is ever made markup here.

const main = document.querySelector("#main");
const said = document.querySelector("#said");
const find = (selector) => document.querySelector(selector);
const all = (selector) => [...document.querySelectorAll(selector)];

// ── Bringing the page up to date ────────────────────────────────────────────────────────────────

/** The least time between two fetches while a lot goes on, in milliseconds; as long as a fetch takes, so that half of the time is free. */
const LEAST_PAUSE = 30;
let fetching = false;
let wanted = false;

/** Fetches the page again; while that is under way, once more afterwards. */
async function refresh() {
  if (fetching) {
    wanted = true;
    return;
  }
  fetching = true;
  const began = performance.now();
  let fresh = null;
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    // Whoever is not signed in any more is sent to where that is done.
    if (answer.redirected) return location.reload();
    if (answer.ok) fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  } catch {
    // The node is away; the stream of events says so, and comes back with it.
  }
  try {
    if (fresh) replace(fresh);
  } finally {
    setTimeout(() => {
      fetching = false;
      if (wanted) {
        wanted = false;
        refresh();
      }
    }, Math.max(LEAST_PAUSE, performance.now() - began));
  }
  lookAgain();
}

let looking = null;

/** Fetches the page after a while, if it shows what goes on in the node and tells nobody. */
function lookAgain() {
  const again = find("[data-again]");
  clearTimeout(looking);
  if (again) looking = setTimeout(refresh, Number(again.dataset.again));
}

/** Puts what differs of a fetched page in its place. */
function replace(fresh) {
  document.title = fresh.title;
  for (const id of ["program", "overlay", "main"]) {
    const [old, next] = [document.getElementById(id), fresh.getElementById(id)];
    if (old && next) merge(old, next);
  }
  dress();
  choose(chosen);
}

/** Makes `old` what `next` is, and keeps every node that is the same: what is chosen, unfolded, or being written stays. */
function merge(old, next) {
  if (old.isEqualNode(next)) return;
  const known = new Map([...old.children].filter((child) => child.id).map((child) => [child.id, child]));
  let at = old.firstChild;
  for (let child = next.firstChild; child; ) {
    const following = child.nextSibling;
    const twin = child.id ? known.get(child.id) : at && at.nodeType === child.nodeType && at.nodeName === child.nodeName && !at.id ? at : null;
    if (twin) {
      if (twin === at) at = at.nextSibling;
      else old.insertBefore(twin, at);
      adapt(twin, child);
    } else {
      const added = document.importNode(child, true);
      old.insertBefore(added, at);
      if (added.dataset?.row !== undefined && known.size) added.classList.add("fresh");
    }
    child = following;
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
}

/** Attributes that are the reader's: what is unfolded, written, chosen. */
const OWN = new Set(["open", "value", "class"]);

function adapt(old, next) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== next.nodeValue) old.nodeValue = next.nodeValue;
    return;
  }
  if (old.isEqualNode(next)) return;
  // Another thing altogether, such as the next overlay.
  if (old.dataset.key !== next.dataset.key) {
    old.replaceWith(document.importNode(next, true));
    return;
  }
  // A field that somebody writes in is left alone.
  if (old.contains(document.activeElement) && old.matches("textarea, input")) return;
  for (const { name, value } of [...next.attributes]) {
    if (!OWN.has(name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  for (const { name } of [...old.attributes]) {
    if (!OWN.has(name) && !next.hasAttribute(name)) old.removeAttribute(name);
  }
  const kept = ["chosen", "marked"].filter((name) => old.classList.contains(name));
  if (old.className !== next.className && typeof old.className === "string") {
    old.className = next.className;
    old.classList.add(...kept);
  }
  if (old.nodeName === "PROGRESS") old.value = next.value;
  if (old.nodeName === "TEXTAREA") old.value = next.value;
  else merge(old, next);
}

// ── What goes on ────────────────────────────────────────────────────────────────────────────────

/** Whether the page shows something of this event. */
function shows(news) {
  const [kind, ...rest] = document.body.dataset.live.split(" ");
  const name = rest.join(" ");
  if (news.kind === "reloaded") return true;
  switch (kind) {
    case "saves":
    case "webhook":
    case "endpoint":
      return true;
    case "deliveries":
      return news.kind !== "saved" || news.fired > 0;
    case "delivery":
      return news.delivery === name;
    case "resend":
      return news.kind === "sending";
    case "object":
      return news.kind !== "saved" || `${news.model}/${news.object}` === name;
    default:
      return false;
  }
}

let toSay = "";
let saying = null;

/** Tells a screen reader, not more often than it can read out. */
function say(text) {
  toSay = text;
  saying ??= setTimeout(() => {
    said.textContent = toSay;
    saying = null;
  }, 1500);
}

function words(news) {
  switch (news.kind) {
    case "saved":
      return `${news.model}/${news.object} saved, ${news.fired} of ${news.webhooks.length} webhooks fired`;
    case "answered":
      return `a delivery was answered ${news.status ?? "not at all"}${news.note ? `, ${news.note}` : ""}`;
    case "reloaded":
      return news.what;
    default:
      return "";
  }
}

function connect() {
  const connection = find("#connection");
  const show = (on) => {
    connection.className = `connection ${on ? "on" : "off"}`;
    connection.textContent = on ? "live" : "offline";
  };
  const source = new EventSource(document.body.dataset.events);
  let lost = false;
  source.onopen = () => {
    show(true);
    if (lost) refresh();
    lost = false;
  };
  source.onerror = () => {
    lost = true;
    show(false);
    // After an answer that is no stream a browser does not come back by itself.
    if (source.readyState === EventSource.CLOSED) {
      setTimeout(connect, 1000);
      refresh();
    }
  };
  source.onmessage = (message) => {
    const news = JSON.parse(message.data);
    if (shows(news)) refresh();
    const text = words(news);
    if (text) say(text);
  };
  source.addEventListener("anew", refresh);
  addEventListener("pagehide", () => source.close(), { once: true });
}

// ── Keys ────────────────────────────────────────────────────────────────────────────────────────

let chosen = null;
const rows = () => all("[data-row]");

/** Chooses the row of this link, if it is there. */
function choose(link) {
  chosen = link;
  for (const row of rows()) {
    const own = row.dataset.row === link;
    row.classList.toggle("chosen", own);
    if (own) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }
}

function step(by) {
  const list = rows();
  if (!list.length) return;
  const at = list.findIndex((row) => row.dataset.row === chosen);
  const next = list[Math.min(Math.max(at + by, 0), list.length - 1)];
  choose(next.dataset.row);
  next.scrollIntoView({ block: "nearest" });
  say(next.innerText.replace(/\s+/g, " "));
}

/** What the keys are about: the chosen row, or what the page is about. */
const subject = () => rows().find((row) => row.dataset.row === chosen) ?? find("[data-current]");

/** Sends a form that is in no page. */
async function send(path) {
  const answer = await fetch(path, { method: "POST", redirect: "manual" });
  say(answer.type === "opaqueredirect" || answer.ok ? "sent again" : "that was refused");
  refresh();
}

const MARK = "webhookc.compare";

/** Marks a delivery; the second one is compared with the first. */
function compare(delivery) {
  const first = sessionStorage.getItem(MARK);
  if (first && first !== delivery) {
    sessionStorage.removeItem(MARK);
    location.assign(`${document.body.dataset.base}/diff?of=${first}&of=${delivery}`);
    return;
  }
  if (first) sessionStorage.removeItem(MARK);
  else sessionStorage.setItem(MARK, delivery);
  mark();
  say(first ? "not marked any more" : "marked; choose another and press d to compare");
}

function mark() {
  const marked = sessionStorage.getItem(MARK);
  for (const row of all("[data-delivery]")) row.classList.toggle("marked", row.dataset.delivery === marked);
}

let going = 0;

const keys = {
  j: () => step(1),
  k: () => step(-1),
  Enter: () => chosen && rows().some((row) => row.dataset.row === chosen) && location.assign(chosen),
  u: () => {
    const back = find("[data-back]")?.dataset.back;
    if (back) location.assign(back);
  },
  "/": () => find("#search")?.focus(),
  r: () => subject()?.dataset.resend && send(subject().dataset.resend),
  e: () => {
    const edit = subject()?.dataset.edit;
    if (edit === "#edit") find("#fields")?.focus();
    else if (edit) location.assign(`${edit}#edit`);
  },
  d: () => subject()?.dataset.delivery && compare(subject().dataset.delivery),
  g: () => (going = Date.now()),
  "?": () => find("#keys").showModal(),
};

addEventListener("keydown", (event) => {
  const field = event.target.closest?.("input:not([type=checkbox]), textarea, select");
  if (field) {
    if (event.key === "Escape") field.blur();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || find("dialog[open]")) return;
  const place = Date.now() - going < 1500 && all(".bar nav a[data-key]").find((link) => link.dataset.key === event.key);
  if (place) {
    going = 0;
    event.preventDefault();
    location.assign(place.href);
    return;
  }
  const interactive = event.target.closest?.("a, button, summary");
  const act = keys[event.key];
  if (!act || (event.key === "Enter" && interactive)) return;
  event.preventDefault();
  act();
});

// ── What only a script can do ───────────────────────────────────────────────────────────────────

/** Shows what works only here, in whatever the page has now. */
function dress() {
  for (const button of all("#keys-button, [data-copy], [data-fetch]")) button.hidden = false;
  for (const host of all("[data-host]")) host.textContent = location.host;
  mark();
}

// ── The form of an endpoint, checked as it is written ───────────────────────────────────────────

/** How long nobody has written before it is checked, in milliseconds. */
const BREATH = 250;
let breath = null;
let asked = 0;

/** Presses *Check* and puts what is said beside the fields; what is written stays as it is. */
async function check(form) {
  const number = ++asked;
  try {
    const answer = await fetch(form.dataset.check, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    if (answer.redirected || answer.status === 401) return location.reload();
    if (number !== asked) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const old of all("[data-said]")) {
      const next = fresh.getElementById(old.id);
      if (!next || old.isEqualNode(next)) continue;
      old.replaceWith(document.importNode(next, true));
    }
    for (const field of form.querySelectorAll("[aria-describedby]")) {
      const wrong = document.getElementById(field.getAttribute("aria-describedby"))?.querySelector(".wrong");
      if (wrong) field.setAttribute("aria-invalid", "true");
      else field.removeAttribute("aria-invalid");
    }
  } catch {
    // The node is away; the form is checked once more when it is sent.
  }
}

addEventListener("input", (event) => {
  const form = event.target.form;
  if (!form?.dataset.check) return;
  clearTimeout(breath);
  breath = setTimeout(check, BREATH, form);
});

async function copy(button, text) {
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "The browser does not allow it";
  }
  say(button.textContent);
  setTimeout(() => (button.textContent = before), 1500);
}

addEventListener("click", async (event) => {
  const button = event.target.closest?.("button");
  if (button?.id === "keys-button") find("#keys").showModal();
  if (button?.dataset.copy) copy(button, find(button.dataset.copy).textContent);
  if (button?.dataset.fetch) {
    const answer = await fetch(button.dataset.fetch);
    if (answer.ok) copy(button, await answer.text());
    else say("there is nothing to copy");
  }
});

dress();
lookAgain();
if (document.body.dataset.events) connect();
