// pg-boss: `create` makes its schema and queue, `fill N` adds N jobs, `work` works until it is ended, `send N` adds N jobs one
// by one, 20 to 60 ms apart, and prints for each its number and the times on CLOCK_MONOTONIC, in ns, of call and return.
// CONCURRENCY jobs at the same time, in two workers that each take half of them as a batch; burst and NOTIFY switched on.
import { setTimeout as sleep } from 'node:timers/promises';
import { PgBoss } from 'pg-boss';
import { send, text } from './request.mjs';

const [verb, count] = process.argv.slice(2);
const works = verb === 'work';
const boss = new PgBoss({ connectionString: process.env.DATABASE_URL, useListenNotify: true, supervise: works, schedule: false });
boss.on('error', (error) => console.error(error));
await boss.start();

if (works) {
  const options = {
    localConcurrency: 2,
    batchSize: Number(process.env.CONCURRENCY) / 2,
    burstWhenBatchFull: true,
    pollingIntervalSeconds: 0.5,
  };
  await boss.work('text', options, async (jobs) => { await Promise.all(jobs.map((job) => send(job.data))); });
  console.log('ready');
} else {
  if (verb === 'create') await boss.createQueue('text', { notify: true });
  for (let first = 1; verb === 'fill' && first <= Number(count); first += 1000) {
    const last = Math.min(first + 999, Number(count));
    const jobs = [];
    for (let n = first; n <= last; n++) jobs.push({ data: text(n) });
    await boss.insert('text', jobs);
  }
  for (let n = 1; verb === 'send' && n <= Number(count); n++) {
    await sleep(20 + Math.random() * 40);
    const called = process.hrtime.bigint();
    await boss.send('text', text(n));
    console.log(`${n} ${called} ${process.hrtime.bigint()}`);
  }
  await boss.stop({ graceful: false });
}
