import { rmSync } from 'node:fs';
import { join } from 'node:path';
import kafkajs from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { checkTopics } from '../../src/pipelines/topic-log.js';
import { diffRuns } from '../../src/replay/diff/diff-runs.js';
import { replayFrom } from '../../src/replay/from.js';
import { verifyRun } from '../../src/replay/verify/verify-run.js';
import { exportRun } from '../../src/runs/bundle/export.js';
import { importRun } from '../../src/runs/bundle/import.js';
import { openRunFolder } from '../../src/runs/inspect/run-folder.js';
import type { Append } from '../../src/topics/log.js';
import { type Broker, startBroker } from '../broker/broker.mjs';
import { lacks } from '../needs.js';
import { tinyFolder, tinyRun } from '../runs/tiny-run.js';

const STEPS = 8;
const SAMPLES = STEPS * 2 * 4;

describe.skipIf(await lacks('kafka'))('a run on Kafka', () => {
  let broker: Broker;
  beforeAll(async () => {
    broker = await startBroker();
  });
  afterAll(() => broker?.stop());

  it('verifies, replays, exports, imports and verifies again', async () => {
    const folder = tinyFolder();
    const name = `run-${Math.random().toString(36).slice(2)}`;
    const place = (suffix: string) => join(folder, `${name}${suffix}`);
    const topics = { kafka: { brokers: [...broker.brokers], partitions: 3 } };
    const { folder: run, summary } = await tinyRun(folder, name, { steps: STEPS, topics });
    const same = { equal: true, mode: 'source', difference: null };
    const onCluster = [expect.stringMatching(/is from a cluster/)];
    expect(await verifyRun(run)).toMatchObject({ ...same, notes: onCluster });

    const clipped = { from: 'rollouts', set: ['shape={rlsd: {lambda: 1, weightClip: 0.3}}'] };
    const embedded = { from: 'rollouts', set: [...clipped.set, 'topics=embedded'] };
    await replayFrom(run, { ...clipped, to: place('-clip') });
    await replayFrom(run, { ...embedded, to: place('-here') });
    // Partitions have no common order: every sample must be matched across all of them.
    const changed = await diffRuns(run, place('-clip'));
    expect(changed).toMatchObject({ samples: SAMPLES, unmatched: { was: 0, is: 0 }, verdictsChanged: 0 });
    expect(changed.tokenAdvantages.changed).toBeGreaterThan(0);
    expect(changed.gradient?.cosine).toBeLessThan(1);
    const { tokenAdvantages, ...sums } = await diffRuns(run, place('-here'));
    expect(sums).toMatchObject({ samples: SAMPLES, firstChange: { step: changed.firstChange?.step } });
    expect(tokenAdvantages.changed).toBe(changed.tokenAdvantages.changed);
    expect(await diffRuns(place('-here'), place('-clip'))).toMatchObject({ samples: SAMPLES, firstChange: null });

    rmSync(place('-clip'), { recursive: true });
    const again = replayFrom(run, { ...clipped, to: place('-clip') });
    await expect(again).rejects.toMatchObject({ code: 'run-exists', message: expect.stringMatching(/cluster has/) });

    // Would hang if later steps of another partition could take all of a stage's credit.
    const { summary: trained } = await replayFrom(run, { from: 'rollouts', to: place('-trained'), train: true });
    expect(trained.weights).toMatchObject({ version: STEPS, digest: summary.weights.digest });

    const { records } = await exportRun(run, { to: place('.tar') });
    expect(records).toMatchObject({ rollouts: SAMPLES, weights: STEPS + 1 });
    const moved = place('-moved');
    expect((await importRun(place('.tar'), moved)).records).toEqual(records);
    expect(await verifyRun(moved)).toMatchObject({ ...same, notes: onCluster });
    await replayFrom(moved, { ...clipped, to: place('-moved-clip') });
    expect(await diffRuns(place('-here'), place('-moved-clip'))).toMatchObject({ samples: SAMPLES, firstChange: null });

    const { log, plan } = await openRunFolder(run);
    onTestFinished(() => log.close());
    expect(await checkTopics(plan, run)).toEqual([]);
    const admin = new kafkajs.Kafka({ brokers: [...broker.brokers], logLevel: kafkajs.logLevel.NOTHING }).admin();
    await admin.connect();
    const configEntries = [{ name: 'retention.ms', value: '60000' }];
    const resource = { type: kafkajs.ConfigResourceTypes.TOPIC, name: `${name}.verdicts`, configEntries };
    await admin.alterConfigs({ validateOnly: false, resources: [resource] });
    await admin.disconnect();
    expect(await checkTopics(plan, run)).toEqual([
      expect.stringMatching(new RegExp(`^topic ${name}.verdicts: .*retention.*60000`)),
    ]);

    const [first] = await log.read('verdicts', 0, 0n, 1);
    if (first) await log.append([first satisfies Append]);
    expect((await verifyRun(run)).difference).toMatchObject({ topic: 'verdicts', key: first?.key, field: 'record' });
  }, 300_000);
});
