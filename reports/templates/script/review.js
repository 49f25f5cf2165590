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
