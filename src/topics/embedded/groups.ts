import { UserError } from '../../support/errors.js';
import { at, get } from '../../support/required.js';
import {
  type Consumer,
  FencedError,
  type LogRecord,
  type Position,
  type TopicPartition,
  type Transaction,
} from '../log.js';

/** The part of the log that a group uses. */
export interface GroupLog {
  partitionsOf(topic: string): number;
  committed(group: string, topic: string): readonly Position[];
  read(topic: string, partition: number, from: bigint, max: number): LogRecord[];
  /** `assertOwned` runs just before the write and throws if the member has lost one of the partitions. */
  commit(group: string, transaction: Transaction, assertOwned: () => void): Promise<void>;
  wake: Wakeup;
}

/** Lets pollers sleep until records are appended. */
export interface Wakeup {
  /** Resolves on an append to one of the topics, or when the wait ends. */
  wait(topics: readonly string[], ms: number, signal?: AbortSignal): Promise<void>;
  /** Wakes the pollers of these topics; without an argument, wakes all of them. */
  notify(topics?: ReadonlySet<string>): void;
}

export function wakeup(): Wakeup {
  const waiting = new Map<() => void, readonly string[]>();
  return {
    wait: (topics, ms, signal) =>
      new Promise((resolve) => {
        const done = () => {
          clearTimeout(timer);
          waiting.delete(done);
          signal?.removeEventListener('abort', done);
          resolve();
        };
        // Past 2^31 ms a timer fires at once.
        const timer = setTimeout(done, Math.min(ms, 0x7fffffff));
        waiting.set(done, topics);
        signal?.addEventListener('abort', done);
      }),
    notify: (appended) => {
      for (const [done, topics] of [...waiting])
        if (appended === undefined || topics.some((topic) => appended.has(topic))) done();
    },
  };
}

export interface Member {
  readonly group: string;
  readonly topics: readonly string[];
  /** Owned partitions with the next offset to return, in serving order. */
  readonly owned: Map<string, { readonly topic: string; readonly partition: number; next: bigint }>;
  readonly listeners: ((partitions: readonly TopicPartition[]) => void)[];
  closed: boolean;
}

const mark = (topic: string, partition: number) => `${topic}/${partition}`;

/** Ends every wait and poll; called when the log closes. */
export function leaveAll(groups: ReadonlyMap<string, Member[]>, wake: Wakeup): void {
  for (const member of [...groups.values()].flat()) member.closed = true;
  wake.notify();
}

/** Joins a member to its group, which lives in this process: only the writer consumes. */
export function joinGroup(
  log: GroupLog,
  groups: Map<string, Member[]>,
  group: string,
  topics: readonly string[],
): Consumer {
  const member: Member = { group, topics: [...new Set(topics)], owned: new Map(), listeners: [], closed: false };
  const members: Member[] = groups.get(group) ?? [];
  groups.set(group, members);
  for (const topic of member.topics) log.partitionsOf(topic);
  members.push(member);
  rebalance(log, members);

  const assertJoined = () => {
    if (member.closed) throw new UserError('topics-closed', `group ${group}: this consumer was closed`);
  };
  return {
    async poll(max, waitMs, signal) {
      assertJoined();
      const until = performance.now() + waitMs;
      for (;;) {
        if (signal?.aborted || member.closed) return [];
        const records = take(log, member, max);
        if (records.length > 0) return records;
        const left = until - performance.now();
        if (left <= 0) return [];
        await log.wake.wait(member.topics, left, signal);
      }
    },
    async commit(transaction) {
      assertJoined();
      await log.commit(group, transaction, () => {
        const lost = transaction.offsets.filter(({ topic, partition }) => !member.owned.has(mark(topic, partition)));
        if (lost.length === 0) return;
        const names = lost.map(({ topic, partition }) => mark(topic, partition)).join(', ');
        throw new FencedError(`group ${group}: this member no longer owns ${names}; nothing was written`);
      });
    },
    assigned: () => [...member.owned.values()].map(({ topic, partition }) => ({ topic, partition })),
    onRevoked(listener) {
      member.listeners.push(listener);
    },
    async close() {
      if (member.closed) return;
      member.closed = true;
      members.splice(members.indexOf(member), 1);
      rebalance(log, members);
    },
  };
}

function take(log: GroupLog, member: Member, max: number): LogRecord[] {
  const records: LogRecord[] = [];
  for (const [name, owned] of [...member.owned]) {
    if (records.length >= max) break;
    const found = log.read(owned.topic, owned.partition, owned.next, max - records.length);
    const last = found.at(-1);
    if (!last) continue;
    owned.next = last.offset + 1n;
    records.push(...found);
    // Serve this partition last next time, so that no partition starves.
    member.owned.delete(name);
    member.owned.set(name, owned);
  }
  return records;
}

/** Distributes partitions evenly and moves as few as possible. */
function rebalance(log: GroupLog, members: readonly Member[]): void {
  const wanted = new Map<Member, Set<string>>(members.map((member) => [member, new Set()]));
  const topics = new Set(members.flatMap((member) => member.topics));
  const partitions: TopicPartition[] = [...topics].flatMap((topic) =>
    Array.from({ length: log.partitionsOf(topic) }, (_, partition) => ({ topic, partition })),
  );
  for (const topic of topics) share(topic, partitions, members, wanted);

  for (const member of members) {
    const lost = [...member.owned.values()].filter((p) => !get(wanted, member).has(mark(p.topic, p.partition)));
    for (const { topic, partition } of lost) member.owned.delete(mark(topic, partition));
    if (lost.length > 0) {
      const revoked = lost.map(({ topic, partition }) => ({ topic, partition }));
      for (const listener of member.listeners) listener(revoked);
    }
  }
  for (const member of members) {
    for (const { topic, partition } of partitions) {
      const name = mark(topic, partition);
      if (!get(wanted, member).has(name) || member.owned.has(name)) continue;
      const next = at(log.committed(member.group, topic), partition).offset;
      member.owned.set(name, { topic, partition, next });
    }
  }
  log.wake.notify();
}

function share(
  topic: string,
  partitions: readonly TopicPartition[],
  members: readonly Member[],
  wanted: ReadonlyMap<Member, Set<string>>,
): void {
  const names = partitions.filter((p) => p.topic === topic).map((p) => mark(topic, p.partition));
  const readers = members.filter((member) => member.topics.includes(topic));
  const least = Math.floor(names.length / readers.length);
  let extra = names.length % readers.length;
  const given = new Set<string>();
  const short: { reader: Member; missing: number }[] = [];
  for (const reader of readers) {
    const has = names.filter((name) => reader.owned.has(name));
    const quota = least + (has.length > least && extra > 0 ? 1 : 0);
    if (quota > least) extra--;
    for (const name of has.slice(0, quota)) {
      get(wanted, reader).add(name);
      given.add(name);
    }
    short.push({ reader, missing: quota - Math.min(has.length, quota) });
  }
  const free = names.filter((name) => !given.has(name));
  for (const { reader, missing } of short) for (const name of free.splice(0, missing)) get(wanted, reader).add(name);
  // What is left is the odd ones: one more each, from the first reader that has none extra.
  const rest = short.filter(({ reader }) => names.filter((name) => get(wanted, reader).has(name)).length === least);
  for (const { reader } of rest) for (const name of free.splice(0, 1)) get(wanted, reader).add(name);
}
