// The list of people, its filters, and (where the page is served for review) the signature.
// Text from the directory only ever becomes text: textContent and text nodes, never HTML.
const DataTable = grid.jQuery.fn.dataTable;
const data = JSON.parse(document.getElementById("data").textContent);
const { people, changes, strings, decisions, attributes, causes, groups } = data;
// In a shared review the page holds the people it was sent so far, each in the row the server gave them (served.js).
const size = data.size ?? people.key.length;
const decisionNumber = new Map(decisions.map((one, number) => [one.name, number]));
const attributeNumber = new Map(attributes.map((one, number) => [one.path, number]));
const causeNumber = new Map(causes.map((one, number) => [one.name, number]));
const WRITES = new Set(decisions.flatMap((one, number) => (one.writes ? [number] : [])));
const counts = data.counts ?? decisions.map((_, number) => people.decision.reduce((sum, one) => sum + (one === number), 0));
const allWrites = counts.reduce((sum, count, number) => sum + (WRITES.has(number) ? count : 0), 0);
const text = (number) => (number < 0 ? null : strings[number]);
const figures = new Intl.NumberFormat("en");
const byId = (id) => document.getElementById(id);

function make(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  for (const child of children) if (child !== null) node.append(child);
  return node;
}
