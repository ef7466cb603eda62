// What is being written is kept in this tab until it has been sent, so that an expired sign-in or a
// lost connection takes nothing away, nor does leaving the page for a moment. Every draft is named by
// its writer: nobody sees another's. A form says in [data-restored] that it was filled in again.
"use strict";
const DRAFT = "draft:", SENT = "sent:";
function forget(name) {
  sessionStorage.removeItem(DRAFT + name);
  sessionStorage.removeItem(SENT + name);
}
document.addEventListener("DOMContentLoaded", () => {
  const arrived = document.querySelector(".note.good") !== null;
  Object.keys(sessionStorage).filter((key) => key.startsWith(SENT)).forEach((key) => {
    if (arrived) forget(key.slice(SENT.length));
    else sessionStorage.removeItem(key);
  });
  document.querySelectorAll("textarea[data-draft], input[data-draft], select[data-draft]").forEach((area) => {
    const name = area.dataset.draft;
    const kept = sessionStorage.getItem(DRAFT + name);
    if (kept !== null && kept !== area.value) {
      area.value = kept;
      const folded = area.closest("details");
      if (folded) folded.open = true;
      const told = area.form.querySelector("[data-restored]");
      if (told) told.hidden = false;
    }
    area.addEventListener("input", () => sessionStorage.setItem(DRAFT + name, area.value));
    area.form.addEventListener("submit", () => sessionStorage.setItem(SENT + name, "1"));
  });
});
