import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { RunEvent } from '../../../src/runs/openlineage/event.js';
import { tinyFolder, tinyRun } from '../tiny-run.js';

afterEach(() => vi.unstubAllEnvs());

const eventsOf = (run: string): RunEvent[] =>
  readFileSync(join(run, 'openlineage.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

/** Checks an event against https://openlineage.io/spec/2-0-2/OpenLineage.json. */
function expectShape(event: RunEvent): void {
  expect(Object.keys(event)).toEqual(
    expect.arrayContaining(['eventType', 'eventTime', 'producer', 'schemaURL', 'run', 'job', 'inputs', 'outputs']),
  );
  expect(new Date(event.eventTime).toISOString()).toBe(event.eventTime);
  expect(event.schemaURL).toBe('https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent');
  expect(URL.canParse(event.producer)).toBe(true);
  expect(event.run.runId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  for (const { namespace, name } of [event.job, ...event.inputs, ...event.outputs]) {
    expect(namespace).not.toBe('');
    expect(name).not.toBe('');
  }
  const holders = [event.run, event.job, ...event.inputs, ...event.outputs];
  const facets = [
    ...holders.map((holder) => holder.facets),
    ...event.inputs.map(({ inputFacets }) => inputFacets ?? {}),
    ...event.outputs.map(({ outputFacets }) => outputFacets ?? {}),
  ].flatMap((group) => Object.values(group));
  expect(facets.length).toBeGreaterThan(10);
  for (const { _producer, _schemaURL } of facets) {
    expect(_producer).toBe(event.producer);
    expect(_schemaURL).toMatch(/^https:\/\/openlineage\.io\/spec\/(facets\/)?\d-\d-\d\/\w+\.json#\/\$defs\/\w+$/);
  }
}

/** An endpoint that keeps its events and answers with a status. */
async function endpoint(status = 201) {
  const taken: { event: RunEvent; url: string | undefined; key: string | undefined }[] = [];
  const text = async (request: IncomingMessage) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    return body;
  };
  const server = createServer(async (request, response) => {
    const { url, headers } = request;
    taken.push({ event: JSON.parse(await text(request)), url, key: headers.authorization });
    response.writeHead(status).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { taken, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

describe('lineageEmitter', () => {
  it('emits inputs and outputs of a run, to its folder and to the endpoint from the environment', async () => {
    const base = tinyFolder();
    writeFileSync(join(base, 'a.md'), '# Sums\n\n1 + 1 = 2\n');
    const { taken, url } = await endpoint();
    vi.stubEnv('OPENLINEAGE_URL', url);
    vi.stubEnv('OPENLINEAGE_API_KEY', 'k3y');
    vi.stubEnv('OPENLINEAGE_NAMESPACE', 'research');
    const privileged = { sources: [{ files: ['*.md'] }], join: ['trace' as const, { search: 1 }] };
    const teach = { every: 2, template: '{{ context }} {{ question }}', contextTokens: 20 };
    const { folder, summary } = await tinyRun(base, 'run', { steps: 2, privileged, teach });

    const events = eventsOf(folder);
    expect(events.map(({ eventType }) => eventType)).toEqual(['START', 'COMPLETE']);
    events.forEach(expectShape);
    expect(new Set(events.map(({ run }) => run.runId)).size).toBe(1);
    expect(taken).toEqual(events.map((event) => ({ event, url: '/api/v1/lineage', key: 'Bearer k3y' })));
    const [start, complete] = events;
    expect(start?.job).toMatchObject({ namespace: 'research', name: 'tiny' });
    const hash = { version: { datasetVersion: expect.stringMatching(/^[0-9a-f]{64}$/) } };
    expect(start?.inputs).toMatchObject([
      { name: join(base, 'model'), facets: hash },
      { name: join(base, 'sums.jsonl'), facets: hash },
      { name: join(base, '*.md'), facets: hash, inputFacets: { inputStatistics: { fileCount: 1, size: 18 } } },
    ]);
    const outputs = new Map(complete?.outputs.map((output) => [output.name, output]));
    for (const topic of ['prompts', 'rollouts', 'verdicts', 'teacher-scores', 'advantages', 'weights', 'privileged'])
      expect(outputs.get(join(folder, 'topics', topic))?.outputFacets?.outputStatistics).toMatchObject({
        rowCount: summary.records[topic],
      });
    expect(outputs.get(join(folder, 'topics', 'rollouts'))?.facets.schema).toMatchObject({
      fields: expect.arrayContaining([expect.objectContaining({ name: 'promptTokens', type: 'bytes' })]),
    });
    expect(outputs.get(summary.weights.path)?.facets.version).toMatchObject({
      datasetVersion: summary.weights.digest,
    });
  });

  it('emits ABORT for a stopped run, and lists topics of other processes as inputs', async () => {
    const base = tinyFolder();
    await expect(tinyRun(base, 'run', {}, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'stopped' });
    await tinyRun(base, 'run', {}, { stages: ['rollout', 'verify'] });
    const events = eventsOf(join(base, 'run'));
    events.forEach(expectShape);
    expect(events.map(({ eventType, job }) => [eventType, job.name])).toEqual([
      ['START', 'tiny'],
      ['ABORT', 'tiny'],
      ['START', 'tiny.rollout+verify'],
      ['COMPLETE', 'tiny.rollout+verify'],
    ]);
    const topics = (datasets: readonly { name: string }[] = []) =>
      datasets.flatMap(({ name }) => name.split(join(base, 'run', 'topics/'))[1] ?? []).sort();
    expect(topics(events[2]?.inputs)).toEqual(['prompts', 'references', 'weights']);
    expect(topics(events[2]?.outputs)).toEqual(['dead-letters', 'rollouts', 'verdicts']);
  });

  it('survives a failing endpoint, and posts nothing without one', async () => {
    const base = tinyFolder();
    const broken = await endpoint(503);
    vi.stubEnv('OPENLINEAGE_URL', broken.url);
    const { folder, events } = await tinyRun(base, 'refused', { steps: 2 });
    expect(eventsOf(folder)).toHaveLength(2);
    const warnings = events.flatMap((event) =>
      event.event === 'warning' && event.message.includes('OpenLineage') ? [event.message] : [],
    );
    expect(warnings).toEqual(Array(2).fill(expect.stringContaining('answered 503')));

    vi.stubEnv('OPENLINEAGE_URL', 'ftp://lineage');
    await expect(tinyRun(base, 'misnamed')).rejects.toMatchObject({ code: 'openlineage-url' });
    vi.stubEnv('OPENLINEAGE_URL', undefined);
    const fetched = vi.spyOn(globalThis, 'fetch');
    await tinyRun(base, 'quiet', { steps: 2 });
    expect(fetched).not.toHaveBeenCalled();
  });
});
