// Forms and links that change the page without leaving it.
//
// data-swap on a form of method get, or on a link: the page at its address is
// shown here. data-edit on a form of method post: it is sent, and the page shown
// again. Without a script they are plain forms and links.
import { refresh, toast } from "./live.js";

// The address of a form, without the fields that are empty.
export function addressOf(form) {
  const fields = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value !== "") fields.append(name, value);
  const query = fields.toString();
  return form.getAttribute("action") + (query ? "?" + query : "");
}

// send posts fields and says in words what went wrong, if something did.
export async function send(action, fields) {
  try {
    const answer = await fetch(action, { method: "POST", body: new URLSearchParams(fields), headers: { Accept: "text/plain" } });
    if (answer.ok) return true;
    toast(await answer.text());
  } catch {
    toast("The server cannot be reached; nothing was changed.");
  }
  return false;
}

// swap shows the page at the address of a form. Fields with data-once are empty
// after that.
async function swap(form) {
  const active = document.activeElement;
  if (active?.closest("[data-live]")) active.blur(); // what is typed has been sent: it may be replaced
  if (await refresh(addressOf(form), "push")) {
    for (const field of form.querySelectorAll("[data-once][id]")) document.getElementById(field.id).value = "";
  }
  if (active?.id) document.getElementById(active.id)?.focus({ preventScroll: true });
}

let typing;

export function startForms() {
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (form.matches("[data-swap]")) {
      event.preventDefault();
      await swap(form);
    } else if (form.matches("[data-edit]")) {
      event.preventDefault();
      const fields = [...new FormData(form, event.submitter)];
      if (await send(event.submitter?.getAttribute("formaction") ?? form.getAttribute("action"), fields)) {
        document.activeElement?.blur();
        for (const field of form.querySelectorAll("input[type=text], textarea")) field.defaultValue = field.value;
        form.closest("details[data-editor]")?.removeAttribute("open");
        refresh();
      }
    }
  });
  // A choice takes effect at once; so does a text, when the typing pauses.
  document.addEventListener("change", (event) => {
    const form = event.target.form;
    if (form?.matches("[data-swap]") && event.target.matches("select, input[type=checkbox], input[type=radio], input[type=range]")) refresh(addressOf(form), "push");
  });
  document.addEventListener("input", (event) => {
    const form = event.target.form;
    if (!form?.matches("[data-swap]") || !event.target.matches("input[type=search]")) return;
    clearTimeout(typing);
    typing = setTimeout(() => refresh(addressOf(form), "replace"), 200);
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-swap]");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    refresh(link.href, "push");
  });
}
