// Jobs, which are replays and republications: their progress, and what failed.
import { read, write } from "../base/api.js";
import { button, clock, counted, link, make, panel, put, table, whenChanged, whole } from "../base/dom.js";
import { asOperator } from "../base/dialogs.js";
import { listen } from "../frame/live.js";
import { address, status } from "../frame/router.js";

const LATE_MS = 3000; // after this time without news of a job the page asks for it

const isRunning = (job) => ["running", "stopping"].includes(job.state);

const WORDS = { running: "runs", stopping: "is stopping", done: "is done", stopped: "was stopped", failed: "failed" };

function summary(job) {
  const tried = job.handled + job.skipped + job.failed;
  const words = `The ${job.kind} ${WORDS[job.state] || job.state}`, end = job.error ? `. ${job.error}.` : ".";
  if (job.kind === "republication") return `${words}: ${whole(job.handled)} of ${counted(job.total, "event", "events")} published${end}`;
  const stopped = job.stopped_at ? ` at letter ${job.stopped_at}, which failed` : "";
  return `${words}${stopped}: ${whole(tried)} of ${whole(job.total)} tried, ${whole(job.handled)} handled, ${whole(job.skipped)} skipped, ${whole(job.failed)} failed${end}`;
}

function failuresOf(job) {
  const rows = table([["Letter", "number"], ["Outcome"], ["Reason"]], "Failures");
  rows.fill(job.failures.map((failure) => [link(String(failure.id), address("dead", failure.id)), failure.outcome, failure.reason]));
  return rows.element;
}

// Shows a job until it ends; then `onEnd` is called.
export function jobPanel(job, onEnd) {
  const bar = make("progress"), words = make("p"), failures = make("div"), refusal = make("p", "", "refusal");
  const stop = button("Stop", () => asOperator(() => write(`admin/jobs/${job.id}`, undefined, "DELETE")).catch((error) => { refusal.textContent = error.message; }));
  const element = put(panel(`Job ${job.id}`), bar, words, failures, refusal, stop);
  let timer, isOver = false;
  words.setAttribute("role", "status");
  bar.setAttribute("aria-label", "Progress");

  function show(now) {
    if (isOver) return; // the view was closed while it was asked for
    bar.max = Math.max(1, now.total);
    bar.value = now.handled + now.skipped + now.failed;
    words.textContent = summary(now);
    if (now.failures?.length) failures.replaceChildren(failuresOf(now));
    stop.hidden = !isRunning(now);
    clearTimeout(timer);
    if (isRunning(now)) timer = setTimeout(follow, LATE_MS);
    else close(now);
  }
  function close(last) {
    clearTimeout(timer);
    for (const one of lives) one.close();
    if (last && !isOver) onEnd?.(last);
    isOver = true;
  }
  async function follow() {
    try {
      show(await read(`admin/jobs/${job.id}`));
    } catch (error) {
      refusal.textContent = error.message;
      if (error.status !== 404) return;
      stop.hidden = true; // its worker has started since
      close();
    }
  }
  // What is sent has neither failures nor an error: they are asked for once, at the end.
  function hear(now) {
    if (now.id !== job.id) return;
    if (isRunning(now)) show(now);
    else follow();
  }
  const lives = [listen("job", hear), listen("connected", follow)];
  show(job);
  return { element, close: () => close() };
}

export function jobsPanel() {
  const rows = table([["Job"], ["Began"], ["Who"], ["What"]], "Jobs"), element = put(panel("Jobs"), rows.element);
  const known = new Map();
  let isLoaded = false;

  const fill = whenChanged((jobs) => rows.fill(jobs.sort((one, other) => Date.parse(other.began_at) - Date.parse(one.began_at)).map((job) => [link(job.id, address("job", job.id)), clock(job.began_at), job.who, summary(job)]), "No job since this worker's start."));
  const load = () => read("admin/jobs").then(({ jobs }) => {
    for (const job of jobs) known.set(job.id, isRunning(job) ? known.get(job.id) || job : job);
    isLoaded = true;
    element.hidden = false;
    fill([...known.values()]);
  }, () => { element.hidden = true; });
  const lives = [
    listen("job", (job) => {
      known.set(job.id, job);
      if (isLoaded) fill([...known.values()]);
    }),
    listen("connected", () => {
      known.clear(); // those of a worker that has started since run no more
      load();
    }),
  ];
  return { element, load, close: () => lives.forEach((one) => one.close()) };
}

export const jobView = {
  title: "Job",
  within: "dead",
  open(main, [id = ""]) {
    const place = make("div", undefined, "view");
    let shown = null, closed = false;
    main.append(place);
    read(`admin/jobs/${encodeURIComponent(id)}`).then((job) => {
      if (closed) return;
      shown = jobPanel(job);
      place.append(shown.element);
    }, (error) => place.append(make("p", error.message, "refusal")));
    return {
      close() {
        closed = true;
        shown?.close();
      },
    };
  },
};

export const mayWrite = () => Boolean(status()?.admin_writes);
