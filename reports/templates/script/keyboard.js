// --- keyboard and print
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") { filters.clear(); table.search(""); refresh(); return; }
  if (event.target.closest("input, textarea, select")) return;
  if (event.key === "/") { event.preventDefault(); document.querySelector(".dt-search input").focus(); }
  if (event.key === "n") table.page("next").draw("page");
  if (event.key === "p") table.page("previous").draw("page");
});
let pageLength = 0;
addEventListener("beforeprint", () => { pageLength = table.page.len(); if (table.page.info().recordsDisplay <= 3000) table.page.len(-1).draw(); });
addEventListener("afterprint", () => { if (table.page.len() !== pageLength) table.page.len(pageLength).draw(); });
