// Copies a text by one tap; without it the text stands in a box, to be marked and copied by hand.
"use strict";
document.querySelectorAll("[data-copy]").forEach((button) => {
  const box = document.getElementById(button.dataset.copy);
  const said = button.parentElement.querySelector("[data-copied]");
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(box.value);
    } catch {
      box.select(); // not over https, or not allowed: the old way
      if (!document.execCommand("copy")) {
        said.textContent = "请长按上面的文字复制。";
        return;
      }
    }
    said.textContent = "已复制，去群里粘贴。";
  });
});
