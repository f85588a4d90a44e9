import { randomUUID } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plan } from '../../pipelines/plan/plan.js';
import { contextOf } from '../../pipelines/running/context.js';
import { digestSource, type SourceDigest } from '../../privileged/sources/digest.js';
import { UserError } from '../../support/errors.js';
import { required } from '../../support/required.js';
import { redact } from '../../support/secrets.js';
import type { Manifest } from '../manifest/manifest.js';
import { inputsOf, type Outcome, outputsOf, type Subject } from './datasets.js';
import { type EventType, type Facets, facetsBy, type RunEvent, schemaURL } from './event.js';

/** How long a run waits for the endpoint, in milliseconds. */
const TIMEOUT_MS = 5000;

/** Reports one execution of a run: its start and its end. */
export interface LineageEmitter {
  start(): Promise<void>;
  complete(outcome: Outcome): Promise<void>;
  /** Emits ABORT for a stopped run, FAIL for any other error. */
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
 * Emits OpenLineage events to `openlineage.jsonl` in the run's folder, and to an HTTP endpoint if the environment names
 * one. The variables are those of OpenLineage's own clients: OPENLINEAGE_URL, OPENLINEAGE_ENDPOINT (default
 * `api/v1/lineage`), OPENLINEAGE_API_KEY and OPENLINEAGE_NAMESPACE (default `default`). A failing endpoint is only a
 * warning.
 * @throws {UserError} `openlineage-url` for anything but an http or https URL
 */
export async function lineageEmitter(settings: LineageSettings): Promise<LineageEmitter> {
  const { plan, manifest, folder, stages, warn } = settings;
  const post = poster(warn);
  const version = required(manifest.versions['rlsd-streams'], 'version of rlsd-streams in the manifest');
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
      const message = redact(error instanceof Error ? error.message : String(error));
      return emit('FAIL', { errorMessage: make.errorMessage({ message, programmingLanguage: 'TypeScript' }) });
    },
  };
}

/** Hashes the declared sources of privileged context; those without files are left out. */
async function digestSources({ spec, folder }: Plan): Promise<SourceDigest[]> {
  const digests = await Promise.all(contextOf(spec).sources.map((source) => digestSource(source, folder)));
  return digests.filter((one) => one !== undefined);
}

function poster(warn: (message: string) => void): ((body: string) => Promise<void>) | undefined {
  const { OPENLINEAGE_URL: base, OPENLINEAGE_ENDPOINT: path, OPENLINEAGE_API_KEY: key } = process.env;
  if (!base) return undefined;
  if (!URL.canParse(base) || !/^https?:$/.test(new URL(base).protocol))
    throw new UserError('openlineage-url', `OPENLINEAGE_URL: found ${base}, expected an http or https URL`);
  const url = new URL(path || 'api/v1/lineage', base.endsWith('/') ? base : `${base}/`);
  return async (body) => {
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(key && { authorization: `Bearer ${key}` }) },
        body,
        signal: AbortSignal.timeout(TIMEOUT_MS),
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
