let version = 0; // of filters and what is left out: a row that was filled at this version need not be filled again
if (allWrites) filters.set("decision", { facet: "decision", wanted: "writes", ask: question("decision", "writes") });

const table = new DataTable.Api(grid.jQuery(byId("grid")).dataTable({
  ...(data.paged ? inParts : { data: Array.from({ length: size }, (_, row) => row) }),
  columns: [
    column("Person", whoCell, (row) => (text(people.name[row]) ?? "").toLowerCase(), searchText),
    column("What", whatCell, (row) => people.decision[row], () => ""),
    column("Changes", changesCell, (row) => end(row) - first[row], () => ""),
    column("Why", reasonCell, (row) => text(people.reason[row]) ?? "", () => ""),
  ],
  createdRow: (tr, row) => { tr.dataset.row = row; tr.dataset.version = version; tr.classList.toggle("left-out", isLeftOut(row)); },
  order: [],
  autoWidth: false,
  pageLength: 50,
  lengthMenu: [25, 50, 100, 500],
  layout: { topStart: "search", topEnd: "pageLength", bottomStart: "info", bottomEnd: "paging" },
  language: {
    search: "Search", info: "_START_ to _END_ of _TOTAL_ people", infoEmpty: "Nobody", infoFiltered: "(of _MAX_)",
    lengthMenu: "_MENU_ a page", zeroRecords: "Nobody fits these filters.", emptyTable: "Nobody is listed.",
    thousands: ",",
  },
}));
// Cells are filled once; what filters and leaving out change is filled anew for the page that is shown.
table.on("draw", () => {
  for (const tr of byId("grid").tBodies[0].rows) {
    if (tr.dataset.row === undefined || Number(tr.dataset.version) === version) continue;
    tr.dataset.version = version;
    const row = Number(tr.dataset.row);
    tr.classList.toggle("left-out", isLeftOut(row));
    const cell = tr.cells[2];
    cell.replaceChildren();
    changesCell(cell, row);
    for (const button of tr.querySelectorAll("[data-leave-person]")) pressed(button, leftOut.people.has(row));
  }
});
refresh(!data.paged);
