import { createServer } from 'node:http';
import type {
  CounterConfiguration,
  Registry as MetricsRegistry,
  Counter as PrometheusCounter,
  Gauge as PrometheusGauge,
} from 'prom-client';
import type { StepReport } from '../pipelines/running/step-metrics.js';
import type { OnDeadLetter, RunningStage, StageObserver } from '../runtime/stage.js';
import { UserError } from '../support/errors.js';
import { required } from '../support/required.js';
import { redact } from '../support/secrets.js';
import type { Position } from '../topics/log.js';
import type { StageLag } from './inspect/lag.js';
import type { Stall, Wait } from './stall.js';

/** Metrics and logs of a process's stages. */
export interface Observer extends StageObserver {
  watch(stage: RunningStage): void;
  deadLetter: OnDeadLetter;
  /** The run cannot continue. */
  failed(error: Error): void;
  /** The run is finished: nothing counts as stalled from now on. */
  finished(): void;
  step(stage: string, report: StepReport): void;
  /** When something was last finished or committed, in milliseconds of `performance.now()`. */
  lastProgress(): number;
  stalled(stall: Stall): void;
  /** Something was finished again, after so many seconds. */
  moving(seconds: number): void;
  close(): Promise<void>;
}

export interface ObserveSettings {
  readonly run: string;
  /** Stages of this process. */
  readonly stages: readonly string[];
  readonly lag: () => Promise<readonly StageLag[]>;
}

/**
 * Serves Prometheus metrics on the port in `RLSD_METRICS_PORT`, and with `RLSD_LOG=json` writes one JSON line to stderr
 * per commit, partition loss and dead letter of a stage. The metrics are listed in docs/kafka.md.
 * @throws {UserError} `metrics-port`, `log-format`
 */
export async function observe({ run, stages, lag }: ObserveSettings): Promise<Observer> {
  const { Counter, Gauge, Histogram, Registry } = await import('prom-client');
  const registry = new Registry();
  registry.setDefaultLabels({ run });
  const metric = <L extends string>(name: string, help: string, ...labels: L[]) => ({
    name: `rlsd_${name}`,
    help,
    labelNames: ['stage' as const, ...labels],
    registers: [registry],
  });
  const records = new Counter(metric('records_total', 'Records finished.'));
  const seconds = new Histogram({
    ...metric('record_seconds', 'Seconds that a record spends in the stage.'),
    buckets: [0.001, 0.01, 0.1, 0.5, 1, 5, 15, 60, 300],
  });
  const deadLetters = new Counter(metric('dead_letters_total', 'Records written to dead-letters.', 'cause'));
  const tokens = new Counter(metric('tokens_total', 'Tokens sampled, scored or trained on.'));
  const reward = new Gauge(metric('reward', 'Mean reward of the newest step.'));
  const age = new Gauge(metric('policy_age_versions', 'Weight versions between the sampling policy and the learner.'));
  const countSignal = signalCounters(Counter, metric, stages);
  const watched: RunningStage[] = [];
  let lastProgress = performance.now();
  let isFinished = false;
  const progressed = () => {
    lastProgress = performance.now();
  };
  stageGauges({ Counter, Gauge }, metric, {
    stages,
    watched,
    lag,
    lastProgress: () => (isFinished ? undefined : lastProgress),
  });
  const format = process.env.RLSD_LOG;
  if (format && format !== 'json')
    throw new UserError('log-format', `RLSD_LOG: found ${JSON.stringify(format)}, expected json or nothing`);
  const log = format === 'json' ? logger(run) : () => {};
  const server = await serve(registry);

  return {
    watch: (stage) => void watched.push(stage),
    lastProgress: () => lastProgress,
    stalled: ({ seconds, waits }) => log('warn', 'stalled', { seconds, waits: waits.map(inWords) }),
    moving: (seconds) => log('info', 'moving', { seconds }),
    unit(stage, unit) {
      progressed();
      records.inc({ stage }, unit.records);
      tokens.inc({ stage }, unit.tokens);
      for (let i = 0; i < unit.records; i++) seconds.observe({ stage }, unit.seconds / unit.records);
    },
    committed(stage, offsets, appends) {
      progressed();
      for (const { topic, partition, offset } of offsets)
        log('info', 'committed', { stage, ...placeOf({ topic, partition, offset }), appends });
    },
    revoked(stage, partitions) {
      for (const { topic, partition } of partitions) log('info', 'revoked', { stage, topic, partition });
    },
    deadLetter(stage, cause, error, at) {
      deadLetters.inc({ stage, cause });
      log('warn', 'dead letter', { stage, ...(at && placeOf(at)), cause, error });
    },
    step(stage, { step, values }) {
      reward.set({ stage }, required(values.reward, 'reward of the step'));
      age.set({ stage }, required(values.policyAge, "age of the step's samples"));
      countSignal(stage, values);
      log('info', 'step', { stage, step, ...values });
    },
    failed: (error) => log('error', 'failed', { error: error.message }),
    finished() {
      isFinished = true;
    },
    close: () => server?.() ?? Promise.resolve(),
  };
}

type Describe = <L extends string>(name: string, help: string, ...labels: L[]) => CounterConfiguration<'stage' | L>;

interface Watched extends Pick<ObserveSettings, 'stages' | 'lag'> {
  readonly watched: readonly RunningStage[];
  /** undefined once the run is finished. */
  readonly lastProgress: () => number | undefined;
}

/** What is looked up whenever somebody asks for the metrics. */
function stageGauges(
  { Counter, Gauge }: { readonly Counter: typeof PrometheusCounter; readonly Gauge: typeof PrometheusGauge },
  metric: Describe,
  { stages, watched, lag, lastProgress }: Watched,
): void {
  new Gauge({
    ...metric('in_flight', 'Records read and not yet committed.'),
    collect() {
      for (const { name, stats } of watched) this.set({ stage: name }, stats.inFlight);
    },
  });
  new Counter({
    ...metric('retries_total', 'Attempts repeated.'),
    collect() {
      this.reset();
      for (const { name, stats } of watched) this.inc({ stage: name }, stats.retries);
    },
  });
  new Gauge({
    ...metric('lag_records', "From the group's offset to the end of the topic."),
    async collect() {
      // An unreachable broker must not take the other metrics down with it.
      const rows = await lag().catch(() => []);
      this.reset();
      for (const row of rows) if (stages.includes(row.stage)) this.inc({ stage: row.stage }, row.lag);
    },
  });
  new Gauge({
    ...metric('stalled_seconds', 'Seconds since this process last finished or committed anything.'),
    collect() {
      this.reset();
      const since = lastProgress();
      if (since === undefined) return;
      for (const { name } of watched) this.set({ stage: name }, (performance.now() - since) / 1000);
    },
  });
}

/** Counters of how much the learner can learn from. */
function signalCounters(Counter: typeof PrometheusCounter, metric: Describe, stages: readonly string[]) {
  const groups = new Counter(
    metric('groups_total', 'Groups that the learner took, by whether they had a signal.', 'signal'),
  );
  const judged = new Counter(metric('judged_total', 'Samples that were judged.'));
  const unusable = new Counter(metric('unusable_total', 'Samples that were unparseable, truncated or lost.', 'why'));
  // A series that begins at 0 tells a run without signal from a run that has not started.
  if (stages.includes('learn')) groups.inc({ stage: 'learn', signal: 'yes' }, 0);
  return (stage: string, values: StepReport['values']): void => {
    const { groups: all = 0, groupsWithSignal = 0, judged: samples = 0 } = values;
    groups.inc({ stage, signal: 'yes' }, groupsWithSignal);
    groups.inc({ stage, signal: 'no' }, all - groupsWithSignal);
    judged.inc({ stage }, samples);
    for (const why of ['unparseable', 'truncated', 'lost']) unusable.inc({ stage, why }, values[why] ?? 0);
  };
}

const inWords = ({ since, ...wait }: Wait) => ({ ...wait, since: new Date(since).toISOString() });

/** Offsets as text, since they may exceed JSON's safe integers. */
const placeOf = ({ topic, partition, offset }: Position) => ({ topic, partition, offset: String(offset) });

function logger(run: string) {
  return (level: string, event: string, fields: object) =>
    void process.stderr.write(
      `${redact(JSON.stringify({ time: new Date().toISOString(), level, run, event, ...fields }))}\n`,
    );
}

async function serve(registry: MetricsRegistry): Promise<(() => Promise<void>) | undefined> {
  const port = process.env.RLSD_METRICS_PORT;
  if (!port) return undefined;
  const server = createServer((request, response) => {
    if (request.url?.split('?')[0] !== '/metrics') return void response.writeHead(404).end();
    registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      (error) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((resolve, reject) => {
    const refuse = (why: string) =>
      reject(new UserError('metrics-port', `RLSD_METRICS_PORT: ${why}; expected a free port, found ${port}`));
    if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) return refuse('no port');
    server.once('error', (error) => refuse(error.message));
    server.listen(Number(port), resolve);
  });
  return () =>
    new Promise((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    });
}
