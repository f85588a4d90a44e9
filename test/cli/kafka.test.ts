import type { ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import kafkajs from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planOf } from '../../src/pipelines/plan/plan.js';
import { readSpec } from '../../src/pipelines/spec/parse.js';
import { ensureTopics, openLog } from '../../src/pipelines/topic-log.js';
import { codecFor } from '../../src/records/codec.js';
import { openKafka } from '../../src/topics/kafka/index.js';
import type { LogRecord, TopicLog } from '../../src/topics/log.js';
import { fromRecord } from '../../src/topics/record-codec.js';
import { scan } from '../../src/topics/scan.js';
import { type Broker, freePorts, startBroker } from '../broker/broker.mjs';
import { lacks } from '../needs.js';
import { sums } from '../runs/tiny-run.js';
import { oldBroker } from '../topics/kafka/client/old-broker.js';
import { finished, parseLines, rlsd, rlsdProcess, start, tinyProject } from './cli.js';

const SECRET = 'alice-secret';
const stages = ['ingest', 'rollout', 'verify', 'teach', 'shape', 'learn', 'evaluate'];

/**
 * Series of Prometheus' text format: the name with its labels, without the run, and the highest value that was seen.
 */
class Scraped extends Map<string, number> {
  constructor(private readonly url: string) {
    super();
  }
  async scrape(): Promise<void> {
    const text = await fetch(this.url).then(
      (response) => response.text(),
      () => '',
    );
    for (const line of text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))) {
      const name = line
        .slice(0, line.lastIndexOf(' '))
        .replace(/run="[^"]*",?/, '')
        .replace(',}', '}');
      this.set(name, Math.max(this.get(name) ?? -1, Number(line.slice(line.lastIndexOf(' ')))));
    }
  }
  async whileRunning(child: ChildProcess): Promise<void> {
    while (child.exitCode === null) {
      await this.scrape();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

describe.skipIf(process.env.KAFKA_BROKERS || (await lacks('kafka', 'openssl')))(
  'rlsd on a cluster with logins and access rights',
  () => {
    let broker: Broker;
    beforeAll(async () => {
      broker = await startBroker({
        tls: true,
        sasl: true,
        settings: {
          'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
          'super.users': 'User:ANONYMOUS;User:alice',
          'listener.name.sasl.plain.sasl.jaas.config':
            'org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="alice-secret" user_bob="bob" user_carol="carol";',
        },
      });
    });
    afterAll(() => broker?.stop());

    const tls = () => ({ ca: { file: broker.files?.ca ?? '' } });
    const login = (folder: string, username: string, password: string) => {
      writeFileSync(join(folder, `${username}.password`), `${password}\n`);
      return { username, password: { file: join(folder, `${username}.password`) } };
    };

    it('runs to the end past poison, reports metrics, logs and traces, and prints no secrets', async () => {
      const { folder } = tinyProject();
      writeFileSync(join(folder, 'sums.jsonl'), `${[...sums(3), 'no json', ...sums(40).slice(3)].join('\n')}\n`);
      writeFileSync(
        join(folder, 'flaky.mjs'),
        'let calls = 0;\nexport default () => { if (++calls === 5) throw new Error("busy"); return calls % 2; };\n',
      );
      const { file } = tinyProject({
        model: { base: join(folder, 'model'), workers: 1 },
        prompts: { file: join(folder, 'sums.jsonl'), heldOut: 4 },
        steps: 4,
        verify: { function: { module: join(folder, 'flaky.mjs') } },
        topics: {
          kafka: {
            brokers: broker.listeners.sasl,
            partitions: 2,
            compression: 'lz4',
            tls: tls(),
            sasl: { 'scram-sha-512': login(folder, 'alice', SECRET) },
          },
        },
      });
      const run = join(folder, 'observed');
      const { spec, folder: base } = readSpec(file, []);
      const plan = planOf(spec, base);
      const log = await openLog(plan, run);
      await ensureTopics(log, plan.topics);
      const value = Buffer.from('no rollout');
      const { fingerprint } = codecFor('rollouts');
      await log.append([
        { topic: 'rollouts', key: 'poison', value, headers: { schema: fingerprint } },
        { topic: 'rollouts', key: 'stranger', value, headers: { schema: 'f'.repeat(64) } },
      ]);

      const [port] = await freePorts(1);
      const env = { RLSD_METRICS_PORT: String(port), RLSD_LOG: 'json', RLSD_DEBUG: '1' };
      const child = start(['run', file, '--run', run, '--json'], env);
      const metrics = new Scraped(`http://127.0.0.1:${port}/metrics`);
      const [{ code, stdout, stderr }] = await Promise.all([finished(child), metrics.whileRunning(child)]);
      expect(code, stderr).toBe(0);
      expect(parseLines(stdout).at(-1)).toMatchObject({ event: 'summary', steps: 4 });

      const letters = await decoded(log, 'dead-letters');
      expect(letters.map(({ stage, cause }) => `${stage} ${cause}`).sort()).toEqual([
        'ingest bad-prompt-line',
        'verify bad-record',
        'verify unknown-schema',
      ]);

      for (const stage of stages) {
        const of = (name: string) => metrics.get(`rlsd_${name}{stage="${stage}"}`) ?? Number.NaN;
        expect(of('records_total'), stage).toBeGreaterThan(0);
        expect(of('record_seconds_count'), stage).toBe(of('records_total'));
        expect(of('record_seconds_sum'), stage).toBeGreaterThan(0);
        if (stage === 'ingest') continue;
        for (const name of ['lag_records', 'in_flight', 'retries_total'])
          expect(of(name), stage).toBeGreaterThanOrEqual(0);
      }
      const series = (name: string) => metrics.get(`rlsd_${name}`) ?? Number.NaN;
      for (const stage of ['rollout', 'teach', 'learn'])
        expect(series(`tokens_total{stage="${stage}"}`), stage).toBeGreaterThan(0);
      expect(series('in_flight{stage="rollout"}')).toBeGreaterThan(0);
      expect(series('lag_records{stage="verify"}')).toBeGreaterThan(0);
      expect(series('retries_total{stage="verify"}')).toBeGreaterThan(0);
      expect(series('reward{stage="learn"}')).toBeGreaterThan(0);
      expect(series('reward{stage="learn"}')).toBeLessThanOrEqual(1);
      expect(series('policy_age_versions{stage="learn"}')).toBe(0);
      expect(series('dead_letters_total{stage="verify",cause="bad-record"}')).toBe(1);
      expect(series('dead_letters_total{stage="ingest",cause="bad-prompt-line"}')).toBe(1);

      const lines = parseLines(stderr);
      const committed = lines.filter(({ event }) => event === 'committed');
      expect([...new Set(committed.map(({ stage }) => stage))].sort()).toEqual([...stages].sort());
      for (const line of [...committed, ...lines.filter(({ event }) => event === 'dead letter')])
        expect(line).toMatchObject({
          time: expect.stringMatching(/^\d{4}-.*Z$/),
          run: 'observed',
          stage: expect.any(String),
          topic: expect.any(String),
          partition: expect.any(Number),
          offset: expect.stringMatching(/^\d+$/),
        });

      const [prompt] = await all(log, 'prompts');
      const traces = await Promise.all(
        ['prompts', 'rollouts', 'verdicts', 'teacher-scores', 'advantages'].map(async (topic) =>
          (await all(log, topic))
            .filter(({ key }) => key === prompt?.key)
            .map(({ headers }) => headers.traceparent ?? ''),
        ),
      );
      expect(traces.map((found) => found.length)).toEqual([1, 4, 4, 4, 4]);
      const spans = traces.flat();
      for (const span of spans) expect(span).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
      expect(new Set(spans.map((span) => span.split('-')[1])).size).toBe(1);
      expect(new Set(spans).size).toBe(spans.length);

      const written = [stdout, stderr, ...filesIn(run).map((path) => readFileSync(path, 'latin1'))];
      for (const { name } of plan.topics)
        for (const { value, headers } of await all(log, name))
          written.push(Buffer.from(value ?? []).toString('latin1'), JSON.stringify(headers));
      await log.close();
      expect(written.filter((text) => text.includes(SECRET))).toEqual([]);
    });

    it('reports login failures and missing permissions in one line', async () => {
      const { folder, file } = tinyProject();
      const attempt = async (command: readonly string[], sasl: object) => {
        const topics = { kafka: { brokers: broker.listeners.sasl, tls: tls(), sasl } };
        return finished(start([...command, '--set', `topics=${JSON.stringify(topics)}`], { RLSD_DEBUG: '' }));
      };
      const wrong = { plain: login(folder, 'alice', 'planted-secret') };
      const bob = { plain: login(folder, 'bob', 'bob') };
      const [refused, denied, checked] = await Promise.all([
        attempt(['run', file, '--run', join(folder, 'refused'), '--json'], wrong),
        attempt(['run', file, '--run', join(folder, 'denied')], bob),
        attempt(['check', file], bob),
      ]);
      expect(refused).toMatchObject({ code: 2, stdout: '' });
      expect(refused.stderr).toMatch(/^rlsd: connecting: Kafka at 127\.0\.0\.1:\d+ refused the credentials: .*\n$/);
      expect(refused.stderr).not.toContain('planted-secret');
      expect(denied).toMatchObject({ code: 2, stdout: '' });
      const topics = /Kafka refuses to create .*prompts.*: Not authorized .*\(TOPIC_AUTHORIZATION_FAILED\)\n$/;
      expect(denied.stderr).toMatch(topics);
      expect(checked).toMatchObject({ code: 2, stdout: '' });
      expect(checked.stderr).toMatch(topics);
    });

    it('reports an unreachable or old server in one line', async () => {
      const { folder, file } = tinyProject();
      const old = await oldBroker();
      const attempts = [
        [
          { brokers: broker.brokers, schemaRegistry: { url: 'http://127.0.0.1:1' } },
          /^no answer from the schema registry at http:\/\/127\.0\.0\.1:1: /,
        ],
        [{ brokers: ['127.0.0.1:1'] }, /^connecting: no answer from Kafka at 127\.0\.0\.1:1: .*ECONNREFUSED/],
        [{ brokers: [old.address] }, /^Kafka at 127\.0\.0\.1:\d+ is too old: .*use Kafka 2\.5 or newer$/],
      ] as const;
      const tried = attempts.map(async ([kafka, message], i) => {
        const sets = ['--set', `topics=${JSON.stringify({ kafka })}`];
        const [checked, run] = await Promise.all([
          rlsdProcess(['check', file, ...sets, '--json']),
          rlsdProcess(['run', file, '--run', join(folder, `run${i}`), ...sets]),
        ]);
        expect(checked.code).toBe(2);
        expect(parseLines(checked.stdout)).toMatchObject([{ ok: false, problems: [expect.stringMatching(message)] }]);
        expect(run).toMatchObject({ code: 2, stdout: '' });
        const [, line = ''] = /^rlsd: (.*)\n$/.exec(run.stderr) ?? [];
        expect(line).toMatch(message);
      });
      await Promise.all(tried);
      old.close();
    });

    it('does not retry a denied group or transactional id', async () => {
      const { folder } = tinyProject();
      const { AclResourceTypes, ResourcePatternTypes, AclOperationTypes, AclPermissionTypes, Kafka, logLevel } =
        kafkajs;
      const admin = new Kafka({ brokers: [...broker.brokers], logLevel: logLevel.NOTHING }).admin();
      await admin.connect();
      const topics = { resourceType: AclResourceTypes.TOPIC, resourceName: '*' };
      const may = { operation: AclOperationTypes.ALL, permissionType: AclPermissionTypes.ALLOW };
      const acl = {
        ...topics,
        ...may,
        resourcePatternType: ResourcePatternTypes.LITERAL,
        principal: 'User:carol',
        host: '*',
      };
      await admin.createAcls({ acl: [acl] });
      await admin.disconnect();
      const sasl = { plain: login(folder, 'carol', 'carol') };
      const log = await openKafka({ brokers: broker.listeners.sasl, tls: tls(), sasl, topicPrefix: 'denied.' });
      await log.ensureTopics([{ name: 'in', partitions: 1 }]);
      const appending = log.append([{ topic: 'in', key: 'k', value: Buffer.from('v') }]);
      await expect(appending).rejects.toMatchObject({ code: 'kafka-denied' });
      await expect(appending).rejects.toThrow(/denied\.append-.*TRANSACTIONAL_ID_AUTHORIZATION_FAILED/);
      await expect(log.consumer('copy', ['in'])).rejects.toThrow(/denied\.copy.*GROUP_AUTHORIZATION_FAILED/);
      await log.close();
    });

    it('check lists every difference of the topics of a run', async () => {
      const { folder, file } = tinyProject({ topics: { kafka: { brokers: broker.brokers, partitions: 3 } } });
      const { spec, folder: base } = readSpec(file, []);
      const { topics, store } = planOf(spec, base);
      const run = join(folder, 'differs');
      const log = await openLog({ store }, run);
      await log.ensureTopics(
        topics.flatMap((topic) => {
          if (topic.name === 'weights') return [];
          if (topic.name === 'prompts') return [{ ...topic, partitions: 1, retention: { ms: 60_000 } }];
          return [topic.name === 'privileged' ? { ...topic, compact: false } : topic];
        }),
      );
      await log.close();
      const { code, stdout } = await rlsd(['check', file, '--run', run, '--json']);
      expect([code, parseLines(stdout)[0]]).toEqual([
        2,
        {
          event: 'check',
          ok: false,
          problems: [
            'topic differs.privileged: compact is false, expected true',
            'topic differs.prompts: partitions is 1, expected 3; retention ms is 60000, expected -1',
            'topic differs.weights: is missing',
          ],
          warnings: [],
          notes: expect.any(Array),
        },
      ]);
    });
  },
);

async function all(log: TopicLog, topic: string): Promise<LogRecord[]> {
  const { partitions = 0 } = (await log.describe()).find(({ name }) => name === topic) ?? {};
  const found: LogRecord[] = [];
  for (let partition = 0; partition < partitions; partition++)
    for await (const record of scan(log, topic, partition)) found.push(record);
  return found;
}

const decoded = async (log: TopicLog, topic: 'dead-letters') =>
  (await all(log, topic)).flatMap((record) =>
    record.value === null ? [] : [fromRecord(topic, { ...record, value: record.value })],
  );

const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
