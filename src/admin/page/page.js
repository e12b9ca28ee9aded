// Draws /metrics, /debug/actors, /debug/verdicts, /debug/recent, /debug/leader and /readyz, again and again. Everything that comes from a
// cluster goes into the page as text, never as markup: names and messages are other people's.
"use strict";

const EVERY = 2000; // ms between two looks
const PATIENCE = 5000; // ms that an answer may take
const MINUTE = 60000; // ms that the latency looks back
const STATES = ["desired", "synced", "pending", "failed", "conflicted", "unknown", "held", "paused"];
const BAD = new Set(["failed", "conflicted", "held"]);
const VERDICTS = 100; // at most so many are drawn

const at = (id) => document.getElementById(id);
let paused = false;
let lookedAt = null; // when the last look came back
const past = []; // {time, series} of the histograms, newest last
const pastLags = []; // the same of the targets' queues

function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

async function ask(path) {
  const answer = await fetch(path, { signal: AbortSignal.timeout(PATIENCE), cache: "no-store" });
  return { ok: answer.ok, text: await answer.text() };
}

// One line of OpenMetrics: name{labels} value.
const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/;
const LABEL = /([a-zA-Z_]\w*)="((?:\\.|[^"\\])*)"/g;

function samples(text) {
  const found = [];
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const match = LINE.exec(line);
    if (!match) continue;
    const labels = {};
    for (const [, name, value] of (match[2] || "").matchAll(LABEL)) {
      labels[name] = value.replace(/\\(.)/g, (_, letter) => (letter === "n" ? "\n" : letter));
    }
    found.push({ name: match[1], labels, value: Number(match[3]) });
  }
  return found;
}

function targetsOf(metrics) {
  const targets = new Map();
  const target = (name) => {
    if (!targets.has(name)) targets.set(name, { objects: {}, drift: 0, depth: 0, reachable: null });
    return targets.get(name);
  };
  for (const { name, labels, value } of metrics) {
    if (name === "tmc_syncer_target_reachable") target(labels.target).reachable = value === 1;
    if (name === "tmc_syncer_objects") target(labels.target).objects[labels.state] = value;
    if (name === "tmc_syncer_drift_total" && labels.action !== "kept") target(labels.target).drift += value;
  }
  for (const { name, labels, value } of metrics) {
    if (name === "workqueue_depth" && targets.has(labels.name)) targets.get(labels.name).depth = value;
  }
  return new Map([...targets].sort(([one], [other]) => one.localeCompare(other)));
}

// How long things to be done take on each target: what of the queue and of the turn was counted in the last minute.
function lags(metrics, now) {
  const found = new Map();
  for (const { name, labels, value } of metrics) {
    if (name !== "workqueue_queue_duration_seconds_bucket" && name !== "workqueue_work_duration_seconds_bucket") continue;
    const key = `${labels.name} ${name}`;
    if (!found.has(key)) found.set(key, []);
    found.get(key).push({ bound: labels.le === "+Inf" ? Infinity : Number(labels.le), count: value });
  }
  for (const buckets of found.values()) buckets.sort((one, other) => one.bound - other.bound);
  pastLags.push({ time: now, series: found });
  while (pastLags.length > 1 && pastLags[1].time < now - MINUTE) pastLags.shift();
  return (target, share) => {
    const parts = ["workqueue_queue_duration_seconds_bucket", "workqueue_work_duration_seconds_bucket"].map((name) => {
      const buckets = found.get(`${target} ${name}`);
      if (!buckets) return null;
      return quantile(pastLags.length > 1 ? since(buckets, pastLags[0].series.get(`${target} ${name}`)) : buckets, share);
    });
    return parts.some((part) => part === null) ? null : parts[0] + parts[1];
  };
}

function drawTargets(targets, lag) {
  const rows = [];
  for (const [name, target] of targets) {
    const row = element("tr");
    row.dataset.target = name;
    const head = element("th", name);
    head.scope = "row";
    row.append(head);
    const health = target.reachable === null ? ["not known yet", "warn"] : target.reachable ? ["reachable", "good"] : ["unreachable", "bad"];
    row.append(element("td", ...health));
    for (const state of STATES) {
      const count = target.objects[state] ?? 0;
      row.append(counted(count, BAD.has(state) ? "bad" : ""));
    }
    row.append(
      counted(target.depth),
      element("td", duration(lag(name, 0.5)), "number"),
      element("td", duration(lag(name, 0.99)), "number"),
      counted(target.drift),
    );
    rows.push(row);
  }
  if (rows.length === 0) rows.push(nothing(14, "No target yet."));
  at("target-rows").replaceChildren(...rows);
}

// A count, quiet where there is none.
function counted(count, className = "") {
  return element("td", count, `number ${count > 0 ? className : "none"}`);
}

// A path of fields: it breaks after a point, not within a name.
function path(text) {
  const cell = element("td", undefined, "key path");
  for (const part of text.split(/(?<=[.\]])/)) cell.append(part, document.createElement("wbr"));
  return cell;
}

function nothing(columns, text) {
  const row = element("tr");
  const cell = element("td", text);
  cell.colSpan = columns;
  row.append(cell);
  return row;
}

// The histograms of propagation by way and stage: cumulative counts by upper bound.
function histograms(metrics) {
  const found = new Map();
  for (const { name, labels, value } of metrics) {
    if (name !== "tmc_syncer_propagation_duration_seconds_bucket") continue;
    const key = `${labels.direction} ${labels.stage}`;
    if (!found.has(key)) found.set(key, []);
    found.get(key).push({ bound: labels.le === "+Inf" ? Infinity : Number(labels.le), count: value });
  }
  for (const buckets of found.values()) buckets.sort((one, other) => one.bound - other.bound);
  return found;
}

function since(newer, older) {
  if (!older || older.length !== newer.length) return newer;
  const differences = newer.map((bucket, i) => ({ bound: bucket.bound, count: bucket.count - older[i].count }));
  // A restart begins at nothing again.
  return differences.some(({ count }) => count < 0) ? newer : differences;
}

function quantile(buckets, share) {
  const all = buckets.at(-1)?.count ?? 0;
  if (all === 0) return null;
  let lower = 0;
  let below = 0;
  for (const { bound, count } of buckets) {
    if (count >= share * all) {
      if (bound === Infinity) return lower;
      return lower + (bound - lower) * ((share * all - below) / (count - below || 1));
    }
    lower = bound;
    below = count;
  }
  return lower;
}

function duration(seconds) {
  if (seconds === null) return "–";
  if (seconds < 1) return `${(seconds * 1000).toFixed(seconds < 0.01 ? 1 : 0)} ms`;
  return `${seconds.toFixed(1)} s`;
}

const SVG = "http://www.w3.org/2000/svg";

function spark(values) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "spark");
  svg.setAttribute("viewBox", "0 0 100 20");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `changes per look: ${values.join(", ")}`);
  const line = document.createElementNS(SVG, "polyline");
  const most = Math.max(1, ...values);
  const step = 100 / Math.max(1, values.length - 1);
  line.setAttribute("points", values.map((value, i) => `${(i * step).toFixed(1)},${(19 - (18 * value) / most).toFixed(1)}`).join(" "));
  svg.append(line);
  return svg;
}

function drawLatency(metrics, now) {
  const series = histograms(metrics);
  past.push({ time: now, series });
  while (past.length > 1 && past[1].time < now - MINUTE) past.shift();
  const rows = [];
  for (const [key, buckets] of [...series].sort(([one], [other]) => one.localeCompare(other))) {
    const [direction, stage] = key.split(" ");
    const shown = past.length > 1 ? since(buckets, past[0].series.get(key)) : buckets;
    const recent = (shown.at(-1)?.count ?? 0) > 0 ? shown : buckets;
    const counts = past.map((look) => look.series.get(key)?.at(-1)?.count ?? 0);
    const row = element("tr");
    row.append(
      element("td", direction),
      element("td", stage.replaceAll("_", " ")),
      element("td", buckets.at(-1)?.count ?? 0, "number"),
      element("td", duration(quantile(recent, 0.5)), "number"),
      element("td", duration(quantile(recent, 0.99)), "number"),
    );
    const cell = element("td");
    cell.append(spark(counts.slice(1).map((count, i) => Math.max(0, count - counts[i]))));
    row.append(cell);
    rows.push(row);
  }
  if (rows.length === 0) rows.push(nothing(6, "Nothing went anywhere yet."));
  at("latency-rows").replaceChildren(...rows);
}

// When something was, on the reader's clock.
function when(stamp) {
  const cell = element("td");
  const time = element("time", new Date(stamp).toLocaleTimeString());
  time.dateTime = stamp;
  cell.append(time);
  return cell;
}

// What one side had, who wrote it, and when.
function side(had) {
  const cell = element("td", undefined, "told");
  if (!had || (had.value === null && !had.manager)) {
    cell.append(element("span", "–", "state"));
    return cell;
  }
  cell.append(element("span", had.value ?? "nothing", "key"));
  if (had.manager) cell.append(element("div", `by ${had.manager}`, "state"));
  if (had.time) cell.append(element("div", `${had.estimated ? "~" : ""}${new Date(had.time).toLocaleTimeString()}`, "state"));
  return cell;
}

function drawVerdicts(verdicts) {
  const rows = verdicts.map((verdict) => {
    const row = element("tr");
    const object = element("td");
    const where = [verdict.workspace, verdict.namespace, verdict.name].filter(Boolean).join("/");
    object.append(element("span", where, "key"), element("div", verdict.resource, "state"));
    const why = element("td", verdict.why, verdict.why === "fight" || verdict.why === "conflict" ? "warn" : "");
    if (verdict.because) why.append(element("div", verdict.because, "state"));
    row.append(
      when(verdict.last),
      object,
      element("td", verdict.target),
      path(verdict.path),
      side(verdict.upstream),
      side(verdict.downstream),
      element("td", verdict.winner),
      why,
      element("td", verdict.times, "number"),
    );
    return row;
  });
  if (rows.length === 0) rows.push(nothing(9, "Nothing was decided."));
  at("verdict-rows").replaceChildren(...rows);
}

function drawLeader(leader) {
  const line = at("leader");
  line.hidden = leader.election === "off";
  const words = {
    leading: `Leads (${leader.lease}).`,
    standby: `Standby: ${leader.holder || "nobody"} leads (${leader.lease}).`,
    lost: `Lost the Lease ${leader.lease}: it ends.`,
  };
  const text = words[leader.election] ?? "";
  if (line.textContent !== text) line.textContent = text;
}

function drawRecent(recent) {
  const rows = recent.map((happening) => {
    const row = element("tr");
    const time = when(happening.last);
    const where = [happening.workspace, happening.namespace, happening.name].filter(Boolean).join("/");
    const object = element("td");
    object.append(element("span", `${happening.resource} `), element("span", where, "key"));
    row.append(
      time,
      element("td", happening.reason, happening.type === "Warning" ? "warn" : ""),
      object,
      element("td", happening.note, "told"),
      element("td", happening.times, "number"),
    );
    return row;
  });
  if (rows.length === 0) rows.push(nothing(5, "Nothing to tell."));
  at("recent-rows").replaceChildren(...rows);
}

function label(actor) {
  const parts = [
    element("span", actor.kind, "kind"),
    element("span", actor.key, "key"),
    element("span", actor.state, "state"),
    element("span", `mailbox ${actor.mailbox_depth}/${actor.mailbox_capacity}`, actor.mailbox_depth > 0 ? "" : "state"),
  ];
  if (actor.restarts > 0) parts.push(element("span", `restarts ${actor.restarts}`, "warn"));
  if (actor.last_error) parts.push(element("span", actor.last_error, "bad"));
  return parts.flatMap((part, i) => (i === 0 ? [part] : [" ", part]));
}

// Folded or not is remembered by the place in the tree: the page is drawn anew at every look.
const folds = new Map();

function branch(actor, path, depth) {
  if (!actor.children && !actor.more_children) {
    const leaf = element("div", undefined, "leaf");
    leaf.append(...label(actor));
    return leaf;
  }
  const details = element("details", undefined, depth === 0 ? "root" : "");
  details.dataset.path = path;
  details.open = folds.get(path) ?? depth < 2;
  details.addEventListener("toggle", () => folds.set(path, details.open));
  const head = element("summary");
  head.append(...label(actor));
  details.append(head);
  for (const child of actor.children ?? []) details.append(branch(child, `${path}/${child.kind} ${child.key}`, depth + 1));
  if (actor.more_children) details.append(element("div", `and ${actor.more_children} more`, "leaf"));
  return details;
}

function drawTree(root) {
  const focused = document.activeElement?.closest?.("details")?.dataset.path;
  const tree = branch(root, root.kind, 0);
  at("tree").replaceChildren(tree);
  // Who walks the tree by keyboard keeps the place.
  if (focused === undefined) return;
  for (const details of at("tree").querySelectorAll("details")) {
    if (details.dataset.path === focused) details.querySelector("summary").focus({ preventScroll: true });
  }
}

function drawSummary(ready, targets) {
  const away = [...targets].filter(([, target]) => target.reachable === false).map(([name]) => name);
  const lacking = ready.text.split("\n").filter((line) => line.startsWith("[-]")).map((line) => line.slice(3).replace(/ failed$/, ""));
  let text = ready.ok ? "Ready." : `Not ready: ${lacking.join(", ") || "no condition is named"}.`;
  if (away.length > 0) text += ` Unreachable: ${away.join(", ")}.`;
  // What somebody has to look at.
  let isWell = ready.ok && away.length === 0;
  for (const state of BAD) {
    const counts = [...targets].map(([name, target]) => [name, target.objects[state] ?? 0]).filter(([, count]) => count > 0);
    if (counts.length === 0) continue;
    text += ` ${state[0].toUpperCase()}${state.slice(1)}: ${counts.map(([name, count]) => `${count} on ${name}`).join(", ")}.`;
    isWell = false;
  }
  say(text, isWell ? "good" : "warn");
  document.title = isWell ? "tmc-syncer" : "(!) tmc-syncer";
}

function say(text, className) {
  const summary = at("summary");
  // Said again only when it differs: a screen reader would read it at every look.
  if (summary.textContent !== text) summary.textContent = text;
  summary.className = className;
}

async function look() {
  try {
    const [metrics, actors, verdicts, recent, leader, ready] = await Promise.all([
      ask("metrics"),
      ask("debug/actors?children=20"),
      ask(`debug/verdicts?limit=${VERDICTS}`),
      ask("debug/recent"),
      ask("debug/leader"),
      ask("readyz?verbose"),
    ]);
    const found = samples(metrics.text);
    const targets = targetsOf(found);
    drawTargets(targets, lags(found, Date.now()));
    drawLatency(found, Date.now());
    if (verdicts.ok) drawVerdicts(JSON.parse(verdicts.text));
    if (leader.ok) drawLeader(JSON.parse(leader.text));
    if (recent.ok) drawRecent(JSON.parse(recent.text));
    if (actors.ok) drawTree(JSON.parse(actors.text));
    drawSummary(ready, targets);
    lookedAt = new Date();
    at("looked").textContent = `as of ${lookedAt.toLocaleTimeString()}`;
  } catch (failure) {
    const last = lookedAt ? `what is shown is of ${lookedAt.toLocaleTimeString()}` : "nothing was seen yet";
    say(`The syncer does not answer (${failure.message}); ${last}.`, "bad");
    document.title = "(!) tmc-syncer";
  }
}

async function forever() {
  for (;;) {
    if (!paused && !document.hidden) await look();
    await new Promise((resolve) => setTimeout(resolve, EVERY));
  }
}

at("pause").addEventListener("click", () => {
  paused = !paused;
  at("pause").setAttribute("aria-pressed", String(paused));
  at("pause").textContent = paused ? "Go on" : "Pause";
});
forever();
