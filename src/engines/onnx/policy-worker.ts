import { parentPort, workerData } from 'node:worker_threads';
import { readParameters } from '../../models/folder.js';
import { isAdapterFolder, readAdapter } from '../../models/lora/folder.js';
import type { AdaptedConfig, Lora } from '../../models/lora/lora.js';
import type { Tensors } from '../../models/safetensors.js';
import { readTokenizer, type Tokenizer } from '../../models/tokenizer.js';
import { answerCalls } from '../../support/workers/answers.js';
import type { ScoreRequest, TopScores } from '../policy.js';
import { createStopCheck } from '../stop.js';
import { createDecoding, type Drawn, type Unit } from './decoding.js';
import type { Graph } from './graph/builder.js';
import { decodeGraph, prefillGraph } from './graph/decode.js';
import { scoreGraph } from './graph/score.js';
import { topGraph } from './graph/top.js';
import { cacheBytes } from './memory.js';
import type { OnnxMessage, WorkerData } from './policy.js';
import { createScoring, type ReadRow, readLogprobs, readTop, type Scoring } from './scoring.js';
import { createSession, type Session, type SessionTensor } from './session.js';

/** Maximum size of one batch's caches; more sequences wait. */
const CACHE_BYTES = 256 * 2 ** 20;

const { folder, config, rows, eosIds } = workerData as WorkerData;
const port = parentPort;
if (!port) throw new Error('this module runs as a worker thread');

/** Made when first asked for: a process that only scores needs no decoder. */
const once = <T>(make: () => T): (() => T) => {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
};
/** The base model, which all adapters share. */
const base = once(() => readParameters(folder, config));
const newSessions = (adapted: AdaptedConfig) => {
  // One thread: with more, the bits of a row would depend on the batch around it.
  const session = (graph: () => Graph): (() => Promise<Session>) =>
    once(() => createSession(graph(), { threads: 1, ...(adapted.lora && { constants: base() }) }));
  return {
    prefill: session(() => prefillGraph(adapted)),
    decode: session(() => decodeGraph(adapted, { truncate: false })),
    truncate: session(() => decodeGraph(adapted, { truncate: true })),
    score: session(() => scoreGraph(adapted)),
    top: session(() => topGraph(adapted)),
  };
};
type Sessions = ReturnType<typeof newSessions>;
const sessionsByShape = new Map<string, Sessions>();
/** Sessions of the model, or of all adapters of one shape. */
function sessionsFor(lora?: Lora): Sessions {
  const key = JSON.stringify(lora) ?? '';
  const known = sessionsByShape.get(key) ?? newSessions({ ...config, ...(lora && { lora }) });
  sessionsByShape.set(key, known);
  return known;
}
const tokenizer: () => Tokenizer = once(() => readTokenizer(folder, config.vocabSize));

interface Weights {
  /** Tells these weights apart from earlier ones under the same version. */
  readonly serial: number;
  readonly parameters: ReadonlyMap<string, SessionTensor>;
  readonly sessions: Sessions;
}
const versions = new Map<number, Weights>();
let loads = 0;

const weightsOf = (version: number): Weights => {
  const weights = versions.get(version);
  if (!weights) throw new Error(`version ${version} of the weights is not loaded`);
  return weights;
};

/** Open work by what can run together: the same weights, and the same shape wherever the shape could change bits. */
const units = new Map<string, Unit>();
const decoding = new Map<string, ReturnType<typeof createDecoding>>();
const scoring = new Map<string, Scoring<Float32Array>>();
const topScoring = new Map<string, Scoring<TopScores>>();

function unitOf<U extends Unit>(kind: Map<string, U>, key: string, make: () => U): U {
  const known = kind.get(key);
  if (known) return known;
  const unit = make();
  kind.set(key, unit);
  units.set(key, unit);
  return unit;
}

/** The next of 32, 48, 64, 96, 128 …: few sizes, and decided by the request alone, as its bits have to be. */
function capacityFor(tokens: number): number {
  const whole = Math.max(32, 2 ** Math.ceil(Math.log2(tokens)));
  return whole > 32 && tokens <= whole * 0.75 ? whole * 0.75 : whole;
}

async function sample({
  version,
  request,
  limit,
}: Extract<OnnxMessage, { type: 'sample' }>): Promise<readonly Drawn[]> {
  const { prompt, seeds, sampling } = request;
  const { temperature, topK = config.vocabSize, topP = 2, minP = 0, stop = [] } = sampling;
  const { serial, parameters, sessions } = weightsOf(version);
  const truncate = sampling.topK !== undefined || sampling.topP !== undefined || sampling.minP !== undefined;
  const prefill = await sessions.prefill();
  const decode = await (truncate ? sessions.truncate() : sessions.decode());
  const capacity = capacityFor(prompt.length + limit);
  const room = Math.max(1, Math.min(rows, Math.floor(CACHE_BYTES / cacheBytes(config, capacity))));
  const stopped = stop.length > 0 ? createStopCheck(tokenizer(), stop) : () => false;
  const unit = unitOf(decoding, `decode ${serial} ${capacity} ${truncate}`, () =>
    createDecoding({ config, parameters, prefill, decode, room, capacity, eosIds: new Set(eosIds) }),
  );
  return new Promise((resolve, reject) => {
    unit.add({ prompt, seeds, limit, temperature, topK, topP, minP, stopped, resolve, reject });
    void workOff();
  });
}

function score({ version, request }: Extract<OnnxMessage, { type: 'score' }>): Promise<Float32Array> {
  return scoreWith(scoring, { name: 'score', version, request, session: 'score', read: readLogprobs });
}

function scoreTop({ version, request }: Extract<OnnxMessage, { type: 'scoreTop' }>): Promise<TopScores> {
  const { k } = request;
  const feeds: [string, SessionTensor][] = [['k', { data: BigInt64Array.of(BigInt(k)), shape: [1] }]];
  const name = `top ${k}`;
  return scoreWith(topScoring, { name, version, request, session: 'top', read: readTop(k), feeds });
}

interface ScoreWork<Result> {
  readonly name: string;
  readonly version: number;
  readonly request: ScoreRequest;
  readonly session: keyof Sessions;
  readonly read: ReadRow<Result>;
  readonly feeds?: readonly [string, SessionTensor][];
}

async function scoreWith<Result>(kind: Map<string, Scoring<Result>>, work: ScoreWork<Result>): Promise<Result> {
  const { name, version, request, read, feeds: more = [] } = work;
  const { tokens, from } = request;
  const temperature = request.temperature === 0 ? 1 : request.temperature;
  const { serial, parameters, sessions } = weightsOf(version);
  const session = await sessions[work.session]();
  // Decided by the sequence alone, as its bits have to be.
  const width = Math.ceil(tokens.length / 16) * 16;
  const unit = unitOf(kind, `${name} ${serial} ${width} ${temperature}`, () => {
    const temperatures: SessionTensor = { data: Float32Array.of(temperature), shape: [1] };
    const feeds = new Map([...parameters, ['temperature', temperatures] as const, ...more]);
    return createScoring({ config, feeds, session, read, width });
  });
  return new Promise((resolve, reject) => {
    unit.add({ tokens, from, resolve, reject });
    void workOff();
  });
}

let working = false;
/** One step of each unit in turn, so that no version and no kind of work starves another. */
async function workOff(): Promise<void> {
  if (working) return;
  working = true;
  // Requests of the same turn run together.
  await new Promise((resolve) => setImmediate(resolve));
  for (;;) {
    const next = units.entries().next().value;
    if (!next) break;
    const [key, unit] = next;
    try {
      await unit.step();
    } catch (error) {
      unit.fail(error instanceof Error ? error : new Error(String(error)));
    }
    units.delete(key);
    if (unit.busy) units.set(key, unit);
    else {
      for (const kind of [decoding, scoring, topScoring]) kind.delete(key);
    }
  }
  working = false;
}

/** A version's weights: a whole model, or an adapter over the base, which is in memory once. */
function readWeights(from: string, digest: string | undefined): Omit<Weights, 'serial'> {
  if (!isAdapterFolder(from)) return { parameters: readParameters(from, config, digest), sessions: sessionsFor() };
  const { lora, parameters } = readAdapter(from, config, digest);
  const all: Tensors = new Map([...base(), ...parameters]);
  return { parameters: all, sessions: sessionsFor(lora) };
}

function handle(message: OnnxMessage): unknown {
  switch (message.type) {
    case 'load':
      versions.set(message.version, { serial: loads++, ...readWeights(message.folder, message.digest) });
      return undefined;
    case 'unload':
      versions.delete(message.version);
      return undefined;
    case 'sample':
      return sample(message);
    case 'score':
      return score(message);
    case 'scoreTop':
      return scoreTop(message);
  }
}

answerCalls(port, handle);
