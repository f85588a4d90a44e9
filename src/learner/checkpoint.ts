import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { TrainableModel, TrainableState } from '../engines/trainable.js';
import { fileDigest, readSafetensors, type Tensors, writeSafetensors } from '../models/safetensors.js';
import { digest } from '../support/digest.js';
import { writing } from '../support/disk.js';
import { UserError } from '../support/errors.js';
import { get } from '../support/required.js';

/** How far training has come. */
export interface Progress {
  /** Steps made, which is the next step's place in the schedule. */
  readonly step: number;
  /** Optimizer updates made. */
  readonly updates: number;
  /** What the caller needs to resume, such as input offsets: JSON. */
  readonly offsets: unknown;
}

const FORMAT = 1;
const NAME = 'checkpoint.json';
/** States of earlier checkpoints and files that a crash left behind. */
const LEFT_OVER = /^(state-[0-9a-f]{16}|unfinished[.]\d+)[.]safetensors$|[.]partial$/;
const states = ['value', 'first', 'second'] as const satisfies readonly TrainableState[];

function writeDurably(folder: string, name: string, text: string): void {
  const partial = join(folder, `${name}.${process.pid}.partial`);
  const fd = openSync(partial, 'w');
  try {
    writeSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(partial, join(folder, name));
  const directory = openSync(folder, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

/**
 * Writes trained parameters, moments and progress together: a crash at any point leaves the previous checkpoint or this
 * one. Frozen parameters are not part of it.
 * @throws {UserError} `disk-full`
 */
export async function writeCheckpoint(folder: string, model: TrainableModel, progress: Progress): Promise<void> {
  const read = new Map<TrainableState, Tensors>();
  for (const state of states) read.set(state, await model.read(state));
  const tensors: Tensors = new Map(
    [...model.trainable().keys()].flatMap((name) =>
      states.map((state) => [`${state}:${name}`, get(get(read, state), name)] as const),
    ),
  );
  writing(folder, () => writeFiles(folder, tensors, progress));
}

function writeFiles(folder: string, tensors: Tensors, progress: Progress): void {
  mkdirSync(folder, { recursive: true });
  const unfinished = join(folder, `unfinished.${process.pid}.safetensors`);
  const stateDigest = writeSafetensors(unfinished, tensors);
  const state = `state-${stateDigest.slice(0, 16)}.safetensors`;
  renameSync(unfinished, join(folder, state));
  const content = JSON.stringify({ format: FORMAT, state, stateDigest, ...progress });
  writeDurably(folder, NAME, JSON.stringify({ content, digest: digest(content) }));
  for (const name of readdirSync(folder)) if (name !== state && LEFT_OVER.test(name)) rmSync(join(folder, name));
}

function parse(file: string): { state: string; stateDigest: string } & Progress {
  const bad = (what: string): UserError => new UserError('bad-checkpoint', `${file}: ${what}`);
  if (!existsSync(file)) throw bad('the file is missing, expected a checkpoint');
  let outer: { content?: unknown; digest?: unknown };
  try {
    outer = JSON.parse(readFileSync(file, 'utf8')) ?? {};
  } catch {
    throw bad('truncated or not JSON');
  }
  const { content } = outer;
  if (typeof content !== 'string' || digest(content) !== outer.digest) throw bad('altered: its digest does not match');
  const { format, ...rest } = JSON.parse(content);
  if (format !== FORMAT) throw bad(`format ${format}, expected ${FORMAT}; read it with the version that wrote it`);
  return rest;
}

/** @throws {UserError} `bad-checkpoint` when it is missing, truncated or altered */
export function checkCheckpoint(folder: string): { readonly file: string; readonly progress: Progress } {
  const { state, stateDigest, ...progress } = parse(join(folder, NAME));
  const file = join(folder, state);
  if (!existsSync(file)) throw new UserError('bad-checkpoint', `${file}: the file is missing`);
  const found = fileDigest(file);
  if (found !== stateDigest)
    throw new UserError('bad-checkpoint', `${file}: truncated or altered: SHA-256 ${found}, expected ${stateDigest}`);
  return { file, progress };
}

/**
 * Reads a checkpoint into `model`, which stays as it is when anything is wrong.
 * @throws {UserError} `bad-checkpoint` when it is missing, truncated, altered or another model's
 */
export async function readCheckpoint(folder: string, model: TrainableModel): Promise<Progress> {
  const { file, progress } = checkCheckpoint(folder);
  const bad = (what: string): UserError => new UserError('bad-checkpoint', `${file}: another model's: ${what}`);
  const found = readSafetensors(file);
  const shapes = model.trainable();
  const parts = new Map<TrainableState, Tensors>(states.map((state) => [state, new Map()]));
  for (const [name, shape] of shapes)
    for (const state of states) {
      const tensor = found.get(`${state}:${name}`);
      if (tensor?.shape.join() !== shape.join())
        throw bad(`${name} is [${tensor?.shape ?? 'missing'}], expected [${shape}]`);
      get(parts, state).set(name, tensor);
    }
  const expected = shapes.size * states.length;
  if (found.size !== expected) throw bad(`${found.size} tensors, expected ${expected}`);
  for (const [state, tensors] of parts) await model.write(state, tensors);
  const { step, updates, offsets } = progress;
  return { step, updates, offsets };
}
