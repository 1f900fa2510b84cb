// What makes the portal more convenient. Everything works without it.
"use strict";

document.documentElement.classList.add("scripted");

// Menus close when one goes elsewhere, and with Escape.
const menus = document.querySelectorAll("details.drop");

document.addEventListener("click", (event) => {
  for (const menu of menus) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of menus) {
    if (menu.open && menu.contains(document.activeElement)) menu.querySelector("summary").focus();
    menu.open = false;
  }
});

document.addEventListener("focusin", (event) => {
  for (const menu of menus) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

// Ticking all consumers of a page.
for (const button of document.querySelectorAll("[data-tick]")) {
  button.addEventListener("click", () => {
    for (const box of button.form.querySelectorAll('input[type="checkbox"]')) {
      box.checked = button.dataset.tick === "all";
    }
    document.getElementById("what-chosen").checked = true;
  });
}

// A download leaves the page where it is: say what happens.
const exporting = document.querySelector("form[data-export]");

if (exporting) {
  exporting.addEventListener("submit", (event) => {
    if (!event.submitter || event.submitter.value !== "yes") return;
    document.getElementById("export-status").textContent =
      "Your book is being made. The download begins by itself; if others wait too, a page shows your place.";
  });
}

// The page of the queue looks again by itself. What it says stands in a region
// that is announced when it changes.
const state = document.getElementById("export-state");

function waits() {
  return state.dataset.phase === "waiting" || state.dataset.phase === "making";
}

async function lookAgain() {
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "manual" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const next = page.getElementById("export-state");
    if (answer.status !== 200 || !next) {
      location.reload(); // the session has ended, or the book is gone
      return;
    }
    for (const id of ["export-said", "export-title"]) {
      const text = page.getElementById(id).textContent;
      if (document.getElementById(id).textContent !== text) document.getElementById(id).textContent = text;
    }
    if (next.dataset.phase !== state.dataset.phase) {
      state.dataset.phase = next.dataset.phase;
      document.title = page.title;
      document.getElementById("export-rest").replaceChildren(...page.getElementById("export-rest").childNodes);
    }
  } catch {
    // The network is away for a moment: look again all the same.
  }
  if (waits()) setTimeout(lookAgain, 3000);
}

if (state && waits()) setTimeout(lookAgain, 1000);

// Some time before the session ends one is asked. Other windows may have
// prolonged it meanwhile, so the server is asked first, which does not.
const dialog = document.getElementById("idle");

function watchSession() {
  const warnBefore = Number(dialog.dataset.before);
  let ends = Date.now() + Number(dialog.dataset.left) * 1000;
  let asking = false;

  const left = () => Math.round((ends - Date.now()) / 1000);

  function leave() {
    // What is on the screen must not stay there.
    document.body.hidden = true;
    location.replace(dialog.dataset.signIn);
  }

  async function ask() {
    const answer = await fetch("/session/ending", { headers: { Accept: "application/json" } });
    const session = await answer.json();
    if (!session.signed_in) {
      leave();
      return null;
    }
    ends = Date.now() + session.seconds * 1000;
    return session;
  }

  function tell(final) {
    const n = Math.max(1, Math.ceil(left() / 60));
    const text = n === 1 ? "one minute" : n === 2 ? "two minutes" : n + " minutes";
    const place = document.getElementById("idle-left");
    if (place.textContent !== text) place.textContent = text;
    document.getElementById("idle-go-on").hidden = final;
    document.getElementById("idle-why").textContent = final
      ? ", since a session lasts no longer. Sign in again then"
      : ", since nothing has been done for a while";
  }

  async function look() {
    if (asking) return;
    asking = true;
    try {
      if (left() <= 0) {
        if (await ask()) return;
      } else if (left() <= warnBefore) {
        const session = await ask();
        if (!session) return;
        if (left() > warnBefore) {
          if (dialog.open) dialog.close();
        } else {
          tell(session.final);
          if (!dialog.open) {
            dialog.showModal();
            (session.final ? document.getElementById("idle-title") : document.getElementById("idle-go-on")).focus();
          }
        }
      }
    } catch {
      if (left() <= 0) leave();
    } finally {
      asking = false;
    }
  }

  document.getElementById("idle-go-on").addEventListener("click", async () => {
    try {
      const answer = await fetch("/session/continue", { method: "POST", headers: { Accept: "application/json" } });
      if (answer.status !== 204) {
        leave();
        return;
      }
      await ask();
      dialog.close();
    } catch {
      // The network is away: the dialog stays.
    }
  });

  setInterval(look, 10000);
  document.addEventListener("visibilitychange", look);
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) ask().catch(() => {});
  });
}

if (dialog) watchSession();
