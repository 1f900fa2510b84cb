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

// While a book is being prepared the page stays, and says so. What is answered
// in place of a book is a page, whose main part is shown in place of this one's.
const exporting = document.querySelector("form[data-export]");

async function takeBook(body) {
  const status = document.getElementById("export-status");
  exporting.setAttribute("aria-busy", "true");
  status.textContent = "Your book is being prepared. This can take a few minutes when many people ask at once. Keep this page open: if you leave it, the download is canceled.";
  try {
    const answer = await fetch(exporting.action, { method: "POST", body });
    const name = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition"));
    if (name) {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(await answer.blob());
      link.download = name[1];
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60000);
      status.textContent = "Done. Your book was downloaded as " + link.download + ".";
    } else {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const main = document.getElementById("main");
      document.title = page.title;
      main.replaceChildren(...page.getElementById("main").childNodes);
      main.focus();
    }
  } catch {
    status.textContent = "The connection broke off, so nothing was downloaded. Choose Yes to try again.";
  }
  exporting.removeAttribute("aria-busy");
}

if (exporting) {
  exporting.addEventListener("submit", (event) => {
    if (event.submitter?.value !== "yes") return;
    event.preventDefault();
    if (!exporting.ariaBusy) takeBook(new URLSearchParams(new FormData(exporting, event.submitter)));
  });
}

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
