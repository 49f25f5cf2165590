// --- keyboard and print
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "Escape") {
    if (closePanel()) return;
    filters.clear();
    table.search("");
    refresh();
    return;
  }
  if (event.target.closest("input, textarea, select")) return;
  if (event.key === "j") move(1);
  if (event.key === "k") move(-1);
  if (event.key === "?") byId("keys").showModal();
  if (event.key === "x") leaveCurrent();
  if (event.key === "a" && review && review.may_approve) { event.preventDefault(); byId("review").requestSubmit(); }
  if (event.key === "/") { event.preventDefault(); document.querySelector(".dt-search input").focus(); }
  if (event.key === "n") table.page("next").draw("page");
  if (event.key === "p") table.page("previous").draw("page");
});
let pageLength = 0;
// What is folded away on a screen stands on paper.
let folded = [];
addEventListener("beforeprint", () => { folded = [...document.querySelectorAll("details:not([open])")]; for (const one of folded) one.open = true; });
addEventListener("afterprint", () => { for (const one of folded) one.open = false; folded = []; });
addEventListener("beforeprint", () => { pageLength = table.page.len(); if (!data.paged && table.page.info().recordsDisplay <= 3000) table.page.len(-1).draw(); });
addEventListener("afterprint", () => { if (table.page.len() !== pageLength) table.page.len(pageLength).draw(); });
