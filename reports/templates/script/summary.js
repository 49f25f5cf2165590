// --- the last summary before accepting: what is written, left out, overridden
function reasons() {
  const allow = {};
  for (const input of document.querySelectorAll("input.allow")) if (input.value.trim()) allow[input.dataset.limit] = input.value.trim();
  return allow;
}

function summarise() {
  const without = (number) => Array.from(leftOut.people).filter((row) => people.decision[row] === number).length;
  const written = decisions.map((one, number) => [one, one.writes ? counts[number] - without(number) : 0]).filter(([, count]) => count);
  const total = written.reduce((sum, [, count]) => sum + count, 0);
  const named = Array.from(leftOut.people).slice(0, 20).map((row) => make("bdi", "", text(people.name[row])));
  if (leftOut.people.size > named.length) named.push(`and ${figures.format(leftOut.people.size - named.length)} more`);
  const single = Array.from(leftOut.changes).slice(0, 20).map((i) => `${attributes[changes.attribute[i]].label}: ${text(changes.before[i]) ?? "nothing"} → ${text(changes.after[i]) ?? "nothing"}`);
  const counted = new Map();
  for (const one of single) counted.set(one, (counted.get(one) ?? 0) + 1);
  const parts = whatIsLeftOut();
  byId("summary-body").replaceChildren(...[
    section("Written", list(written.map(([one, count]) => `${figures.format(count)} ${one.noun}${count === 1 ? "" : "s"}`), "")),
    section("Left out", make("p", "", parts.length ? `${parts.join(", ")}, and what depends on them.` : "Nothing."), list(named, ""), list(Array.from(counted, ([words, times]) => (times > 1 ? `${words} (${figures.format(times)}×)` : words)), "")),
    section("Beyond a limit, because", list(Object.entries(reasons()).map(([limit, why]) => `${limit}: ${why}`), "")),
    section("Notes", notes.size || byId("note").value.trim() ? make("p", "", `${figures.format(notes.size)} on people${byId("note").value.trim() ? ", one on the whole" : ""}; they are kept with the approval.`) : null),
    make("p", "muted", `${byId("looked").textContent}. Nothing is written before somebody applies it.`),
  ].filter((part) => part !== null));
  byId("confirm").textContent = `Accept ${figures.format(total)} ${total === 1 ? "write" : "writes"}`;
  byId("summary").showModal();
}

if (review) {
  byId("not-yet").addEventListener("click", () => byId("summary").close());
  byId("confirm").addEventListener("click", () => {
    byId("summary").close();
    send("approve", data.paged ? seen({ exclude: selectors(), allow: reasons(), note: byId("note").value.trim() }) : {
      name: byId("reviewer").value, people: [...leftOut.people], attributes: [...leftOut.attributes], changes: [...leftOut.changes],
      allow: reasons(), note: byId("note").value, notes: Object.fromEntries(notes),
    });
  });
}
