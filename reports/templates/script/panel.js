// --- one person, opened beside the list
const panel = byId("panel");
const details = new Map(data.details.map((one) => [one.row, one]));
const looked = new Set(), notes = new Map();
let opened = -1;

const openers = () => Array.from(byId("grid").querySelectorAll("button.open"));

function section(title, ...children) {
  const kept = children.filter((child) => child !== null);
  return kept.length ? make("section", "", make("h3", "", title), ...kept) : null;
}

function list(items, className) {
  return items.length ? make("ul", className, ...items.map((item) => make("li", "", item))) : null;
}

function linkTo(template, row, words) {
  const own = {
    source_id: people.key[row].startsWith("profile:") ? null : people.key[row],
    profile_id: text(people.profile[row]),
    user_name: text(people.user[row]),
  };
  const wanted = Array.from(template.matchAll(/\{(\w+)\}/g), (found) => found[1]);
  if (!template || wanted.some((name) => !own[name])) return null;
  const link = make("a", "", words);
  link.href = template.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(own[name]));
  link.target = "_blank";
  link.rel = "noreferrer";
  return link;
}

function changeRows(row) {
  const may = review && review.may_approve && decisions[people.decision[row]].writes;
  const rows = [];
  for (let i = first[row], last = end(row); i < last; i += 1) {
    const one = attributes[changes.attribute[i]];
    const line = make("div", leftOut.changes.has(i) || leftOut.attributes.has(one.path) ? "change out" : "change",
      make("span", "attribute", one.label), step(text(changes.before[i]), text(changes.after[i])),
      make("span", "happened", causes[changes.cause[i]].words));
    if (may) {
      const out = make("button", "leave", leftOut.changes.has(i) ? "Left out" : "Leave out");
      out.type = "button";
      out.dataset.leaveOne = i;
      out.setAttribute("aria-label", `Leave out ${one.label} of ${text(people.name[row])}`);
      out.setAttribute("aria-pressed", String(leftOut.changes.has(i)));
      line.append(out);
    }
    rows.push(line);
  }
  return rows;
}

function clauseLine([filter, clause, seen, holds]) {
  const mark = holds === null ? "not read" : holds ? "holds" : "does not hold";
  return make("span", holds === null ? "muted" : holds ? "holds" : "fails", `${mark}: `, make("bdi", "", clause), seen === null ? " (nothing)" : " (", seen === null ? null : make("bdi", "", seen), seen === null ? null : ")");
}

function earlierLine([run, decision, reason, came, who]) {
  return make("span", "", make("code", "", run), ` ${decision}${came ? `: ${came}` : ""}`, who ? `, approved by ` : null, who ? make("bdi", "", who) : null, reason ? make("span", "happened", reason) : null);
}

function fillPanel(row) {
  const known = details.get(row), decision = decisions[people.decision[row]];
  byId("panel-name").replaceChildren(make("bdi", "", text(people.name[row]) ?? text(people.user[row]) ?? people.key[row]));
  const rows = openers().map((one) => Number(one.dataset.open));
  const info = table.page.info();
  byId("panel-place").textContent = rows.includes(row) ? `${figures.format(info.start + rows.indexOf(row) + 1)} of ${figures.format(info.recordsDisplay)}` : "";
  const links = [linkTo(data.links.source, row, "In Entra"), linkTo(data.links.target, row, "In the directory")].filter((link) => link);
  const body = [
    make("p", "", make("span", `what d-${decision.name}`, decision.label), " ", make("bdi", "muted", text(people.user[row]) ?? "")),
    make("p", "", make("bdi", "", text(people.reason[row]) ?? ""), people.remedy[row] < 0 ? null : make("bdi", "happened", text(people.remedy[row]))),
    links.length ? make("p", "links", ...links.flatMap((link) => [link, " "])) : null,
    review && review.may_approve && decision.writes ? make("p", "", leaveButton("person", row, "Leave out")) : null,
    section("Before and after", ...changeRows(row)),
  ];
  if (known) {
    body.push(
      section("Taken for", known.verdict ? make("p", "", known.verdict, known.rule ? `, by the rule ${known.rule}` : null) : null, list(known.signals, "")),
      section("Scope, clause by clause", list(known.clauses.map(clauseLine), "plain clauses")),
      section("Earlier runs", list(known.earlier.map(earlierLine), "plain earlier")),
    );
  }
  if (data.paged) body.push(...sharedOf(row));
  if (review) {
    const note = make("textarea", "");
    note.id = "panel-note";
    note.maxLength = 2000;
    note.value = notes.get(row) ?? "";
    note.addEventListener("input", () => { if (note.value.trim()) notes.set(row, note.value); else notes.delete(row); remember({ note: row }); });
    const named = make("label", "", data.paged ? "Your note on this person, for the other reviewers too" : "A note on this person", note);
    body.push(make("section", "", named));
  }
  if (data.paged) body.push(overAllRuns(row));
  else body.push(make("p", "muted", "All that is known: ", make("code", "", `trueup why ${people.key[row]} --run ${data.run}`)));
  byId("panel-body").replaceChildren(...body.filter((part) => part !== null));
}

function openPanel(row) {
  opened = row;
  looked.add(row);
  fillPanel(row);
  panel.hidden = false;
  document.body.classList.add("with-panel");
  mark();
  byId("panel-name").focus({ preventScroll: true });
  panel.scrollTop = 0;
  remember({ looked: row });
}

function closePanel() {
  if (panel.hidden) return false;
  panel.hidden = true;
  document.body.classList.remove("with-panel");
  const back = openers().find((one) => Number(one.dataset.open) === opened);
  opened = -1;
  mark();
  remember({ looked: -1 });
  if (back) back.focus();
  return true;
}

function mark() {
  for (const one of openers()) {
    const row = Number(one.dataset.open);
    one.setAttribute("aria-expanded", String(row === opened));
    one.closest("tr").classList.toggle("opened", row === opened);
    one.closest("tr").classList.toggle("looked", looked.has(row));
    if (data.paged) markShared(one, row);
  }
}

// The next person of the list, over the ends of pages.
function move(by) {
  const around = byId("people").closest("details");
  if (around) around.open = true;
  const now = opened >= 0 ? opened : Number(document.activeElement?.dataset?.open ?? -1);
  const all = openers();
  let at = all.findIndex((one) => Number(one.dataset.open) === now);
  at = at < 0 ? (by > 0 ? 0 : all.length - 1) : at + by;
  if (at < 0 || at >= all.length) {
    const { page, pages } = table.page.info();
    if (page + by < 0 || page + by >= pages) return;
    table.one("draw", () => { const next = openers(); goTo(next[by > 0 ? 0 : next.length - 1]); });
    table.page(page + by).draw("page");
    return;
  }
  goTo(all[at]);
}

function goTo(one) {
  if (!one) return;
  one.scrollIntoView({ block: "nearest" });
  if (opened >= 0) openPanel(Number(one.dataset.open));
  else one.focus();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button.open");
  if (button) openPanel(Number(button.dataset.open));
});
byId("panel-close").addEventListener("click", closePanel);
byId("panel-before").addEventListener("click", () => move(-1));
byId("panel-after").addEventListener("click", () => move(1));
table.on("draw", () => {
  mark();
  const all = openers();
  if (opensNext && all.length === 1) openPanel(Number(all[0].dataset.open));
  opensNext = false;
});
