// Conveniences for the portal. Every page works without this script.
"use strict";

document.documentElement.classList.add("scripted");

// Close a menu on Escape, on a click outside it, and when the focus leaves it.
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

// Select or deselect all consumers on the page.
for (const button of document.querySelectorAll("[data-select]")) {
  button.addEventListener("click", () => {
    for (const box of button.form.querySelectorAll('input[type="checkbox"]')) {
      box.checked = button.dataset.select === "all";
    }
    document.getElementById("what-chosen").checked = true;
  });
}

// Stay on the page while the server prepares a book. If the server answers with
// a page instead of a book, show that page's main part here.
const exportForm = document.querySelector("form[data-export]");

async function downloadBook(body) {
  const status = document.getElementById("export-status");
  exportForm.setAttribute("aria-busy", "true");
  status.textContent = "Preparing your book. The download will start automatically. Keep this page open: leaving it cancels the download. It can take a few minutes when many people export at the same time.";
  try {
    const response = await fetch(exportForm.action, { method: "POST", body });
    const name = /filename="([^"]+)"/.exec(response.headers.get("Content-Disposition"));
    if (name) {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(await response.blob());
      link.download = name[1];
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60000);
      status.textContent = "Done. Your book was downloaded as " + link.download + ".";
    } else {
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      const main = document.getElementById("main");
      document.title = page.title;
      main.replaceChildren(...page.getElementById("main").childNodes);
      main.focus();
    }
  } catch {
    status.textContent = "The connection was lost, and nothing was downloaded. Choose Yes to try again.";
  }
  exportForm.removeAttribute("aria-busy");
}

if (exportForm) {
  exportForm.addEventListener("submit", (event) => {
    if (event.submitter?.value !== "yes") return;
    event.preventDefault();
    if (!exportForm.ariaBusy) downloadBook(new URLSearchParams(new FormData(exportForm, event.submitter)));
  });
}

// Warn before the session ends. Another window may have extended the session in
// the meantime, so ask the server first. Asking does not extend the session.
const dialog = document.getElementById("idle");

function watchSession() {
  const warnBefore = Number(dialog.dataset.warn);
  let ends = Date.now() + Number(dialog.dataset.left) * 1000;
  let checking = false;

  const left = () => Math.round((ends - Date.now()) / 1000);

  function leave() {
    // Hide consumer data from the screen.
    document.body.hidden = true;
    location.replace(dialog.dataset.signIn);
  }

  async function fetchSession() {
    const response = await fetch("/session/ending", { headers: { Accept: "application/json" } });
    const session = await response.json();
    if (!session.signed_in) {
      leave();
      return null;
    }
    ends = Date.now() + session.seconds * 1000;
    return session;
  }

  function updateDialog(final) {
    const n = Math.max(1, Math.ceil(left() / 60));
    const text = n === 1 ? "one minute" : n === 2 ? "two minutes" : n + " minutes";
    const time = document.getElementById("idle-left");
    if (time.textContent !== text) time.textContent = text;
    document.getElementById("idle-continue").hidden = final;
    document.getElementById("idle-why").textContent = final
      ? "your session has reached its time limit. To continue, sign out and sign in again"
      : "of inactivity";
  }

  async function check() {
    if (checking) return;
    checking = true;
    try {
      if (left() <= 0) {
        if (await fetchSession()) return;
      } else if (left() <= warnBefore) {
        const session = await fetchSession();
        if (!session) return;
        if (left() > warnBefore) {
          if (dialog.open) dialog.close();
        } else {
          updateDialog(session.final);
          if (!dialog.open) {
            dialog.showModal();
            (session.final ? document.getElementById("idle-title") : document.getElementById("idle-continue")).focus();
          }
        }
      }
    } catch {
      if (left() <= 0) leave();
    } finally {
      checking = false;
    }
  }

  document.getElementById("idle-continue").addEventListener("click", async () => {
    try {
      const response = await fetch("/session/continue", { method: "POST", headers: { Accept: "application/json" } });
      if (response.status !== 204) {
        leave();
        return;
      }
      await fetchSession();
      dialog.close();
    } catch {
      // The network is down: keep the dialog open.
    }
  });

  setInterval(check, 10000);
  document.addEventListener("visibilitychange", check);
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) fetchSession().catch(() => {});
  });
}

if (dialog) watchSession();
