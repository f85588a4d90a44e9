import type { Client } from '../client/client.js';
import { protocolType } from '../client/errors.js';
import { memberAssignment, memberMetadata } from '../client/internals.js';
import { share } from './assign.js';

const PROTOCOL = 'rlsd-sticky';

/** A place in a consumer group; `numbers` are the partition numbers that this member owns in every topic. */
export interface Seat {
  readonly member: string;
  readonly generation: number;
  readonly numbers: readonly number[];
}

export interface GroupOptions {
  readonly group: string;
  readonly topics: readonly string[];
  readonly sessionMs: number;
}

/**
 * Joins the group, or rejoins it with its former seat, and waits for its assignment. Returns `lapsed: true` if the
 * broker had dropped the member: others may have owned its partitions since.
 */
export async function join(
  client: Client,
  { group, topics, sessionMs }: GroupOptions,
  held: Seat | undefined,
): Promise<{ seat: Seat; lapsed: boolean }> {
  let seat = held;
  let member = held?.member ?? '';
  for (;;) {
    try {
      return await client.retrying(`joining group ${group}`, async () => {
        const broker = await client.coordinator('group', group);
        const owned = { generation: seat?.generation ?? -1, owned: seat?.numbers ?? [] };
        const metadata = memberMetadata.encode({ version: 0, topics, userData: Buffer.from(JSON.stringify(owned)) });
        const joined = await broker.joinGroup({
          groupId: group,
          sessionTimeout: sessionMs,
          rebalanceTimeout: sessionMs,
          memberId: member,
          groupProtocols: [{ name: PROTOCOL, metadata }],
        });
        member = joined.memberId;
        const { memberAssignment: answer } = await broker.syncGroup({
          groupId: group,
          generationId: joined.generationId,
          memberId: member,
          groupAssignment: joined.leaderId === member ? await assignments(client, group, topics, joined.members) : [],
        });
        const assignment = memberAssignment.decode(answer)?.assignment ?? {};
        const numbers = [...new Set(Object.values(assignment).flat())].sort((a, b) => a - b);
        return { seat: { member, generation: joined.generationId, numbers }, lapsed: seat === undefined };
      });
    } catch (error) {
      const type = protocolType(error);
      if (type === 'UNKNOWN_MEMBER_ID') {
        member = '';
        seat = undefined;
      } else if (type !== 'REBALANCE_IN_PROGRESS' && type !== 'ILLEGAL_GENERATION') throw error;
    }
  }
}

async function assignments(
  client: Client,
  group: string,
  topics: readonly string[],
  members: readonly { memberId: string; memberMetadata: Buffer }[],
) {
  const counts = new Map<string, number>();
  for (const topic of topics) counts.set(topic, await client.partitions(topic));
  const known = members.map(({ memberId, memberMetadata: data }) => {
    const { topics: followed, userData } = memberMetadata.decode(data);
    if (followed.join() !== topics.join())
      throw new Error(`members of group ${group} follow different topics: ${topics.join()} and ${followed.join()}`);
    const { generation, owned } = JSON.parse(userData.toString()) as { generation: number; owned: number[] };
    return { id: memberId, generation, owned };
  });
  const shares = share(known, Math.max(...counts.values()));
  return [...shares].map(([memberId, numbers]) => ({
    memberId,
    memberAssignment: memberAssignment.encode({
      version: 0,
      assignment: Object.fromEntries(
        [...counts].map(([topic, count]) => [topic, numbers.filter((number) => number < count)]),
      ),
      userData: Buffer.alloc(0),
    }),
  }));
}

/** The coordinator's answer to a heartbeat: continue, rejoin, or no longer a member. */
export async function heartbeat(client: Client, group: string, seat: Seat): Promise<'member' | 'rejoin' | 'lapsed'> {
  try {
    await client.retrying(`heartbeat of group ${group}`, async () => {
      const broker = await client.coordinator('group', group);
      return broker.heartbeat({ groupId: group, groupGenerationId: seat.generation, memberId: seat.member });
    });
    return 'member';
  } catch (error) {
    const type = protocolType(error);
    if (type === 'REBALANCE_IN_PROGRESS') return 'rejoin';
    if (type === 'UNKNOWN_MEMBER_ID' || type === 'ILLEGAL_GENERATION' || type === 'FENCED_INSTANCE_ID') return 'lapsed';
    throw error;
  }
}
