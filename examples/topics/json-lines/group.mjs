const nameOf = ({ topic, partition }) => `${topic}/${partition}`;

/**
 * Adds a member to a consumer group. The partitions are dealt out again whenever a member joins or leaves.
 * @param members of the group, changed in place
 */
export function joinGroup(members, { topics, partitionsOf, read, committed, commit, wait }) {
  const member = { topics, partitionsOf, committed, owned: new Map(), listeners: [] };
  let closed = false;
  members.push(member);
  deal(members);

  function take(max) {
    const records = [];
    for (const [name, at] of [...member.owned]) {
      const found = read(at.topic, at.partition, at.next, max - records.length);
      if (found.length === 0) continue;
      at.next = found.at(-1).offset + 1n;
      records.push(...found);
      // Back of the queue, so that every partition gets its turn.
      member.owned.delete(name);
      member.owned.set(name, at);
    }
    return records;
  }

  return {
    async poll(max, waitMs, signal) {
      const until = performance.now() + waitMs;
      while (!closed && !signal?.aborted) {
        const records = take(max);
        const left = until - performance.now();
        if (records.length > 0 || left <= 0) return records;
        await wait(left, signal);
      }
      return [];
    },
    async commit(transaction) {
      commit(
        transaction,
        transaction.offsets.map(nameOf).filter((name) => !member.owned.has(name)),
      );
    },
    assigned: () => [...member.owned.values()].map(({ topic, partition }) => ({ topic, partition })),
    onRevoked: (listener) => void member.listeners.push(listener),
    async close() {
      if (closed) return;
      closed = true;
      members.splice(members.indexOf(member), 1);
      deal(members);
    },
  };
}

/** Partition n of a topic belongs to member n, counted round and round. */
function deal(members) {
  const wanted = new Map(members.map((member) => [member, new Map()]));
  for (const topic of new Set(members.flatMap((member) => member.topics))) {
    const readers = members.filter((member) => member.topics.includes(topic));
    for (const [i, partition] of readers[0].partitionsOf(topic).entries())
      wanted.get(readers[i % readers.length]).set(nameOf({ topic, partition }), { topic, partition });
  }
  for (const [member, owns] of wanted) {
    const lost = [...member.owned].filter(([name]) => !owns.has(name));
    for (const [name] of lost) member.owned.delete(name);
    const revoked = lost.map(([, { topic, partition }]) => ({ topic, partition }));
    if (revoked.length > 0) for (const listener of member.listeners) listener(revoked);
  }
  for (const [member, owns] of wanted)
    for (const [name, { topic, partition }] of owns)
      if (!member.owned.has(name))
        member.owned.set(name, { topic, partition, next: member.committed(topic)[partition].offset });
}
