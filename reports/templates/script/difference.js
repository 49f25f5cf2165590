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
