// --- what the others do, as it happens: who is here, who looked at whom, notes, drafts, decisions, apply
const TIME = { hour: "2-digit", minute: "2-digit" };
const isToday = (at) => new Date(at).toDateString() === new Date().toDateString();
function clock(at) { return new Date(at).toLocaleString([], isToday(at) ? TIME : { day: "numeric", month: "short", ...TIME }); }
function when(at) { return `${isToday(at) ? "at" : "on"} ${clock(at)}`; }
function others(of) { return Object.entries(of ?? {}).filter(([id]) => id !== viewer.id); }

// RFC 7396: null deletes, objects are gone into, all else replaces.
function merge(into, patch) {
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete into[name];
    else if (typeof value === "object" && !Array.isArray(value)) into[name] = merge(typeof into[name] === "object" && into[name] !== null ? into[name] : {}, value);
    else into[name] = value;
  }
  return into;
}

function draftsOf(row) {
  const key = people.id[row];
  return others(live.left_out).filter(([, one]) => one.selectors.some((two) => two === key || two.startsWith(`${key}/`))).map(([, one]) => one.who);
}

function markShared(button, row) {
  const cell = button.closest("td"), key = people.id[row];
  cell.querySelector(".shared")?.remove();
  const chips = [];
  for (const [, one] of others(live.here)) if (one.key === key) chips.push(make("span", "chip here", `${one.who} is here`));
  for (const who of draftsOf(row)) chips.push(make("span", "chip out", `left out by ${who}, not accepted yet`));
  if (data.left_by[key]) chips.push(make("span", "chip out", `left out by ${data.left_by[key]}`));
  const said = Object.keys(live.notes[key] ?? {}).length;
  if (said) chips.push(make("span", "chip", said === 1 ? "1 note" : `${said} notes`));
  if (key === viewer.own_key && review) chips.push(make("span", "chip out", "your own row"));
  if (chips.length) cell.append(make("span", "shared", ...chips));
  const by = Object.values(live.looked[key] ?? {});
  button.title = by.length ? `Looked at by ${by.join(", ")}` : "";
}

function noteLine({ who, at, text: words }) {
  return make("span", "", make("bdi", "", words), make("span", "happened", `${who}, ${clock(at)}`));
}

// What the panel says of a person beside the run itself.
function sharedOf(row) {
  const key = people.id[row];
  const by = Object.values(live.looked[key] ?? {});
  const notes_ = Object.entries(live.notes[key] ?? {}).filter(([id]) => id !== viewer.id || !review).map(([, one]) => noteLine(one));
  const out = draftsOf(row);
  if (data.left_by[key]) out.push(data.left_by[key]);
  return [
    by.length ? make("p", "muted", `Looked at by ${by.join(", ")}`) : null,
    out.length ? make("p", "note", `Left out by ${out.join(", ")}`) : null,
    key === viewer.own_key && review ? make("p", "note", "This is your own row. With one approver it is left out until somebody else accepts it.") : null,
    section("Notes of others", list(notes_, "plain")),
  ];
}

function overAllRuns(row) {
  const key = people.id[row];
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(key)) return null;
  const link = make("a", "", "This person over all runs");
  link.href = `/people/${encodeURIComponent(key)}`;
  return make("p", "", link);
}

// What is known of a person comes when they are opened.
const fetched = new Set();
async function fetchDetail(row) {
  if (fetched.has(row)) return;
  fetched.add(row);
  const said = await asked({ key: people.id[row] }, "person").catch(() => null);
  if (!said) { fetched.delete(row); return; }
  keep(said);
  if (said.detail) details.set(row, said.detail);
  if (opened === row && document.activeElement?.id !== "panel-note") fillPanel(row);
}

let noteSoon = 0;
function share({ looked: row, note, before }) {
  if (row >= 0) fetchDetail(row);
  if (!review) return;
  sayLooked();
  if (document.body.dataset.done) return;
  const quietly = (what, body) => asked(body, what).catch(() => {});
  if (row >= 0 && review.may_approve) quietly("look", { key: people.id[row], on: true });
  if (row !== undefined) quietly("here", { key: row >= 0 ? people.id[row] : null });
  if (note !== undefined) {
    clearTimeout(noteSoon);
    const key = note === "" ? "" : people.id[note], words = () => (note === "" ? byId("note").value : notes.get(note) ?? "");
    noteSoon = setTimeout(() => quietly("note", { key, text: words().trim() }), 600);
  }
  if (before) {
    const now = new Set(selectors()), then = new Set(before);
    const more = [...now].filter((one) => !then.has(one)), fewer = [...then].filter((one) => !now.has(one));
    if (more.length) quietly("leave-out", { selectors: more, on: true });
    if (fewer.length) quietly("leave-out", { selectors: fewer, on: false });
  }
}

function seen(body) { return { fingerprint: data.fingerprint, acts: live.acts, ...body }; }

function sayHere() {
  const here = others(live.here).map(([, one]) => one.who);
  byId("here").replaceChildren(...(here.length ? [make("span", "muted", "Here now: "), ...here.map((who) => make("span", "chip here", who))] : []));
}

function loadAgain() {
  const again = make("button", "primary", "Load again");
  again.type = "button";
  again.addEventListener("click", () => location.reload());
  return again;
}

function decisionWords(one) { return ` ${data.act_words[one.what] ?? one.what.replaceAll("_", " ")}`; }

// The head said what had become of the run when the page was made: what happened since belongs there too.
const became = document.querySelector("header .became"), becameAtFirst = became && data.acts ? [...became.children] : [];
const DONE = { approve: "approved", reject: "rejected" };

function sayDecisions() {
  const all = Object.entries(live.decisions).sort(([one], [two]) => Number(one) - Number(two));
  const since = all.filter(([number]) => Number(number) > data.acts).map(([, one]) => one);
  if (since.length) became?.replaceChildren(...becameAtFirst, ...since.map((one) => make("li", "", make("bdi", "", one.who), `${decisionWords(one)} ${when(one.at)}.`)));
  const own = since.findIndex((one) => one.who === viewer.name && one.what === DONE[document.body.dataset.done]); // the answer told it
  const fresh = since.filter((_, at) => at !== own);
  const news = byId("news");
  news.hidden = !fresh.length;
  if (!fresh.length) return;
  const lines = fresh.map((one) => make("li", "", make("bdi", "by", one.who), decisionWords(one), one.left_out ? `, leaving out ${figures.format(one.left_out)} ${one.left_out === 1 ? "person" : "people"}, in whole or in part,` : "", ` ${when(one.at)}.`, one.note ? make("bdi", "happened", one.note) : null));
  news.replaceChildren(make("ul", "plain", ...lines), make("p", "", live.state === "approved" && live.still_needed ? `${figures.format(live.still_needed)} more must accept before it can be applied.` : "", review && live.why_not && !live.may_approve && fresh.every((one) => one.what !== "rejected") ? ` ${live.why_not}` : ""), make("p", "", loadAgain()));
  const state = document.querySelector("header .state");
  if (state && live.state) state.textContent = live.state.replaceAll("_", " ");
}

function sayOpen() {
  if (!review || live.may_approve === undefined) return;
  const atWork = (live.apply && !live.apply.ended) || live.at_work;
  review.may_approve = live.may_approve && !atWork && !document.body.dataset.done;
  for (const button of document.querySelectorAll("#sign button, button.leave")) button.disabled = !review.may_approve;
  for (const one of document.querySelectorAll("header .ask, header .action")) one.hidden = !review.may_approve; // it is asked of nobody any more
}

function sayApply() {
  // An apply may be at work that somebody else began, or this service before it was started anew.
  const own = live.apply && !(live.apply.ended && live.at_work) ? live.apply : null;
  const box = byId("applying"), apply = own ?? (live.at_work ? { total: 0, ended: null } : null), ready = viewer.may_apply && live.state === "approved" && live.still_needed === 0;
  box.hidden = !apply && !ready;
  byId("apply").hidden = Boolean(apply) || !ready;
  const bar = byId("apply-bar");
  bar.hidden = !apply || Boolean(apply.ended);
  if (!apply) { byId("apply-said").textContent = ready ? "It is accepted. Nothing is written before somebody applies it." : ""; return; }
  if (apply.total) { bar.max = apply.total; bar.value = apply.done; } else bar.removeAttribute("value");
  byId("apply-said").textContent = apply.ended ? `Apply has ended: ${apply.ended.replaceAll("_", " ")}. ${apply.text}` : `Applying${apply.total ? `: ${figures.format(apply.done)} of ${figures.format(apply.total)}` : " …"}`;
}

// Whoever is named and was not sent yet is asked for once.
const wantedOnce = new Set();
async function fetchNamed() {
  const keys = new Set([...Object.keys(live.looked), ...Object.keys(live.notes), ...(live.left_out[viewer.id]?.selectors ?? []).map((one) => one.split("/")[0])]);
  const missing = [...keys].filter((key) => key && !rowOf.has(key) && !wantedOnce.has(key));
  for (const key of missing) wantedOnce.add(key);
  if (missing.length) await ask({ ask: "those", keys: missing }).catch(() => {});
}

let restored = false;
function restoreMine() {
  if (restored || !review) return;
  restored = true;
  for (const one of live.left_out[viewer.id]?.selectors ?? []) {
    const [key] = one.split("/"), row = rowOf.get(key);
    if (attributeNumber.has(one)) leftOut.attributes.add(one);
    else if (row !== undefined && one === key) leftOut.people.add(row);
    else if (row !== undefined) {
      for (let i = first[row]; i < end(row); i += 1) if (one === `${key}/${attributes[changes.attribute[i]].path}`) leftOut.changes.add(i);
    }
  }
  for (const [key, own] of Object.entries(live.notes)) {
    const mine = own[viewer.id]?.text;
    if (mine && key === "") byId("note").value = mine;
    else if (mine && rowOf.has(key)) notes.set(rowOf.get(key), mine);
  }
  for (const button of document.querySelectorAll("[data-leave-attribute]")) pressed(button, leftOut.attributes.has(button.dataset.leaveAttribute));
  version += 1;
  say();
  table.draw("page");
}

async function redraw() {
  await fetchNamed();
  restoreMine();
  for (const key of Object.keys(live.looked)) if (rowOf.has(key)) looked.add(rowOf.get(key));
  sayHere();
  sayDecisions();
  sayOpen();
  sayApply();
  byId("whole-notes").replaceChildren(...Object.entries(live.notes[""] ?? {}).filter(([id]) => id !== viewer.id || !review).map(([, one]) => make("li", "", make("span", "muted", `${one.who} on the whole plan, ${clock(one.at)}: `), make("bdi", "", one.text))));
  if (review) sayLooked();
  mark();
  if (opened >= 0 && document.activeElement?.id !== "panel-note") fillPanel(opened);
  document.body.dataset.live = String(live.version ?? 0);
}

const events = new EventSource(`${location.pathname}/events`);
events.addEventListener("state", (event) => {
  for (const name of Object.keys(live)) if (!["acts"].includes(name)) delete live[name];
  Object.assign(live, { here: {}, looked: {}, notes: {}, left_out: {}, decisions: {}, apply: null }, JSON.parse(event.data));
  trouble("");
  redraw();
});
events.addEventListener("change", (event) => { merge(live, JSON.parse(event.data)); live.apply ??= null; redraw(); });
events.addEventListener("closed", (event) => {
  events.close();
  trouble(JSON.parse(event.data).text || "Your session has ended.");
  if (review) review.may_approve = false;
  for (const button of document.querySelectorAll("#sign button, button.leave, #apply")) button.disabled = true;
});
events.addEventListener("error", () => {
  trouble(events.readyState === EventSource.CLOSED ? "This page is no longer kept up to date. Load it again." : "The connection was lost; it is tried again. What you see may be out of date.");
});

if (review) byId("decides-as").textContent = viewer.name;
byId("apply")?.addEventListener("click", async () => {
  const button = byId("apply");
  button.disabled = true;
  const said = await asked({ fingerprint: data.fingerprint }, "apply").catch(() => null);
  if (!said) button.disabled = false;
});
