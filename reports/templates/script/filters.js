// --- filters: each a question about one person, asked by number
const filters = new Map();
const first = people.first, end = (row) => people.end?.[row] ?? (row + 1 < size ? first[row + 1] : changes.attribute.length);

function anyChange(row, question) {
  for (let i = first[row], last = end(row); i < last; i += 1) if (question(i)) return true;
  return false;
}

const kinds = {
  "attribute": () => true,
  "attribute-changed": (i) => changes.before[i] >= 0 && changes.after[i] >= 0,
  "attribute-filled": (i) => changes.before[i] < 0,
  "attribute-emptied": (i) => changes.before[i] >= 0 && changes.after[i] < 0,
};

function question(facet, wanted) {
  if (facet === "decision") {
    if (wanted === "writes") return (row) => WRITES.has(people.decision[row]);
    return (row) => people.decision[row] === decisionNumber.get(wanted);
  }
  if (facet === "new") return (row) => people.new[row] === 1;
  if (facet === "event") return (row) => data.events[people.event[row]].includes(wanted);
  const changed = changeQuestion(facet, wanted);
  return (row) => anyChange(row, changed);
}

function changeQuestion(facet, wanted) {
  if (facet === "cause") return (i) => changes.cause[i] === causeNumber.get(wanted);
  if (facet === "group") return (i) => changes.group[i] === Number(wanted);
  if (facet in kinds) return (i) => changes.attribute[i] === attributeNumber.get(wanted) && kinds[facet](i);
  return null;
}

const labels = { writes: "all that is written" };
function label(facet, wanted) {
  if (facet === "decision") return labels[wanted] ?? decisions[decisionNumber.get(wanted)].label;
  if (facet === "cause") return causes[causeNumber.get(wanted)].words;
  if (facet === "event") return data.event_words[wanted] ?? wanted;
  if (facet === "new") return "new since last night";
  if (facet === "group") return `the same change for ${figures.format(groups[Number(wanted)])}`;
  const [, kind] = facet.split("-");
  return attributes[attributeNumber.get(wanted)].label + (kind ? `, ${kind}` : "");
}

DataTable.ext.search.push((settings, searched, row) => {
  for (const { ask } of filters.values()) if (!ask(row)) return false;
  return true;
});

// One filter per facet; the kinds of one attribute share theirs.
const slot = (facet) => (facet.startsWith("attribute") ? "attribute" : facet);

function setFilter(facet, wanted) {
  const at = slot(facet), now = filters.get(at);
  if (now && now.facet === facet && now.wanted === wanted) filters.delete(at);
  else filters.set(at, { facet, wanted, ask: question(facet, wanted) });
  refresh();
}

function refresh(draws = true) {
  version += 1;
  const active = byId("active-filters");
  active.replaceChildren();
  for (const [at, { facet, wanted }] of filters) {
    const chip = make("button", "", label(facet, wanted));
    chip.type = "button";
    chip.setAttribute("aria-label", `Remove filter: ${label(facet, wanted)}`);
    chip.addEventListener("click", () => { filters.delete(at); refresh(); });
    active.append(chip);
  }
  for (const button of document.querySelectorAll("button.filter")) {
    const now = filters.get(slot(button.dataset.facet));
    const on = Boolean(now) && now.facet === button.dataset.facet && now.wanted === button.dataset.value;
    button.setAttribute("aria-pressed", String(on));
  }
  if (draws) table.draw();
}

// A name anywhere on the page shows that person in the list, alone, and opens them (panel.js).
let opensNext = false;
document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-person]");
  if (!button) return;
  filters.clear();
  table.search(button.dataset.person);
  opensNext = true;
  showPeople();
  refresh();
});

function showPeople() {
  const mine = byId("people");
  const around = mine.closest("details");
  if (around) around.open = true;
  mine.scrollIntoView();
  mine.focus({ preventScroll: true });
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button.filter");
  if (!button) return;
  setFilter(button.dataset.facet, button.dataset.value);
  if (button.getAttribute("aria-pressed") === "true") showPeople();
});
