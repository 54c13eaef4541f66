// A variant's line in the picture and its row in the table are lit together.
function light(key, on) {
  for (const part of document.querySelectorAll(`[data-key="${CSS.escape(key)}"]`)) part.classList.toggle("lit", on);
}

function startSweep() {
  const keyed = (event) => event.target.closest?.("#sweep-table [data-key], .parallel [data-key]")?.dataset.key;
  for (const [name, on] of [["pointerover", true], ["pointerout", false], ["focusin", true], ["focusout", false]]) {
    document.addEventListener(name, (event) => { const key = keyed(event); if (key) light(key, on); });
  }
}

startSweep();
