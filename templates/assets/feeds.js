// The page of feeds works without this; it adds a button that copies each feed's address, and a search in long lists.
const list = document.querySelector(".feeds");
const items = [...list.querySelectorAll("li")];
const MANY = 12;

function copyButton(link) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.setAttribute("aria-label", `Copy the address of ${link.textContent}`);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(link.href);
      button.textContent = "Copied";
    } catch {
      // Without permission to write, the address is shown to be copied by hand.
      prompt("Copy this address:", link.href);
    }
  });
  return button;
}

function words(text) {
  return text.toLowerCase().split(/[\s(),:]+/).filter(Boolean);
}

function search() {
  const titles = items.map((item) => words(item.firstElementChild.textContent));
  const box = document.createElement("div");
  box.className = "search";
  const label = document.createElement("label");
  label.textContent = "Find a feed";
  const input = document.createElement("input");
  input.type = "search";
  const status = document.createElement("p");
  status.setAttribute("role", "status");
  input.addEventListener("input", () => {
    const wanted = words(input.value);
    let found = 0;
    items.forEach((item, at) => {
      item.hidden = !wanted.every((word) => titles[at].some((own) => own.startsWith(word)));
      found += !item.hidden;
    });
    for (const section of list.querySelectorAll("section")) {
      section.hidden = !section.querySelector("li:not([hidden])");
    }
    status.textContent = input.value ? `${found} found` : "";
  });
  label.append(input);
  box.append(label, status);
  return box;
}

if (navigator.clipboard) {
  for (const item of items) item.append(copyButton(item.firstElementChild));
}
if (items.length > MANY) list.prepend(search());
