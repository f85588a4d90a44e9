import { UserError } from '../errors.js';
import { createDeadline, wallClock } from './deadline.js';
import { CrashError, DeadlineError } from './errors.js';
import type { Failure, Outcome, Reply } from './protocol.js';
import type { Job, Member, PoolState } from './state.js';
import type { Transport } from './transport.js';

// Scheduling of a pool's calls and workers; see `pool.ts` for its interface.

/** Send this many calls without waiting for more of the same turn: waking a worker costs more than a message. */
const TOGETHER = 32;

/** Creates a call's promise; `place` queues the call or sends it to a worker. */
export function promised<M>(
  state: PoolState<M>,
  { message, cost, options, pinned }: Pick<Job<M>, 'message' | 'cost' | 'options' | 'pinned'>,
  place: (state: PoolState<M>, job: Job<M>) => void,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    if (state.ended) return reject(state.ended);
    if (options.signal?.aborted) return reject(options.signal.reason);
    const job: Job<M> = { message, cost, options, pinned, crashes: 0, alone: false, resolve, reject };
    place(state, options.signal ? abortable(state, job, options.signal) : job);
  });
}

function abortable<M>(state: PoolState<M>, job: Job<M>, signal: AbortSignal): Job<M> {
  const abort = () => cancel(state, stopped);
  const stopped: Job<M> = {
    ...job,
    resolve(result) {
      signal.removeEventListener('abort', abort);
      job.resolve(result);
    },
    reject(error) {
      signal.removeEventListener('abort', abort);
      job.reject(error);
    },
  };
  signal.addEventListener('abort', abort, { once: true });
  return stopped;
}

function cancel<M>(state: PoolState<M>, job: Job<M>): void {
  job.reject(job.options.signal?.reason);
  const waiting = state.queue.indexOf(job);
  if (waiting >= 0) state.queue.splice(waiting, 1);
  // A thread is not killed: that would abort its other calls.
  for (const { jobs, transport } of state.members)
    if (transport.pid !== undefined && [...jobs.values()].includes(job)) transport.kill();
}

export function enqueue<M>(state: PoolState<M>, job: Job<M>): void {
  state.queue.push(job);
  if (!state.options.lazy || state.queue.length >= TOGETHER) {
    dispatch(state);
    return;
  }
  // Distribute the calls of one turn over the workers together.
  if (!state.scheduled) setImmediate(dispatch, state);
  state.scheduled = true;
}

/** Assigns waiting calls to workers with capacity, and starts more workers for the rest. */
function dispatch<M>(state: PoolState<M>): void {
  state.scheduled = false;
  const { capacity, lazy = false, size } = state.options;
  for (let job = state.queue[0]; job; job = state.queue[0]) {
    const member = leastLoaded(state.members, lazy);
    const cost = job.alone ? capacity : job.cost;
    if (!member || (member.load > 0 && member.load + cost > capacity)) break;
    state.queue.shift();
    send(state, member, job);
  }
  if (!lazy || state.ended) return;
  // As many as it takes to hold the waiting calls: a worker that starts soon takes several small ones.
  let room = capacity * [...state.members].filter(({ ready }) => !ready).length;
  const waiting = state.queue.reduce((sum, { alone, cost }) => sum + (alone ? capacity : Math.min(cost, capacity)), 0);
  for (; waiting > room && state.members.size < size; room += capacity) addMember(state);
}

function leastLoaded<M>(members: ReadonlySet<Member<M>>, onlyReady: boolean): Member<M> | undefined {
  let least: Member<M> | undefined;
  for (const member of members)
    if ((member.ready || !onlyReady) && (!least || member.load < least.load)) least = member;
  return least;
}

/** Starts a worker and sends it the setup; if that fails, the pool ends. */
export function addMember<M>(state: PoolState<M>): Member<M> {
  const member: Member<M> = {
    transport: startWorker(state, () => member),
    jobs: new Map(),
    unsent: [],
    load: 0,
    ready: false,
    warm: new Set(),
    deadline: undefined,
    killedAt: undefined,
  };
  state.members.add(member);
  const { setup = () => [] } = state.options;
  const failed = (error: unknown): void => {
    const text = error instanceof Error ? error.message : String(error);
    end(state, new Error(`a worker could not be set up: ${text}`));
  };
  for (const message of setup())
    send(state, member, {
      message,
      cost: 0,
      options: {},
      pinned: true,
      crashes: 1,
      alone: false,
      resolve: () => {},
      reject: failed,
    });
  return member;
}

function startWorker<M>(state: PoolState<M>, member: () => Member<M>): Transport<M> {
  return state.options.start({
    replies(replies) {
      member().ready = true;
      receive(state, member(), replies);
    },
    exit: (cause) => lost(state, member(), cause),
  });
}

export function send<M>(state: PoolState<M>, member: Member<M>, job: Job<M>): void {
  const id = state.nextId++;
  member.jobs.set(id, job);
  member.load += job.alone ? state.options.capacity : job.cost;
  if (member.jobs.size === 1) {
    member.transport.ref();
    watchFirst(state, member);
  }
  const unsent = member.unsent.push({ id, message: job.message });
  if (unsent === TOGETHER) post(state, member);
  else if (unsent === 1) setImmediate(post, state, member);
}

function post<M>(state: PoolState<M>, member: Member<M>): void {
  const calls = member.unsent.splice(0);
  try {
    if (calls.length > 0) member.transport.post(calls);
  } catch (error) {
    // One of the calls cannot be cloned.
    const message = error instanceof Error ? error.message : String(error);
    receive(
      state,
      member,
      calls.map(({ id }) => ({ id, error: { message } })),
    );
  }
}

/** Sets new deadlines and the like once per message: a deadline costs more than a quick call. */
function receive<M>(state: PoolState<M>, member: Member<M>, replies: readonly Reply[]): void {
  let begun = false;
  for (const reply of replies) {
    const job = member.jobs.get(reply.id);
    if (!job) continue;
    if ('within' in reply) {
      if (begun) watchFirst(state, member);
      begun = false;
      member.deadline?.start(reply.within);
    } else if ('warm' in reply) {
      if (state.options.warmUp) member.warm.add(state.options.warmUp.key(job.message));
      begun = true;
    } else {
      begun ||= member.jobs.keys().next().value === reply.id;
      settle(state, member, job, reply);
    }
  }
  if (begun) watchFirst(state, member);
  if (member.jobs.size === 0) member.transport.unref();
  dispatch(state);
}

function settle<M>(state: PoolState<M>, member: Member<M>, job: Job<M>, reply: Outcome): void {
  member.jobs.delete(reply.id);
  member.load -= job.alone ? state.options.capacity : job.cost;
  if ('result' in reply) job.resolve(reply.result);
  else job.reject(errorOf(reply.error));
}

const errorOf = ({ code, message }: Failure): Error =>
  code === undefined ? new Error(message) : new UserError(code, message);

/** Starts the deadline of the first call that the worker has not answered. */
function watchFirst<M>(state: PoolState<M>, member: Member<M>): void {
  member.deadline?.stop();
  const [job] = member.jobs.values();
  if (job?.options.seconds === undefined) return;
  const { meter, warmUp } = state.options;
  const { transport } = member;
  const { pid } = transport;
  let allowed = job.options.seconds;
  if (warmUp && !member.warm.has(warmUp.key(job.message))) allowed += warmUp.seconds;
  member.deadline ??= createDeadline(meter && pid !== undefined ? () => meter(pid) : wallClock, (seconds) => {
    member.killedAt = seconds;
    transport.kill();
  });
  member.deadline.start(allowed);
}

/** A worker has ended: others take over its calls, except those that crashed it. */
function lost<M>(state: PoolState<M>, member: Member<M>, cause: string): void {
  member.deadline?.stop();
  state.members.delete(member);
  if (state.ended) return;
  state.replaced++;
  const jobs = [...member.jobs.values()].filter(({ options }) => !options.signal?.aborted);
  if (!member.ready && !state.options.lazy) {
    end(state, new Error(`a worker could not start: ${cause}`), jobs);
    return;
  }
  if (state.options.stateful) {
    end(state, new Error(`the worker has ended: ${cause}`), jobs);
    return;
  }
  if (!member.ready) state.queue.shift()?.reject(new Error(`a worker could not start: ${cause}`));
  const pinned = jobs.filter((job) => job.pinned);
  const free = jobs.filter((job) => !job.pinned);
  const again = free.filter((job) => sendAgain(job, member.jobs.size > 1, member.killedAt, cause));
  state.queue.unshift(...again);
  if (state.options.lazy) for (const job of pinned) job.resolve(undefined);
  else replace(state, pinned, cause);
  dispatch(state);
}

function sendAgain<M>(job: Job<M>, shared: boolean, killedAt: number | undefined, cause: string): boolean {
  if (shared) {
    job.alone = true;
    return true;
  }
  if (killedAt !== undefined) job.reject(new DeadlineError(killedAt));
  else if (job.crashes++ === 0) return true;
  else job.reject(new CrashError(cause));
  return false;
}

function replace<M>(state: PoolState<M>, pinned: readonly Job<M>[], cause: string): void {
  const member = addMember(state);
  for (const job of pinned) {
    if (job.crashes++ === 0) send(state, member, job);
    else job.reject(new CrashError(cause));
  }
}

export function end<M>(state: PoolState<M>, error: Error, jobs: readonly Job<M>[] = []): void {
  state.ended ??= error;
  const held = [...state.members].flatMap((member) => [...member.jobs.values()]);
  for (const member of state.members) {
    member.deadline?.stop();
    member.jobs.clear();
  }
  for (const job of [...jobs, ...held, ...state.queue.splice(0)]) job.reject(state.ended);
}
