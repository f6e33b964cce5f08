// A worker as a small service has it: a stream read by node-redis, and a pool of connections of pg.
import { allocate, CONCURRENCY, EVENT, PREFIX, REDIS_URL, require, run } from "./peer.mjs";

const { createClient } = require("redis");
const STREAM = `${PREFIX}orders`, GROUP = "workers", READ = 100;

const client = await createClient({ url: REDIS_URL }).connect();
const reader = await client.duplicate().connect(); // a read that waits holds up its connection
let ended = false, handlers;

async function enqueue(orders) {
  await client.xGroupCreate(STREAM, GROUP, "0", { MKSTREAM: true });
  await Promise.all(orders.map((order) => client.xAdd(STREAM, "*", { type: "allocate", data: JSON.stringify(order) })));
}

async function* entries() {
  while (!ended) {
    const read = await reader.xReadGroup(GROUP, "worker", { key: STREAM, id: ">" }, { COUNT: READ, BLOCK: 200 });
    yield* read?.[0].messages ?? [];
  }
}

// Several handlers share the entries: each takes the next one when it has acknowledged the one before.
async function handle(shared) {
  for await (const { id, message } of shared) {
    await client.publish(EVENT, await allocate(JSON.parse(message.data)));
    await client.xAck(STREAM, GROUP, id);
  }
}

function start() {
  const shared = entries();
  handlers = Array.from({ length: CONCURRENCY }, () => handle(shared));
}

async function stop() {
  ended = true;
  await Promise.all(handlers);
  return (await client.xPending(STREAM, GROUP)).pending;
}

await run({ enqueue, start, stop });
