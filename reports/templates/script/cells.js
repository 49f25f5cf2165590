// --- cells
const SHOWN = 4;
const leftOut = { people: new Set(), attributes: new Set(), changes: new Set() };
const review = data.review;

function changeLine(i, wanted, isNew) {
  const one = attributes[changes.attribute[i]];
  const out = leftOut.attributes.has(one.path) || leftOut.changes.has(i);
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
  const open = make("button", "open", make("bdi", "who", text(people.name[row])));
  open.type = "button";
  open.setAttribute("aria-expanded", "false");
  open.dataset.open = row;
  td.append(open);
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
