// The first page: polls the component API and /metrics, and shows health, rates and the books.
"use strict";

const POLL_MS = 2000;
const HISTORY_POINTS = 60; // of POLL_MS each: two minutes
const $ = (id) => document.getElementById(id);

let previous = null; // { at, edges } of the poll before, for rates
const history = new Map(); // shard -> items in /s, oldest first

// ---- text exposition: only what this page needs

function parseMetrics(text) {
  const samples = [];
  for (const line of text.split("\n")) {
    if (!line || line[0] === "#") continue;
    const brace = line.indexOf("{");
    const end = brace < 0 ? line.indexOf(" ") : line.lastIndexOf("}");
    const labels = {};
    if (brace >= 0) {
      const pair = /([a-zA-Z_][\w]*)="((?:[^"\\]|\\.)*)"/g;
      const body = line.slice(brace + 1, end);
      for (let m; (m = pair.exec(body)); ) labels[m[1]] = m[2].replace(/\\(.)/g, (_, c) => (c === "n" ? "\n" : c));
    }
    const value = Number(line.slice(end + 1).trim().split(" ")[0]);
    samples.push({ name: line.slice(0, brace < 0 ? end : brace), labels, value });
  }
  return samples;
}

// The books of each edge, by shard and component.
function edges(samples) {
  const found = new Map();
  const of = ({ component_id: component, edge, shard }) => {
    const key = JSON.stringify([shard ?? "", component ?? "", edge ?? ""]);
    if (!found.has(key)) found.set(key, { shard, component, edge, in: 0, out: 0, held: 0, dropped: 0 });
    return found.get(key);
  };
  for (const { name, labels, value } of samples) {
    if (name === "invar_edge_items_total") of(labels)[labels.direction] += value;
    else if (name === "invar_component_held_items") of(labels).held += value;
    // What went back to its sender is not lost, and what rules drop is meant to be.
    else if (name === "invar_component_dropped_items_total" && !["refused", "relabel"].includes(labels.reason)) of(labels).dropped += value;
  }
  return found;
}

// Items a second of each edge since the poll before.
function withRates(now, before, seconds) {
  for (const [key, edge] of now) {
    const old = before?.get(key);
    const rate = (field) => (old && seconds > 0 ? Math.max(0, (edge[field] - old[field]) / seconds) : null);
    edge.inRate = rate("in");
    edge.outRate = rate("out");
  }
  return now;
}

// A fan-out offers the same items to each edge, so of a component's edges the busiest tells its rate;
// what is held and dropped adds up.
function byComponent(list) {
  const busiest = new Map(); // component and shard -> rates
  const sums = new Map();
  for (const edge of list) {
    const key = JSON.stringify([edge.component, edge.shard]);
    const best = busiest.get(key) ?? { component: edge.component, inRate: null, outRate: null };
    for (const field of ["inRate", "outRate"]) if (edge[field] !== null) best[field] = Math.max(best[field] ?? 0, edge[field]);
    busiest.set(key, best);
    const sum = sums.get(edge.component) ?? { inRate: null, outRate: null, held: 0, dropped: 0 };
    sum.held += edge.held;
    sum.dropped += edge.dropped;
    sums.set(edge.component, sum);
  }
  for (const best of busiest.values()) {
    const sum = sums.get(best.component);
    for (const field of ["inRate", "outRate"]) if (best[field] !== null) sum[field] = (sum[field] ?? 0) + best[field];
  }
  return sums;
}

// In is what components take that get nothing from others, out what those pass on that give to nobody.
function byShard(list) {
  const target = (edge) => /^(.+)\.[^.]+$/.exec(edge.edge)?.[1];
  const ids = new Set(list.map((edge) => edge.component));
  const fed = new Set(list.map(target).filter((id) => ids.has(id)));
  const feeding = new Set(list.filter((edge) => ids.has(target(edge))).map((edge) => edge.component));
  const shards = new Map();
  for (const shard of new Set(list.map((edge) => edge.shard))) {
    const sum = { inRate: null, outRate: null, held: 0, dropped: 0 };
    for (const [component, book] of byComponent(list.filter((edge) => edge.shard === shard))) {
      if (!fed.has(component) && book.inRate !== null) sum.inRate = (sum.inRate ?? 0) + book.inRate;
      if (!feeding.has(component) && book.outRate !== null) sum.outRate = (sum.outRate ?? 0) + book.outRate;
      sum.held += book.held;
      sum.dropped += book.dropped;
    }
    shards.set(shard, sum);
  }
  return shards;
}

// ---- showing

function number(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "\u2013";
  if (value >= 1e9) return (value / 1e9).toFixed(2) + " G";
  if (value >= 1e6) return (value / 1e6).toFixed(2) + " M";
  if (value >= 1e4) return (value / 1e3).toFixed(1) + " k";
  return value >= 100 || Number.isInteger(value) ? String(Math.round(value)) : value.toFixed(1);
}

function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) { value /= 1024; unit++; }
  return value.toFixed(unit ? 1 : 0) + " " + units[unit];
}

function element(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) node.setAttribute(name, value);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function numbers(row, book) {
  const lost = book ? book.dropped : null;
  row.append(
    element("td", { class: "n" }, number(book?.inRate)),
    element("td", { class: "n" }, number(book?.outRate)),
    element("td", { class: "n" }, number(book?.held)),
    element("td", { class: lost > 0 ? "n bad-text" : "n" }, number(lost)),
  );
  return row;
}

function sparkline(points) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
  const top = Math.max(1, ...points);
  const step = 100 / (HISTORY_POINTS - 1);
  const start = 100 - step * (points.length - 1);
  line.setAttribute("points", points.map((p, i) => `${start + i * step},${21 - (20 * p) / top}`).join(" "));
  svg.setAttribute("viewBox", "0 0 100 22");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("class", "line");
  svg.append(line);
  return svg;
}

function showTotals(samples, components, list) {
  const first = (name) => samples.find((sample) => sample.name === name)?.value;
  const healthy = components.filter((c) => c.health.state === "healthy").length;
  const sum = (field) => list.reduce((total, edge) => total + edge[field], 0);
  const started = first("alloy_resources_process_start_time_seconds");
  const cards = [
    ["components healthy", `${healthy} of ${components.length}`],
    ["resident memory", bytes(first("alloy_resources_process_resident_memory_bytes") ?? 0)],
    ["items held", number(sum("held"))],
    ["items dropped", number(sum("dropped"))],
    ["configuration loaded", first("alloy_config_last_load_successful") === 1 ? "yes" : "last one refused"],
    ["up for", started ? span(Date.now() / 1000 - started) : "\u2013"],
  ];
  $("totals").replaceChildren(...cards.map(([label, value]) => element("div", { class: "card" }, element("b", {}, value), element("span", {}, label))));
  const build = samples.find((sample) => sample.name === "alloy_build_info");
  if (build) $("version").textContent = build.labels.version;
}

function span(seconds) {
  const [d, h, m] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  return d ? `${d} d ${h} h` : h ? `${h} h ${m} min` : m ? `${m} min` : `${Math.floor(seconds)} s`;
}

function showShards(shards) {
  const rows = [...shards].filter(([name]) => name !== "").sort((a, b) => a[0] - b[0]).map(([name, book]) => {
    const points = history.get(name) ?? [];
    if (book.inRate !== null) points.push(book.inRate);
    history.set(name, points.slice(-HISTORY_POINTS));
    const row = numbers(element("tr", {}, element("td", {}, name)), book);
    row.append(element("td", {}, sparkline(history.get(name))));
    return row;
  });
  $("shards").tBodies[0].replaceChildren(...rows);
}

function fullId(component) {
  return component.moduleID ? `${component.moduleID}/${component.localID}` : component.localID;
}

function link(id) {
  return element("a", { href: `component/${id}`, "data-id": id }, id);
}

function showComponents(components, perComponent) {
  const wanted = $("filter").value.trim().toLowerCase();
  const rows = components
    .map((component) => ({ component, id: fullId(component) }))
    .filter(({ component, id }) => !wanted || `${id} ${component.health.state}`.toLowerCase().includes(wanted))
    .map(({ component, id }) => {
      const health = element("span", { class: `health ${component.health.state}`, title: component.health.message }, component.health.state);
      return numbers(element("tr", {}, element("td", {}, link(id)), element("td", {}, health)), perComponent.get(id));
    });
  $("components").tBodies[0].replaceChildren(...rows);
}

// ---- the graph: layers by the longest way to a component, rows near what leads there

const GRAPH_MAX = 150; // more boxes are no picture any more
const BOX = { width: 210, height: 40, gapX: 90, gapY: 14 };

function layers(components) {
  const edges = [];
  const ids = new Set(components.map(fullId));
  for (const component of components) {
    for (const to of component.dataFlowEdgesTo) if (ids.has(to)) edges.push([fullId(component), to]);
  }
  const layer = new Map([...ids].map((id) => [id, 0]));
  // A ring would push its members on for ever: as many rounds as components are enough for the rest.
  for (let round = 0, moved = true; moved && round < ids.size; round++) {
    moved = false;
    for (const [from, to] of edges) {
      if (layer.get(to) <= layer.get(from) && layer.get(from) < ids.size) {
        layer.set(to, layer.get(from) + 1);
        moved = true;
      }
    }
  }
  const rows = [];
  const place = new Map();
  const order = [...ids].sort((a, b) => layer.get(a) - layer.get(b));
  for (const id of order) {
    const column = layer.get(id);
    const before = edges.filter(([, to]) => to === id).map(([from]) => place.get(from)?.row ?? 0);
    const wanted = before.length ? Math.round(before.reduce((a, b) => a + b, 0) / before.length) : 0;
    const taken = (rows[column] ??= new Set());
    let row = wanted;
    while (taken.has(row)) row++;
    taken.add(row);
    place.set(id, { column, row });
  }
  return { edges, place };
}

function svg(tag, attributes, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function showGraph(components, list) {
  if (components.length > GRAPH_MAX) {
    $("graph").textContent = `${components.length} components are too many for a picture; filter the list below, or use invar graph.`;
    return;
  }
  const { edges, place } = layers(components);
  const at = (id) => {
    const { column, row } = place.get(id);
    return [column * (BOX.width + BOX.gapX) + 2, row * (BOX.height + BOX.gapY) + 2];
  };
  const books = new Map(); // from and to -> sums over shards and ports
  for (const edge of list) {
    const key = JSON.stringify([edge.component, edge.edge?.replace(/\.[^.]+$/, "")]);
    const sum = books.get(key) ?? { rate: null, held: 0, dropped: 0 };
    if (edge.inRate !== null) sum.rate = (sum.rate ?? 0) + edge.inRate;
    sum.held += edge.held;
    sum.dropped += edge.dropped;
    books.set(key, sum);
  }
  const parts = [];
  let [width, height] = [0, 0];
  for (const [from, to] of edges) {
    const book = books.get(JSON.stringify([from, to]));
    const [x1, y1] = at(from).map((v, i) => v + (i ? BOX.height / 2 : BOX.width));
    const [x2, y2] = at(to).map((v, i) => v + (i ? BOX.height / 2 : 0));
    const half = BOX.gapX / 2;
    const line = svg("path", { d: `M${x1},${y1}C${x1 + half},${y1} ${x2 - half},${y2} ${x2},${y2}`, class: book?.dropped > 0 ? "edge bad" : book ? "edge" : "edge value" });
    if (book) line.append(svg("title", {}, `${from} to ${to}: ${number(book.rate)} /s, ${number(book.held)} held, ${number(book.dropped)} dropped`));
    parts.push(line);
    if (book) parts.push(svg("text", { x: (x1 + x2) / 2, y: (y1 + y2) / 2 - 4, class: "rate" }, `${number(book.rate)}/s`));
  }
  for (const component of components) {
    const id = fullId(component);
    const [x, y] = at(id);
    [width, height] = [Math.max(width, x + BOX.width), Math.max(height, y + BOX.height)];
    const label = component.label ?? "";
    const box = svg("a", { href: `component/${id}`, "data-id": id, class: `box ${component.health.state}` },
      svg("title", {}, `${id}: ${component.health.state} ${component.health.message}`),
      svg("rect", { x, y, width: BOX.width, height: BOX.height, rx: 5 }),
      svg("text", { x: x + 9, y: y + 16, class: "kind" }, component.name.slice(0, 32)),
      svg("text", { x: x + 9, y: y + 32 }, label.slice(0, 28)));
    parts.push(box);
  }
  const drawing = svg("svg", { width: width + 4, height: height + 4, viewBox: `0 0 ${width + 4} ${height + 4}` }, ...parts);
  $("graph").replaceChildren(drawing);
}

// ---- one component

let shown = { components: [], perComponent: new Map(), edges: [] };

function edgeTable(id) {
  const rows = shown.edges.filter((edge) => edge.component === id);
  if (!rows.length) return null;
  const head = element("tr", {}, ...["Edge", "Shard", "In /s", "Out /s", "Held", "Dropped"].map((text, i) => element("th", i > 1 ? { class: "n" } : {}, text)));
  const body = rows.map((edge) => numbers(element("tr", {}, element("td", {}, edge.edge), element("td", {}, edge.shard ?? "")), edge));
  return element("table", {}, element("thead", {}, head), element("tbody", {}, ...body));
}

function valueText(value, indent) {
  const pad = "\t".repeat(indent + 1);
  switch (value.type) {
    case "string": return JSON.stringify(value.value);
    case "array":
      if (!value.value.length) return "[]";
      return `[\n${value.value.map((v) => `${pad}${valueText(v, indent + 1)},\n`).join("")}${"\t".repeat(indent)}]`;
    case "object":
      if (!value.value.length) return "{}";
      return `{\n${value.value.map((f) => `${pad}${f.key} = ${valueText(f.value, indent + 1)},\n`).join("")}${"\t".repeat(indent)}}`;
    default: return String(value.value);
  }
}

function bodyText(body, indent = 0) {
  const pad = "\t".repeat(indent);
  return body.map((statement) => statement.type === "attr"
    ? `${pad}${statement.name} = ${valueText(statement.value, indent)}\n`
    : `${pad}${statement.name}${statement.label ? ` "${statement.label}"` : ""} {\n${bodyText(statement.body, indent + 1)}${pad}}\n`).join("");
}

async function showDetail(id) {
  const answer = await fetch(`api/v0/web/components/${id}`);
  if (!answer.ok) return hideDetail();
  const component = await answer.json();
  const inModule = (local) => (component.moduleID ? `${component.moduleID}/${local}` : local);
  const parts = [
    element("p", {}, element("span", { class: `health ${component.health.state}` }, component.health.state), element("span", { class: "soft" }, ` ${component.health.message}`)),
  ];
  const list = (title, ids) => ids?.length && parts.push(element("h3", {}, title), element("p", {}, ...ids.flatMap((other, i) => (i ? [", ", link(other)] : [link(other)]))));
  list("References", component.referencesTo.map(inModule));
  list("Referenced by", component.referencedBy.map(inModule));
  list("Sends to", component.dataFlowEdgesTo);
  const books = edgeTable(id);
  if (books) parts.push(element("h3", {}, "Books"), books);
  for (const [title, field] of [["Arguments", "arguments"], ["Exports", "exports"], ["Debug information", "debugInfo"]]) {
    if (component[field]?.length) parts.push(element("h3", {}, title), element("pre", {}, bodyText(component[field])));
  }
  $("detail-id").textContent = id;
  $("detail-body").replaceChildren(...parts);
  $("detail").hidden = false;
}

function hideDetail() {
  $("detail").hidden = true;
}

const base = new URL(document.baseURI).pathname;
function currentId() {
  const path = decodeURIComponent(location.pathname.slice(base.length));
  return path.startsWith("component/") ? path.slice("component/".length) : null;
}

function route() {
  const id = currentId();
  if (id) showDetail(id).catch(hideDetail);
  else hideDetail();
}

document.addEventListener("click", (event) => {
  const id = event.target.closest?.("a[data-id]")?.dataset.id;
  if (!id || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  window.history.pushState(null, "", `${base}component/${id}`);
  route();
});
window.addEventListener("popstate", route);
$("close").addEventListener("click", () => { window.history.pushState(null, "", base); route(); });
document.addEventListener("keydown", (event) => event.key === "Escape" && !$("detail").hidden && $("close").click());

// ---- polling


$("filter").addEventListener("input", () => showComponents(shown.components, shown.perComponent));

async function poll() {
  try {
    const [components, text] = await Promise.all([
      fetch("api/v0/web/components").then((answer) => answer.json()),
      fetch("/metrics").then((answer) => answer.text()),
    ]);
    const at = performance.now();
    const samples = parseMetrics(text);
    const seconds = previous ? (at - previous.at) / 1000 : 0;
    const now = withRates(edges(samples), previous?.edges, seconds);
    const list = [...now.values()];
    shown = { components, perComponent: byComponent(list), edges: list };
    showTotals(samples, components, list);
    showShards(byShard(list));
    showGraph(components, list);
    showComponents(shown.components, shown.perComponent);
    previous = { at, edges: now };
    $("ready").textContent = "running";
    $("ready").className = "pill good";
  } catch {
    $("ready").textContent = "not reachable";
    $("ready").className = "pill bad";
  }
  setTimeout(poll, POLL_MS);
}

$("metrics-link").href = "/metrics";
route();
poll();
