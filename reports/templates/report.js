// The list of people, its filters, and (where the page is served for review) the signature.
// Text from the directory only ever becomes text: textContent and text nodes, never HTML.
const DataTable = grid.jQuery.fn.dataTable;
const data = JSON.parse(document.getElementById("data").textContent);
const { people, changes, strings, decisions, attributes, causes, groups } = data;
const size = people.key.length;
const decisionNumber = new Map(decisions.map((one, number) => [one.name, number]));
const attributeNumber = new Map(attributes.map((one, number) => [one.path, number]));
const causeNumber = new Map(causes.map((one, number) => [one.name, number]));
const WRITES = new Set(decisions.flatMap((one, number) => (one.writes ? [number] : [])));
const text = (number) => (number < 0 ? null : strings[number]);
const figures = new Intl.NumberFormat("en");
const byId = (id) => document.getElementById(id);

function make(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  for (const child of children) if (child !== null) node.append(child);
  return node;
}

// --- what differs between two values: the same rule as reports/difference.py
function parted(before, after) {
  const one = Array.from(before), two = Array.from(after);
  const least = Math.min(one.length, two.length);
  let head = 0, tail = 0;
  while (head < least && one[head] === two[head]) head += 1;
  while (tail < least - head && one[one.length - 1 - tail] === two[two.length - 1 - tail]) tail += 1;
  if (head + tail < 0.5 * Math.max(one.length, two.length, 1)) head = tail = 0;
  const cut = (all) => [all.slice(0, head), all.slice(head, all.length - tail), all.slice(all.length - tail)].map((p) => p.join(""));
  return [cut(one), cut(two)];
}

function value(tag, whole, parts) {
  if (whole === null) return make(tag, "", make("span", "nothing", "nothing"));
  if (whole === "") return make(tag, "", make("span", "nothing", "empty text"));
  const shared = parts && (parts[0] || parts[2]);
  return make(tag, "", shared ? make("bdi", "", parts[0], make("mark", "", parts[1]), parts[2]) : make("bdi", "", whole));
}

function step(before, after) {
  const arrow = make("span", "to", "→");
  arrow.setAttribute("aria-label", "becomes");
  arrow.setAttribute("role", "img");
  const [one, two] = before && after ? parted(before, after) : [null, null];
  return make("span", "step", value("del", before, one), " ", arrow, " ", value("ins", after, two));
}

// --- filters: each a question about one person, asked by number
const filters = new Map();
const first = people.first, end = (row) => (row + 1 < size ? first[row + 1] : changes.attribute.length);

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

function refresh() {
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
  table.draw();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button.filter");
  if (!button) return;
  const mine = byId("people");
  setFilter(button.dataset.facet, button.dataset.value);
  if (button.getAttribute("aria-pressed") === "true") { mine.scrollIntoView(); mine.focus({ preventScroll: true }); }
});

// --- cells
const SHOWN = 4;
const leftOut = { people: new Set(), attributes: new Set(), groups: new Set() };
const review = data.review;

function changeLine(i, wanted, isNew) {
  const one = attributes[changes.attribute[i]];
  const out = leftOut.attributes.has(one.path);
  const before = text(changes.before[i]), after = text(changes.after[i]);
  const shown = isNew ? make("span", "step", value("ins", after, null)) : step(before, after);
  const line = make("div", wanted && !wanted(i) ? "change dim" : "change", make("span", "attribute", one.label), shown);
  const others = changes.group[i] < 0 ? 0 : groups[changes.group[i]] - 1;
  if (others) {
    const together = make("button", "filter with", `with ${figures.format(others)} ${others === 1 ? "other" : "others"}`);
    together.type = "button";
    together.dataset.facet = "group";
    together.dataset.value = changes.group[i];
    line.append(together);
  }
  if (out) line.append(" ", make("span", "note", "left out"));
  line.title = `${one.path}: ${causes[changes.cause[i]].words}`;
  return line;
}

function wantedChange() {
  const tests = [];
  for (const { facet, wanted } of filters.values()) { const test = changeQuestion(facet, wanted); if (test) tests.push(test); }
  return tests.length ? (i) => tests.every((test) => test(i)) : null;
}

function whoCell(td, row) {
  td.append(make("bdi", "who", text(people.name[row])));
  const account = text(people.user[row]);
  if (account !== null && account !== text(people.name[row])) td.append(make("bdi", "account", account));
  td.title = people.key[row];
  if (people.left[row] >= 0) td.append(make("span", "note", `left out last time by ${text(people.left[row])}`));
}

function whatCell(td, row) {
  const decision = decisions[people.decision[row]];
  td.append(make("span", `what d-${decision.name}`, decision.label));
  if (people.words[row] >= 0) td.append(make("span", "happened", text(people.words[row])));
  if (people.since[row] >= 0) td.append(make("span", "happened", text(people.since[row])));
  if (review && review.may_approve && decision.writes) td.append(leaveButton("person", row, "Leave out"));
}

function changesCell(td, row) {
  const wanted = wantedChange(), last = end(row);
  const order = Array.from({ length: last - first[row] }, (_, n) => first[row] + n);
  const isNew = decisions[people.decision[row]].name === "create";
  // A new person's name stands beside already: what they do comes first.
  const place = (i) => { const at = attributes[changes.attribute[i]].place; return isNew && at === 0 ? 99 : at; };
  order.sort((a, b) => (wanted ? wanted(b) - wanted(a) : 0) || place(a) - place(b) || a - b);
  for (const i of order.slice(0, SHOWN)) td.append(changeLine(i, wanted, isNew));
  if (order.length > SHOWN) {
    const more = make("details", "", make("summary", "", `${order.length - SHOWN} more`));
    more.addEventListener("toggle", () => {
      if (more.childElementCount === 1) for (const i of order.slice(SHOWN)) more.append(changeLine(i, wanted, isNew));
    });
    td.append(more);
  }
  if (people.remedy[row] >= 0) td.append(make("div", "", make("bdi", "", text(people.remedy[row]))));
}

function reasonCell(td, row) {
  td.append(make("bdi", "", text(people.reason[row]) ?? ""));
  const why = new Set();
  for (let i = first[row], last = end(row); i < last; i += 1) why.add(causes[changes.cause[i]].words);
  if (why.size) td.append(make("span", "happened", [...why].join(", ")));
}

function searchText(row) {
  const parts = [people.key[row], text(people.name[row]), text(people.user[row]), text(people.reason[row]),
    text(people.words[row]), text(people.remedy[row]), text(people.profile[row])];
  for (let i = first[row], last = end(row); i < last; i += 1) {
    parts.push(attributes[changes.attribute[i]].label, text(changes.before[i]), text(changes.after[i]));
  }
  return parts.filter((part) => part).join("\n");
}

function column(title, fill, sort, search) {
  return {
    title,
    data: null,
    render: (_, type, row) => (type === "sort" || type === "type" ? sort(row) : type === "filter" ? search(row) : ""),
    createdCell: (td, _, row) => fill(td, row),
  };
}

let version = 0; // of filters and what is left out: a row that was filled at this version need not be filled again
const writes = people.decision.some((one) => WRITES.has(one));
if (writes) filters.set("decision", { facet: "decision", wanted: "writes", ask: question("decision", "writes") });

const table = new DataTable.Api(grid.jQuery(byId("grid")).dataTable({
  data: Array.from({ length: size }, (_, row) => row),
  columns: [
    column("Person", whoCell, (row) => (text(people.name[row]) ?? "").toLowerCase(), searchText),
    column("What", whatCell, (row) => people.decision[row], () => ""),
    column("Changes", changesCell, (row) => end(row) - first[row], () => ""),
    column("Why", reasonCell, (row) => text(people.reason[row]) ?? "", () => ""),
  ],
  createdRow: (tr, row) => { tr.dataset.row = row; tr.dataset.version = version; tr.classList.toggle("left-out", isLeftOut(row)); },
  order: [],
  autoWidth: false,
  pageLength: 50,
  lengthMenu: [25, 50, 100, 500],
  layout: { topStart: "search", topEnd: "pageLength", bottomStart: "info", bottomEnd: "paging" },
  language: {
    search: "Search", info: "_START_ to _END_ of _TOTAL_ people", infoEmpty: "Nobody", infoFiltered: "(of _MAX_)",
    lengthMenu: "_MENU_ a page", zeroRecords: "Nobody fits these filters.", emptyTable: "Nobody is listed.",
    thousands: ",",
  },
}));
// Cells are filled once; what filters and leaving out change is filled anew for the page that is shown.
table.on("draw", () => {
  for (const tr of byId("grid").tBodies[0].rows) {
    if (tr.dataset.row === undefined || Number(tr.dataset.version) === version) continue;
    tr.dataset.version = version;
    const row = Number(tr.dataset.row);
    tr.classList.toggle("left-out", isLeftOut(row));
    const cell = tr.cells[2];
    cell.replaceChildren();
    changesCell(cell, row);
    for (const button of tr.querySelectorAll("[data-leave-person]")) pressed(button, leftOut.people.has(row));
  }
});
refresh();

// --- groups of identical changes open to their people
const NAMED = 60;
document.querySelectorAll("details.group").forEach((group) => group.addEventListener("toggle", () => {
  const members = group.querySelector(".members");
  if (!group.open || members.childElementCount) return;
  const rows = membersOf(Number(group.dataset.group));
  for (const row of rows.slice(0, NAMED)) members.append(make("div", "", make("bdi", "", text(people.name[row]))));
  if (rows.length > NAMED) members.append(make("div", "muted", `and ${figures.format(rows.length - NAMED)} more: show them in the list`));
}));

function membersOf(group) {
  const rows = [];
  for (let row = 0; row < size; row += 1) if (anyChange(row, (i) => changes.group[i] === group)) rows.push(row);
  return rows;
}

// --- keyboard and print
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") { filters.clear(); table.search(""); refresh(); return; }
  if (event.target.closest("input, textarea, select")) return;
  if (event.key === "/") { event.preventDefault(); document.querySelector(".dt-search input").focus(); }
  if (event.key === "n") table.page("next").draw("page");
  if (event.key === "p") table.page("previous").draw("page");
});
let pageLength = 0;
addEventListener("beforeprint", () => { pageLength = table.page.len(); if (table.page.info().recordsDisplay <= 3000) table.page.len(-1).draw(); });
addEventListener("afterprint", () => { if (table.page.len() !== pageLength) table.page.len(pageLength).draw(); });

// --- review
function isLeftOut(row) { return leftOut.people.has(row); }
function pressed(button, on) {
  button.setAttribute("aria-pressed", String(on));
  if (button.dataset.leavePerson !== undefined) button.textContent = on ? "Left out" : "Leave out";
}
function leaveButton(kind, of, words) {
  const button = make("button", "leave", words);
  button.type = "button";
  button.dataset.leavePerson = of;
  button.setAttribute("aria-label", `Leave out ${text(people.name[of])}`);
  pressed(button, leftOut.people.has(of));
  return button;
}

function leave(button) {
  const on = button.getAttribute("aria-pressed") !== "true";
  const { leavePerson, leaveAttribute, leaveGroup } = button.dataset;
  const put = (set, one) => (on ? set.add(one) : set.delete(one));
  if (leavePerson !== undefined) put(leftOut.people, Number(leavePerson));
  if (leaveAttribute !== undefined) put(leftOut.attributes, leaveAttribute);
  if (leaveGroup !== undefined) {
    for (const row of membersOf(Number(leaveGroup))) if (WRITES.has(people.decision[row])) put(leftOut.people, row);
  }
  version += 1;
  pressed(button, on);
  say();
  table.draw("page");
}

function say() {
  const parts = [];
  if (leftOut.people.size) parts.push(`${figures.format(leftOut.people.size)} ${leftOut.people.size === 1 ? "person" : "people"}`);
  for (const path of leftOut.attributes) parts.push(`the attribute ${attributes[attributeNumber.get(path)].label}`);
  byId("left-out").textContent = parts.length ? `Left out: ${parts.join(", ")}. What depends on them is left out with them.` : "Nothing is left out.";
  const accept = byId("accept");
  if (!accept) return;
  const all = Number(accept.dataset.writes), rest = all - leftOut.people.size;
  accept.textContent = rest === all ? `Accept ${figures.format(all)} ${all === 1 ? "write" : "writes"}` : `Accept ${figures.format(rest)} of ${figures.format(all)} writes`;
}

async function send(what, body) {
  const answer = byId("answer");
  for (const button of document.querySelectorAll("#sign button")) button.disabled = true;
  answer.textContent = "One moment …";
  let said = { ok: false, message: "The review is no longer running; start it again with trueup review." };
  try {
    const response = await fetch(what, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Trueup-Review": review.secret },
      body: JSON.stringify(body),
    });
    said = await response.json();
  } catch { /* said holds what to do */ }
  answer.textContent = said.message;
  document.body.dataset.done = said.ok ? what : "";
  if (!said.ok) for (const button of document.querySelectorAll("#sign button")) button.disabled = false;
}

if (review) {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.leave");
    if (button) leave(button);
  });
  byId("review").addEventListener("submit", (event) => {
    event.preventDefault();
    if (!review.may_approve) return;
    const allow = {};
    for (const input of document.querySelectorAll("input.allow")) if (input.value.trim()) allow[input.dataset.limit] = input.value.trim();
    send("approve", { name: byId("reviewer").value, people: [...leftOut.people], attributes: [...leftOut.attributes], allow });
  });
  byId("reject").addEventListener("click", () => send("reject", { name: byId("reviewer").value, reason: byId("why").value }));
}
document.body.dataset.ready = "yes";
