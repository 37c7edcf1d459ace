// graphile-worker: `create` makes its schema, `fill N` adds N jobs, `work` works until it is ended.
// CONCURRENCY jobs at the same time; BATCHED=1: its local queue and batched completion, as its page on performance advises.
import { Logger, makeWorkerUtils, run } from 'graphile-worker';
import { send, text } from './request.mjs';

const connectionString = process.env.DATABASE_URL;
const logger = new Logger(() => (level, message) => {
  if (level === 'error') console.error(message);
});
const [verb, count] = process.argv.slice(2);

if (verb === 'create' || verb === 'fill') {
  const utils = await makeWorkerUtils({ connectionString, logger });
  await utils.migrate();
  if (verb === 'fill') {
    for (let first = 1; first <= Number(count); first += 1000) {
      const last = Math.min(first + 999, Number(count));
      const jobs = [];
      for (let n = first; n <= last; n++) jobs.push({ identifier: 'text', payload: text(n) });
      await utils.addJobs(jobs);
    }
  }
  await utils.release();
} else {
  const concurrentJobs = Number(process.env.CONCURRENCY);
  const batched = process.env.BATCHED === '1';
  const worker = {
    connectionString,
    concurrentJobs,
    maxPoolSize: batched ? 10 : Math.min(concurrentJobs + 1, 40),
    logger,
    ...(batched ? { localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 } : {}),
  };
  const runner = await run({
    preset: { worker },
    taskList: { text: async (payload) => { await send(payload); } },
  });
  console.log('ready');
  await runner.promise;
}
