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

function leaveCurrent() {
  const row = opened >= 0 ? opened : Number(document.activeElement?.dataset?.open ?? -1);
  const button = row < 0 ? null : document.querySelector(`[data-leave-person="${row}"]`);
  if (button) leave(button);
}

const writesChange = (row) => WRITES.has(people.decision[row]);

async function leave(button) {
  const on = button.getAttribute("aria-pressed") !== "true";
  const { leavePerson, leaveAttribute, leaveGroup, leaveChange, leaveOne } = button.dataset;
  const before = selectors();
  const put = (set, one) => (on ? set.add(one) : set.delete(one));
  if (leavePerson !== undefined) put(leftOut.people, Number(leavePerson));
  if (leaveAttribute !== undefined) put(leftOut.attributes, leaveAttribute);
  if (leaveOne !== undefined) put(leftOut.changes, Number(leaveOne));
  if (leaveGroup !== undefined) for (const row of await membersOf(Number(leaveGroup))) if (writesChange(row)) put(leftOut.people, row);
  if (leaveChange !== undefined) {
    for (const row of (await membersOf(Number(leaveChange))).filter(writesChange)) {
      for (let i = first[row], last = end(row); i < last; i += 1) if (changes.group[i] === Number(leaveChange)) put(leftOut.changes, i);
    }
  }
  version += 1;
  pressed(button, on);
  say();
  table.draw("page");
  if (opened >= 0) fillPanel(opened);
  remember({ before });
}

// What is left out, as trueup approve --exclude would name it.
function selectors() {
  if (!data.paged) return [];
  const single = Array.from(leftOut.changes, (i) => `${people.id[personOf(i)]}/${attributes[changes.attribute[i]].path}`);
  return [...Array.from(leftOut.people, (row) => people.id[row]), ...leftOut.attributes, ...single];
}

function whatIsLeftOut() {
  const parts = [];
  if (leftOut.people.size) parts.push(`${figures.format(leftOut.people.size)} ${leftOut.people.size === 1 ? "person" : "people"}`);
  for (const path of leftOut.attributes) parts.push(`the attribute ${attributes[attributeNumber.get(path)].label}`);
  const single = leftOut.changes.size;
  if (single) parts.push(`${figures.format(single)} single ${single === 1 ? "change" : "changes"}`);
  return parts;
}

function say() {
  const parts = whatIsLeftOut();
  byId("left-out").textContent = parts.length ? `Left out: ${parts.join(", ")}. What depends on them is left out with them.` : "Nothing is left out.";
  const accept = byId("accept");
  if (!accept) return;
  const all = Number(accept.dataset.writes), rest = all - leftOut.people.size;
  accept.textContent = rest === all ? `Accept ${figures.format(all)} ${all === 1 ? "write" : "writes"}` : `Accept ${figures.format(rest)} of ${figures.format(all)} writes`;
}

function sayLooked() {
  const done = Array.from(looked).filter(writesChange).length;
  byId("looked").textContent = `Looked at ${figures.format(done)} of ${figures.format(allWrites)}`;
}

function post(what, body) {
  const mine = data.paged ? { "X-CSRF": viewer.csrf } : { "X-Trueup-Review": review.secret };
  return fetch(data.paged ? `${location.pathname}/${what}` : what, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...mine },
    body: JSON.stringify(body),
  });
}

// Where the reviewer is outlives the page: kept beside the archive, in private.
let soon = 0;
function remember(what) {
  if (data.paged) { share(what ?? {}); return; }
  if (!review) return;
  sayLooked();
  clearTimeout(soon);
  if (document.body.dataset.done || !location.protocol.startsWith("http")) return;
  soon = setTimeout(() => post("state", { looked: [...looked], notes: Object.fromEntries(notes), note: byId("note").value }).catch(() => {}), 600);
}

function decided(what, said) {
  clearTimeout(soon);
  const state = document.querySelector("header .state");
  if (state) state.textContent = what === "approve" ? "approved" : "rejected";
  const box = make("p", "decided", said.message);
  box.setAttribute("role", "status");
  document.querySelector("header").append(box);
  for (const one of document.querySelectorAll("header .ask, header .action")) one.hidden = true; // it was asked, and answered
  for (const one of document.querySelectorAll("#sign input, #panel-note, button.leave")) one.disabled = true;
  review.may_approve = false;
}

async function send(what, body) {
  const answer = byId("answer");
  for (const button of document.querySelectorAll("#sign button")) button.disabled = true;
  answer.textContent = "One moment …";
  let status = 0, said = { ok: false, message: data.paged ? "The server does not answer. Load the page again once it does: it shows whether your decision was recorded." : "The review is no longer running; start it again with trueup review." };
  try {
    const response = await post(what, body);
    status = response.status;
    said = await response.json();
  } catch { /* said holds what to do */ }
  answer.textContent = [said.message, said.remedy].filter((part) => part).join("\n");
  if (data.paged && status === 409) answer.append(make("span", "again", loadAgain()));
  document.body.dataset.done = said.ok ? what : "";
  if (said.ok) decided(what, said);
  if (said.code === "sign_in_again") { answer.textContent = ""; askAgain(said); }
  if (data.paged) redraw();
  (said.ok ? document.querySelector("header .decided") : answer).scrollIntoView({ block: "center" }); // whoever came by key is elsewhere
  if (!said.ok) for (const button of document.querySelectorAll("#sign button")) button.disabled = false;
}

// What is missing is marked where it belongs; gives the first such field.
function lacking() {
  let missing = null;
  for (const input of document.querySelectorAll("#reviewer, input.allow")) { // signed in, nobody signs by name
    const empty = !input.value.trim();
    input.setAttribute("aria-invalid", String(empty));
    input.closest("p").querySelector(".lacking").hidden = !empty;
    if (empty && !missing) missing = input;
  }
  return missing;
}

if (review) {
  for (const row of review.state.looked ?? []) looked.add(row);
  for (const [row, said] of Object.entries(review.state.notes ?? {})) notes.set(Number(row), said);
  byId("note").value = review.state.note ?? "";
  byId("note").addEventListener("input", () => remember({ note: "" }));
  sayLooked();
  mark();
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.leave");
    if (button) leave(button);
  });
  byId("review").addEventListener("submit", (event) => {
    event.preventDefault();
    if (!review.may_approve) return;
    const missing = lacking();
    if (missing) { closePanel(); missing.scrollIntoView({ block: "center" }); missing.focus({ preventScroll: true }); return; }
    summarise();
  });
  byId("reject").addEventListener("click", () => send("reject", data.paged ? seen({ reason: byId("why").value.trim() }) : { name: byId("reviewer").value, reason: byId("why").value }));
}
