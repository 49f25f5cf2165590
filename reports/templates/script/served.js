// --- in a shared review people come in parts, as the list shows them; the first part comes with the page
const viewer = JSON.parse(byId("viewer").textContent);
data.review = byId("sign") ? { may_approve: true, state: {} } : null;
const TEXTS = new Set(["name", "user", "profile", "reason", "words", "remedy", "since", "left"]);
const rowOf = new Map(), owners = [];
const live = { here: {}, looked: {}, notes: {}, left_out: {}, decisions: {}, acts: data.acts, apply: null };
const personOf = (i) => owners[i];

function keep(part) {
  const offset = strings.length;
  const moved = (number) => (number < 0 ? number : number + offset);
  for (const one of part.strings) strings.push(one);
  part.rows.forEach((row, n) => {
    for (const [name, column] of Object.entries(part.people)) people[name][row] = TEXTS.has(name) ? moved(column[n]) : column[n];
    rowOf.set(people.id[row], row);
    for (let i = people.first[row]; i < people.end[row]; i += 1) owners[i] = row;
  });
  part.at.forEach((i, n) => {
    for (const [name, column] of Object.entries(part.changes)) changes[name][i] = name === "before" || name === "after" ? moved(column[n]) : column[n];
  });
  return part.rows;
}

function trouble(words) {
  byId("trouble").textContent = words;
}

// Deciding needs a newer sign-in: here is the way there, and back to this page.
function askAgain(said) {
  const link = make("a", "", "Sign in again");
  link.href = `/sign-in?again=1&to=${encodeURIComponent(location.pathname)}`;
  byId("trouble").replaceChildren(`${said.message} `, link);
  byId("trouble").scrollIntoView({ block: "center" });
}

// A question to the server; gives the answer, or says what is wrong and throws.
async function asked(body, where = "people") {
  let said = null;
  try {
    const response = await post(where, body);
    said = response.headers.get("content-type")?.startsWith("application/json") ? await response.json() : { message: "Your session has ended. Load the page again to sign in." };
    if (response.ok) { trouble(""); return said; }
  } catch { said = { message: "The server does not answer." }; }
  if (said.code === "sign_in_again") { askAgain(said); throw new Error("not answered"); }
  trouble([said.message, said.remedy].filter((part) => part).join(" ") || "That was not answered. Load the page again.");
  throw new Error("not answered");
}

const ask = async (body) => keep(await asked(body));

let firstPart = data.part;
const inParts = {
  serverSide: true,
  searchDelay: 250,
  ajax: (request, then) => {
    const filled = (part) => { keep(part); then({ draw: request.draw, recordsTotal: part.total, recordsFiltered: part.filtered, data: part.rows }); };
    if (firstPart) { const part = firstPart; firstPart = null; filled(part); return; }
    asked({
      ask: "list", start: request.start, length: request.length, search: request.search.value,
      order: request.order.map((one) => [one.column, one.dir === "desc"]),
      filters: Array.from(filters.values(), ({ facet, wanted }) => [facet, String(wanted)]),
    }).then(filled, () => then({ draw: request.draw, recordsTotal: size, recordsFiltered: 0, data: [] }));
  },
};
