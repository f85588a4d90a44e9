import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { from, lastValueFrom } from 'rxjs';
import type { Learner } from '../../learner/learner.js';
import { modelDigest } from '../../models/folder.js';
import { writeAdapter } from '../../models/lora/folder.js';
import { learn } from '../../operators/learn.js';
import { learnOf } from '../../pipelines/spec/sections.js';
import type { Advantage, Weights } from '../../records/records.js';
import { UserError } from '../../support/errors.js';
import { required } from '../../support/required.js';
import { headerPlace, recordIn } from '../../topics/record-codec.js';
import { scan } from '../../topics/scan.js';
import { place, type RunFiles, unfinished, weightsFolder, withCheckpoint } from './publisher.js';

/** What a learner's weights can be made from again. */
export interface WeightsSource {
  readonly files: RunFiles;
  /** Topic of the samples that the learner trains on; undefined where this run does not have what it trained on. */
  readonly input: string | undefined;
  /** Opens a learner at the base model's weights. */
  readonly openLearner: () => Promise<Learner>;
  readonly warn: (message: string) => void;
}

type Version = Pick<Weights, 'version' | 'digest' | 'location'>;

/**
 * Puts a missing or damaged version back in its folder: from the base model, its checkpoint, or the recorded samples.
 * @param damage what is wrong with it
 * @throws {UserError} `damaged-weights`, with what was tried
 */
export async function restoreVersion(source: WeightsSource, wanted: Version, damage: UserError): Promise<void> {
  const { files, warn } = source;
  const { version, digest, location } = wanted;
  const target = join(files.folder, location ?? weightsFolder(version, files.learner));
  if (location === null) {
    // A copy of what is in the topic, which is written where it is missing.
    rmSync(target, { recursive: true, force: true });
    return warn(`${damage.message}; written again from the topic`);
  }
  const fresh = unfinished(files, 'weights', version);
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  try {
    warn(`${damage.message}; making it again`);
    const made = version === 0 ? copyBase(files, digest, fresh) : await trainAgain(source, wanted, fresh);
    rmSync(target, { recursive: true, force: true });
    place(fresh, target, digest);
    warn(`${location}: made again from ${made}, with the digest of its record`);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    if (!(error instanceof UserError)) throw error;
    throw new UserError('damaged-weights', `${damage.message}; it cannot be made again: ${error.message}`);
  }
}

function copyBase({ base, adapter }: RunFiles, digest: string, to: string): string {
  const initial = adapter?.();
  if (initial) {
    const made = writeAdapter(to, initial, initial.base);
    if (made === digest) return 'the seed or the adapter that it began with';
    throw new UserError('other-weights', `the adapter to begin with has SHA-256 ${made}, expected ${digest}`);
  }
  const found = modelDigest(base);
  if (found !== digest)
    throw new UserError('other-weights', `the base model in ${base} has SHA-256 ${found}, expected ${digest}`);
  cpSync(base, to, { recursive: true });
  return 'the base model';
}

async function trainAgain(source: WeightsSource, wanted: Version, to: string): Promise<string> {
  const { learner, made } = await learnerAt(source, wanted, to);
  await learner.close();
  return made;
}

/**
 * A learner with the weights of a published version: from the checkpoint that goes with them or, where that is missing,
 * damaged or another version's, by training on the recorded samples again.
 * @param to folder for its weights, whose digest is compared with the record's
 * @throws {UserError} `bad-checkpoint` where neither leads to those weights
 */
export async function learnerAt(
  source: WeightsSource,
  wanted: Pick<Weights, 'version' | 'digest'>,
  to: string,
): Promise<{ readonly learner: Learner; readonly made: string }> {
  const { files, openLearner, warn } = source;
  const ways = [
    ['its checkpoint', (learner: Learner) => withCheckpoint(files, wanted, (at) => learner.loadCheckpoint(at))],
    ['the recorded samples', (learner: Learner) => trainRecorded(source, learner, wanted.version)],
  ] as const;
  const problems: string[] = [];
  for (const [made, bring] of ways) {
    if (problems.length > 0) warn(`version ${wanted.version}: ${problems.at(-1)}; trying ${made}`);
    const learner = await openLearner();
    try {
      await bring(learner);
      const found = await learner.saveModel(to);
      if (found === wanted.digest) return { learner, made };
      problems.push(`${made} leads to weights with SHA-256 ${found}, expected ${wanted.digest}`);
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error));
    }
    await learner.close();
  }
  throw new UserError('bad-checkpoint', problems.join('; '));
}

/** Makes the steps before a version again, each on the samples that the topic has of it. */
async function trainRecorded({ files, input }: WeightsSource, learner: Learner, version: number): Promise<void> {
  const { log, spec } = files;
  if (input === undefined)
    throw new UserError('records-gone', 'this run does not have the samples that it was trained on');
  const { every } = spec.publish;
  const places = await placesByStep(files, input);
  for (let first = 0; first < version; first += every) {
    let next = first;
    const expected = Array.from({ length: every }, (_, i) => first + i);
    const samples: Advantage[] = [];
    for (const [partition, offset] of expected.flatMap((step) => places.get(step) ?? [])) {
      const [record] = await log.read(input, partition, offset, 1);
      const sample = recordIn('advantages', required(record, `record at offset ${offset} of ${input}`));
      if (sample) samples.push(sample);
    }
    const trainer = {
      async step(batch: Parameters<Learner['step']>[0]) {
        const stats = await learner.step(batch);
        next++;
        return stats;
      },
    };
    const training = learn(trainer, {
      prompts: learnOf(spec).prompts,
      version: () => next,
      maxLag: spec.from ? Number.POSITIVE_INFINITY : spec.flow.maxLag,
      onStale: () => {},
      expected,
    });
    await lastValueFrom(from(samples).pipe(training), { defaultValue: undefined });
  }
}

/** Where the samples of each step are. */
async function placesByStep(
  { log }: RunFiles,
  topic: string,
): Promise<Map<number, [partition: number, offset: bigint][]>> {
  const places = new Map<number, [number, bigint][]>();
  const partitions = (await log.describe()).find(({ name }) => name === topic)?.bounds ?? [];
  for (const [partition, { start }] of partitions.entries()) {
    if (start > 0n)
      throw new UserError('records-gone', `topic ${topic}: the samples before offset ${start} were deleted`);
    for await (const record of scan(log, topic, partition)) {
      const step = headerPlace(record)?.step;
      if (step === undefined || record.value === null) continue;
      const known = places.get(step);
      if (known) known.push([partition, record.offset]);
      else places.set(step, [[partition, record.offset]]);
    }
  }
  return places;
}
