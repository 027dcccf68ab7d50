// Search, filters, order, permalink and CSV of the tables of a board. The page is whole without this script.
"use strict";
(() => {
  const form = document.querySelector("form.filters");
  const field = name => form.elements.namedItem(name);
  const said = form.querySelector("output");

  // Whole values first, then those of limited runs, then gaps, whichever way a column is sorted.
  const parse = text => {
    const partial = text.startsWith("partial ");
    const figure = partial ? text.slice(8) : text;
    return { group: figure === "" ? 2 : Number(partial), value: Number(figure) };
  };
  const by = sign => (one, two) => {
    const a = parse(String(one)), b = parse(String(two));
    return a.group - b.group || (a.group === 2 ? 0 : sign * (a.value - b.value));
  };
  DataTable.type("figure", { order: { asc: by(1), desc: by(-1) } });
  DataTable.ext.errMode = "throw";

  const tables = [...document.querySelectorAll("table.board")].map(element => {
    const heads = [...element.tHead.rows[0].cells];
    const first = Number(element.dataset.sorted);
    const order = [[first, heads[first].dataset.direction]];
    const table = new DataTable(element, {
      paging: false, autoWidth: false, order, layout: { topStart: null, topEnd: null, bottomStart: null, bottomEnd: null },
      columns: heads.map(head => head.dataset.direction
        ? { type: "figure", orderSequence: head.dataset.direction === "desc" ? ["desc", "asc"] : ["asc", "desc"] }
        : { type: "string" }),
    });
    table.search.fixed("filters", (text, data, index) => keeps(table.row(index).node()));
    return { element, table, first: order, number: element.dataset.number };
  });

  const chosen = name => field(name)?.value ?? "";
  function keeps(row) {
    const { control, attestation, family } = row.dataset;
    return (field("controls").checked || control === "0")
      && (chosen("attestation") === "" || attestation === chosen("attestation"))
      && (chosen("family") === "" || family === chosen("family"));
  }

  function show() {
    for (const { table } of tables) table.search(chosen("search")).draw();
    const count = tables.reduce((sum, { table }) => sum + table.rows({ search: "applied" }).count(), 0);
    const whole = tables.reduce((sum, { table }) => sum + table.rows().count(), 0);
    said.value = count === whole ? "" : `${count} of ${whole} rows`;
  }

  // The fragment holds what differs from the page as it was written.
  let loading = false;
  function remember() {
    if (loading) return;
    const words = new URLSearchParams();
    if (chosen("search")) words.set("search", chosen("search"));
    if (!field("controls").checked) words.set("controls", "0");
    for (const name of ["attestation", "family"]) if (chosen(name)) words.set(name, chosen(name));
    for (const { table, first, number } of tables) {
      const [at, way] = table.order()[0] ?? first[0];
      if (at !== first[0][0] || way !== first[0][1]) words.set(`sort${number}`, `${at}-${way}`);
    }
    const fragment = words.toString();
    history.replaceState(null, "", fragment ? `#${fragment}` : location.pathname + location.search);
  }

  function recall() {
    loading = true;
    const words = new URLSearchParams(location.hash.slice(1));
    field("search").value = words.get("search") ?? "";
    field("controls").checked = words.get("controls") !== "0";
    for (const name of ["attestation", "family"]) if (field(name)) field(name).value = words.get(name) ?? "";
    for (const { table, first, number } of tables) {
      const [, at, way] = /^(\d+)-(asc|desc)$/.exec(words.get(`sort${number}`) ?? "") ?? [];
      table.order(at !== undefined && Number(at) < table.columns().count() ? [[Number(at), way]] : first);
    }
    show();
    loading = false;
  }

  // A text that begins like a formula gets an apostrophe before it, as in the files of whole boards.
  const quoted = text => {
    const safe = /^[=+\-@\t\r']/.test(text) && !/^-[\d.e+-]+$/.test(text) ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  function csv() {
    const lines = [];
    for (const { element, table } of tables) {
      lines.push([...element.tHead.rows[0].cells].map(cell => cell.dataset.export));
      for (const row of table.rows({ search: "applied", order: "applied" }).nodes().toArray()) {
        lines.push([...row.cells].map(cell => cell.dataset.export));
      }
    }
    return lines.map(line => line.map(quoted).join(",")).join("\n") + "\n";
  }

  form.addEventListener("submit", event => event.preventDefault());
  for (const kind of ["input", "change"]) form.addEventListener(kind, () => { show(); remember(); });
  field("csv").addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([csv()], { type: "text/csv" }));
    link.download = `${field("csv").dataset.name}.csv`;
    link.click();
    URL.revokeObjectURL(link.href);
  });
  for (const { table } of tables) table.on("order", remember);
  window.addEventListener("hashchange", recall);
  form.hidden = false;
  recall();
})();
