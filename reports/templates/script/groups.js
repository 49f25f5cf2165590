// --- groups of identical changes open to their people
const NAMED = 60;
document.querySelectorAll("details.group").forEach((group) => group.addEventListener("toggle", async () => {
  const members = group.querySelector(".members");
  if (!group.open || members.childElementCount) return;
  const rows = await membersOf(Number(group.dataset.group));
  if (members.childElementCount) return;
  for (const row of rows.slice(0, NAMED)) members.append(make("div", "", make("bdi", "", text(people.name[row]))));
  if (rows.length > NAMED) members.append(make("div", "muted", `and ${figures.format(rows.length - NAMED)} more: show them in the list`));
}));

async function membersOf(group) {
  if (data.paged) return ask({ ask: "members", group });
  const rows = [];
  for (let row = 0; row < size; row += 1) if (anyChange(row, (i) => changes.group[i] === group)) rows.push(row);
  return rows;
}
