// What the peers share: the transaction of an `allocate`, and how bench/peers.py drives them.
//
//     NODE_MODULES=… PGHOST=… REDIS_URL=… node PEER PREFIX MESSAGES SKUS
//
// A peer creates its tables and stock, puts all messages into its queue, and prints "ready". It handles them after the
// first line on standard input, until the end of the input, and then prints {"left": messages that are not acknowledged}.
// An error ends it.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

export const require = createRequire(`${process.env.NODE_MODULES}/`);
export const CONCURRENCY = 16;
export const [PREFIX, MESSAGES, SKUS] = process.argv.slice(2).map((word, index) => (index ? Number(word) : word));
export const EVENT = `${PREFIX}line_allocated`;
export const REDIS_URL = process.env.REDIS_URL;

const { Pool } = require("pg");
const pool = new Pool({ max: CONCURRENCY }); // PGHOST and its like say where

// ---- allocate ----

const SCHEMA = `
  create schema peer;
  create table peer.batches (reference text primary key, sku text not null, eta date,
    qty integer not null, allocated integer not null default 0);
  create index on peer.batches (sku);
  create table peer.order_lines (orderid text, sku text, qty integer not null,
    batchref text not null references peer.batches, primary key (orderid, sku));
  insert into peer.batches (reference, sku, qty)
    select 'batch-' || number, 'sku-' || number, 1000000 from generate_series(0, ${SKUS - 1}) as number`;

// Prepared once a connection.
const TAKE = {
  name: "take",
  text: `update peer.batches set allocated = allocated + $2 where reference = (
    select reference from peer.batches where sku = $1 and qty - allocated >= $2
    order by eta nulls first limit 1 for update) returning reference`,
};
const INSERT = { name: "insert", text: "insert into peer.order_lines values ($1, $2, $3, $4)" };

// Returns the event, after the commit.
export async function allocate({ orderid, sku, qty }) {
  const client = await pool.connect();
  try {
    await client.query("begin");
    const { rows } = await client.query({ ...TAKE, values: [sku, qty] });
    const batchref = rows[0].reference;
    await client.query({ ...INSERT, values: [orderid, sku, qty, batchref] });
    await client.query("commit");
    return JSON.stringify({ orderid, sku, qty, batchref });
  } finally {
    client.release();
  }
}

// ---- a run ----

const orders = () =>
  Array.from({ length: MESSAGES }, (_, number) => ({ orderid: `order-${number}`, sku: `sku-${number % SKUS}`, qty: 1 }));

// enqueue(orders): puts them into the queue. start(): begins to handle them. stop(): ends that, and returns how many are left.
export async function run({ enqueue, start, stop }) {
  const input = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  await pool.query(SCHEMA);
  await enqueue(orders());
  console.log("ready");
  await input.next();
  start();
  await input.next();
  console.log(JSON.stringify({ left: await stop() }));
  process.exit();
}
