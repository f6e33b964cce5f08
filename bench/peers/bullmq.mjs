// A worker on BullMQ: a job is acknowledged by BullMQ itself, when its handler is done.
import { allocate, CONCURRENCY, EVENT, PREFIX, REDIS_URL, require, run } from "./peer.mjs";

const { Queue, Worker } = require("bullmq");
const Redis = require("ioredis");

const connection = new Redis(REDIS_URL, { maxRetriesPerRequest: null }); // as BullMQ demands
const options = { connection, prefix: `${PREFIX}bull` };
const queue = new Queue("orders", options);

const worker = new Worker("orders", async (job) => void (await connection.publish(EVENT, await allocate(job.data))), {
  ...options, concurrency: CONCURRENCY, autorun: false, removeOnComplete: { count: 0 },
});
// BullMQ would keep the job aside and go to the next one; what a listener throws, it only prints.
worker.on("failed", (_job, error) => {
  console.error(error);
  process.exit(1);
});

const enqueue = (orders) => queue.addBulk(orders.map((data) => ({ name: "allocate", data })));

const start = () => void worker.run();

async function stop() {
  await worker.close();
  return Object.values(await queue.getJobCounts()).reduce((sum, count) => sum + count);
}

await run({ enqueue, start, stop });
