import type { RunningStage, StageStats } from '../../runtime/stage.js';
import type { StageContext } from '../stages/definition.js';
import type { Feed } from './feed.js';
import { type Feedback, noFeedback } from './feedback.js';
import { ingest } from './ingest.js';

/** Starts writing what a run begins with, or stands by while another process does. */
export async function startFeed(
  { plan: { spec, store }, stage: { name, input }, environment, resources: { versions } }: StageContext<'versions'>,
  feed: Feed,
  feedback: Feedback = noFeedback(spec),
): Promise<RunningStage> {
  const consumer = await environment.log.consumer(name, [input]);
  const abort = new AbortController();
  const aborted = new Promise<void>((resolve) => abort.signal.addEventListener('abort', () => resolve()));
  const published = (version: number) => Promise.race([versions.published(version), aborted]);
  const stats = runningStats();
  const started = environment.now();
  const onIdle = (isIdle: boolean) => Object.assign(stats, { running: isIdle ? 0 : 1, waiting: isIdle });
  const ended = ingest(
    feed,
    consumer,
    { ...environment, name, spec, store, feedback, published, onIdle },
    abort.signal,
  );
  const over = () => Object.assign(stats, { running: 0, waiting: true });
  ended.then(over, over);
  return {
    name,
    ended,
    stats,
    pending() {
      const waits = feedback.pending();
      return waits.length > 0 || stats.running === 0 ? waits : [{ what: 'reads its sources', since: started }];
    },
    async stop() {
      abort.abort();
      await ended.catch(() => {});
      await consumer.close();
    },
  };
}

const runningStats = (): StageStats => ({
  records: 0,
  outputs: 0,
  deadLetters: 0,
  retries: 0,
  inFlight: 0,
  running: 1,
  waiting: false,
  committing: false,
  seconds: 0,
});
