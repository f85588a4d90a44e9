import { randomUUID } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plan } from '../../pipelines/plan/plan.js';
import { contextOf } from '../../pipelines/running/context.js';
import { digestSource, type SourceDigest } from '../../privileged/sources/digest.js';
import { UserError } from '../../support/errors.js';
import type { Manifest } from '../manifest/manifest.js';
import { inputsOf, type Outcome, outputsOf, type Subject } from './datasets.js';
import { type EventType, type Facets, facetsBy, type RunEvent, schemaURL } from './event.js';

/** Milliseconds that an endpoint may take; a run does not wait longer for it. */
const PATIENCE = 5000;

/** Tells of one execution of a run: once that it starts, and once how it ended. */
export interface LineageEmitter {
  start(): Promise<void>;
  complete(outcome: Outcome): Promise<void>;
  /** A run that was stopped is an ABORT, anything else a FAIL. */
  fail(error: unknown): Promise<void>;
}

export interface LineageSettings {
  readonly plan: Plan;
  readonly manifest: Manifest;
  /** The run's folder; the events are appended to its `openlineage.jsonl`. */
  readonly folder: string;
  readonly stages: readonly string[];
  readonly warn: (message: string) => void;
}

/**
 * OpenLineage events of a run: into its folder always, and to an HTTP endpoint where the environment names one, by the variables of
 * OpenLineage's own clients: OPENLINEAGE_URL, OPENLINEAGE_ENDPOINT (default `api/v1/lineage`), OPENLINEAGE_API_KEY and
 * OPENLINEAGE_NAMESPACE (default `default`). An endpoint that does not take them is a warning; the run goes on.
 * @throws {UserError} `openlineage-url` for something that is no http address
 */
export async function lineageEmitter(settings: LineageSettings): Promise<LineageEmitter> {
  const { plan, manifest, folder, stages, warn } = settings;
  const post = poster(warn);
  const version = manifest.versions['rlsd-streams'] ?? '0';
  const producer = `pkg:npm/rlsd-streams@${version}`;
  const make = facetsBy(producer);
  const sources = stages.includes('ingest') ? await digestSources(plan) : [];
  const subject: Subject = { plan, manifest, folder, stages, sources };
  const whole = plan.stages.every(({ name }) => stages.includes(name));
  const runId = randomUUID();
  const { run, spec, code, verifier, shaper, teacherTemplate, parent } = manifest;
  const facts = { run, steps: spec.steps, seed: spec.seed, stages, code, verifier, shaper, teacherTemplate };

  const emit = async (eventType: EventType, facets: Facets, outcome?: Outcome): Promise<void> => {
    const event: RunEvent = {
      eventType,
      eventTime: new Date().toISOString(),
      producer,
      schemaURL,
      run: {
        runId,
        facets: {
          processing_engine: make.processingEngine({
            name: 'rlsd-streams',
            version,
            openlineageAdapterVersion: version,
          }),
          rlsd: make.rlsd({ ...facts, ...(parent && { parent: { run: parent.run, from: parent.from } }) }),
          ...facets,
        },
      },
      job: {
        namespace: process.env.OPENLINEAGE_NAMESPACE || 'default',
        name: whole ? spec.pipeline : `${spec.pipeline}.${stages.join('+')}`,
        facets: { jobType: make.jobType({ processingType: 'BATCH', integration: 'RLSD', jobType: 'TRAINING' }) },
      },
      inputs: inputsOf(subject, make),
      outputs: outputsOf(subject, make, outcome),
    };
    const line = JSON.stringify(event);
    appendFileSync(join(folder, 'openlineage.jsonl'), `${line}\n`);
    await post?.(line);
  };

  return {
    start: () => emit('START', {}),
    complete: (outcome) => emit('COMPLETE', {}, outcome),
    fail(error) {
      if (error instanceof UserError && error.code === 'stopped') return emit('ABORT', {});
      const message = error instanceof Error ? error.message : String(error);
      return emit('FAIL', { errorMessage: make.errorMessage({ message, programmingLanguage: 'TypeScript' }) });
    },
  };
}

/** The declared sources of a plan's privileged context, by hash; those that match nothing are left out. */
async function digestSources({ spec, folder }: Plan): Promise<SourceDigest[]> {
  const digests = await Promise.all(contextOf(spec).sources.map((source) => digestSource(source, folder)));
  return digests.filter((one) => one !== undefined);
}

function poster(warn: (message: string) => void): ((body: string) => Promise<void>) | undefined {
  const { OPENLINEAGE_URL: base, OPENLINEAGE_ENDPOINT: path, OPENLINEAGE_API_KEY: key } = process.env;
  if (!base) return undefined;
  if (!URL.canParse(base) || !/^https?:$/.test(new URL(base).protocol))
    throw new UserError('openlineage-url', `OPENLINEAGE_URL: found ${base}, expected an http or https address`);
  const url = new URL(path || 'api/v1/lineage', base.endsWith('/') ? base : `${base}/`);
  return async (body) => {
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(key && { authorization: `Bearer ${key}` }) },
        body,
        signal: AbortSignal.timeout(PATIENCE),
      });
      await response.arrayBuffer();
      if (!response.ok) warn(`OpenLineage: ${url} answered ${response.status}; the event is in openlineage.jsonl`);
    } catch (error) {
      const { message, cause } = error as Error;
      const why = cause instanceof Error ? cause.message || String((cause as NodeJS.ErrnoException).code) : message;
      warn(`OpenLineage: ${url} cannot be reached (${why}); the event is in openlineage.jsonl`);
    }
  };
}
