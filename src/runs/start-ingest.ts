import type { PipelineSpec } from '../pipelines/spec.js';
import type { PrivilegedTable } from '../privileged/documents/table.js';
import type { RunningStage, StageEnvironment } from '../runtime/stage.js';
import type { PromptSource } from '../sources/prompts.js';
import { ingest } from './ingest.js';
import type { Versions } from './weights/versions.js';

/** A running stage, as far as what waits for its end needs it. */
export interface Running extends Pick<RunningStage, 'ended' | 'stop'> {
  readonly stats: Pick<RunningStage['stats'], 'running' | 'waiting'> &
    Partial<Pick<RunningStage['stats'], 'committing'>>;
}

/** Starts to write prompts, or to stand by for it while another process does. */
export async function startIngest(
  spec: PipelineSpec,
  source: PromptSource,
  versions: Versions,
  environment: StageEnvironment & { readonly table: PrivilegedTable },
): Promise<Running> {
  const consumer = await environment.log.consumer('ingest', ['source']);
  const abort = new AbortController();
  const aborted = new Promise<void>((resolve) => abort.signal.addEventListener('abort', () => resolve()));
  const published = (version: number) => Promise.race([versions.published(version), aborted]);
  const ended = ingest(source, consumer, { ...environment, spec, published }, abort.signal);
  const stats = { running: 1, waiting: false };
  const over = () => Object.assign(stats, { running: 0, waiting: true });
  ended.then(over, over);
  return {
    ended,
    stats,
    async stop() {
      abort.abort();
      await ended.catch(() => {});
      await consumer.close();
    },
  };
}
