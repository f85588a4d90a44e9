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
import { type ModelConfig, parameterShapes } from '../models/config.js';
import { fileDigest, readSafetensors, type Tensors, writeSafetensors } from '../models/safetensors.js';
import { digest } from '../support/digest.js';
import { UserError } from '../support/errors.js';
import type { Trained } from './adamw.js';
import type { TrainedModel } from './optimizer.js';

/** Where training stands, besides the numbers. */
export interface Position {
  /** Steps made: the next step's place in the schedule. */
  readonly step: number;
  /** Optimiser updates made. */
  readonly updates: number;
  /** What the caller needs to go on from here, such as input offsets: JSON. */
  readonly offsets: unknown;
}

const FORMAT = 1;
const NAME = 'checkpoint.json';
/** States of earlier checkpoints, and what a crash left unfinished. */
const LEFT_OVER = /^(state-[0-9a-f]{16}|unfinished[.]\d+)[.]safetensors$|[.]partial$/;
const parts = ['value', 'first', 'second'] as const satisfies readonly (keyof Trained)[];

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
 * Writes weights, moments and position together: a crash at any point leaves the checkpoint that was there before, or this one.
 */
export function writeCheckpoint(folder: string, config: ModelConfig, model: TrainedModel, position: Position): void {
  mkdirSync(folder, { recursive: true });
  const tensors: Tensors = new Map();
  for (const [name, shape] of parameterShapes(config)) {
    const trained = model.get(name);
    if (trained) for (const part of parts) tensors.set(`${part}:${name}`, { shape, data: trained[part] });
  }
  const unfinished = join(folder, `unfinished.${process.pid}.safetensors`);
  const stateDigest = writeSafetensors(unfinished, tensors);
  const state = `state-${stateDigest.slice(0, 16)}.safetensors`;
  renameSync(unfinished, join(folder, state));
  const content = JSON.stringify({ format: FORMAT, state, stateDigest, ...position });
  writeDurably(folder, NAME, JSON.stringify({ content, digest: digest(content) }));
  for (const name of readdirSync(folder)) if (name !== state && LEFT_OVER.test(name)) rmSync(join(folder, name));
}

function parse(file: string): { state: string; stateDigest: string } & Position {
  const bad = (what: string): UserError => new UserError('bad-checkpoint', `${file}: ${what}`);
  if (!existsSync(file)) throw bad('the file is missing; expected a checkpoint');
  let outer: { content?: unknown; digest?: unknown };
  try {
    outer = JSON.parse(readFileSync(file, 'utf8')) ?? {};
  } catch {
    throw bad('truncated or not JSON');
  }
  const { content } = outer;
  if (typeof content !== 'string' || digest(content) !== outer.digest) throw bad('altered: its digest does not match');
  const { format, ...rest } = JSON.parse(content);
  if (format !== FORMAT) throw bad(`format ${format}; this version reads ${FORMAT}`);
  return rest;
}

/** @throws {UserError} `bad-checkpoint` when it is missing, truncated or altered */
export function checkCheckpoint(folder: string): { readonly file: string; readonly position: Position } {
  const { state, stateDigest, ...position } = parse(join(folder, NAME));
  const file = join(folder, state);
  if (!existsSync(file)) throw new UserError('bad-checkpoint', `${file}: the file is missing`);
  const found = fileDigest(file);
  if (found !== stateDigest)
    throw new UserError('bad-checkpoint', `${file}: truncated or altered: SHA-256 ${found}, expected ${stateDigest}`);
  return { file, position };
}

/**
 * Reads a checkpoint into `model`, which is left as it is when anything is wrong.
 * @throws {UserError} `bad-checkpoint` when it is missing, truncated, altered or another model's
 */
export function readCheckpoint(folder: string, config: ModelConfig, model: TrainedModel): Position {
  const {
    file,
    position: { step, updates, offsets },
  } = checkCheckpoint(folder);
  const bad = (what: string): UserError => new UserError('bad-checkpoint', `${file}: ${what}`);
  const tensors = readSafetensors(file);
  const expected = [...parameterShapes(config)].flatMap(([name, shape]) =>
    parts.map((part) => [part, name, shape] as const),
  );
  for (const [part, name, shape] of expected) {
    const tensor = tensors.get(`${part}:${name}`);
    if (tensor?.shape.join() !== shape.join()) {
      throw bad(`another model's: ${name} is [${tensor?.shape ?? 'missing'}], expected [${shape}]`);
    }
  }
  if (tensors.size !== expected.length)
    throw bad(`another model's: ${tensors.size} tensors, expected ${expected.length}`);
  for (const [part, name] of expected) model.get(name)?.[part].set(tensors.get(`${part}:${name}`)?.data ?? []);
  return { step, updates, offsets };
}
