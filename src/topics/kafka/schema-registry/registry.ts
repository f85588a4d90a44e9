import { setTimeout as sleep } from 'node:timers/promises';
import type { AvroSchema } from '../../../records/avro.js';
import { UserError } from '../../../support/errors.js';
import { type RegistrySettings, readSecret } from '../settings.js';

/** The part of Confluent's schema registry API that a pipeline needs. */
export interface Registry {
  /** Checks a schema against a subject's latest version. @throws {UserError} `schema-incompatible` */
  check(subject: string, schema: AvroSchema): Promise<void>;
  /**
   * The id of a schema under a subject; registers a new one.
   * @throws {UserError} `schema-incompatible` with the registry's reasons
   */
  register(subject: string, schema: AvroSchema): Promise<number>;
  /** The schema with this id, if any. */
  byId(id: number): Promise<AvroSchema | undefined>;
}

const ATTEMPTS = 4;
/** The registry's codes for a subject and a version that it does not have. Another 404 means a wrong address. */
const NO_VERSION = [40401, 40402];
const NO_SCHEMA = 40403;

/** A client of the registry. Caches answers, since the meaning of an id never changes. */
export function openRegistry(settings: RegistrySettings): Registry {
  const endpoint = endpointOf(settings);
  const schemas = new Map<number, AvroSchema>();
  return {
    check: (subject, schema) => check(endpoint, subject, schema),
    async register(subject, schema) {
      await check(endpoint, subject, schema);
      const id = await register(endpoint, subject, schema);
      schemas.set(id, schema);
      return id;
    },
    async byId(id) {
      const known = schemas.get(id);
      if (known) return known;
      const schema = await schemaById(endpoint, id);
      if (schema !== undefined) schemas.set(id, schema);
      return schema;
    },
  };
}

/** Address of the registry, and headers of every request. */
interface Endpoint {
  readonly base: string;
  readonly headers: Readonly<Record<string, string>>;
}

function endpointOf({ url, username, password }: RegistrySettings): Endpoint {
  const secret = password ? readSecret(password, 'schemaRegistry.password') : '';
  return {
    base: url.replace(/\/+$/, ''),
    headers: {
      accept: 'application/vnd.schemaregistry.v1+json',
      'content-type': 'application/vnd.schemaregistry.v1+json',
      ...(username !== undefined && {
        authorization: `Basic ${Buffer.from(`${username}:${secret}`).toString('base64')}`,
      }),
    },
  };
}

interface Reply {
  readonly status: number;
  readonly answer: Answer;
}

/** One request; a failed connection or a status from 500 is retried. @throws {UserError} `registry-unreachable` */
async function ask(endpoint: Endpoint, path: string, body?: object): Promise<Reply> {
  for (let attempt = 1; ; attempt++) {
    const reply = await askOnce(endpoint, path, body);
    if (!('failure' in reply)) return reply;
    if (attempt === ATTEMPTS)
      throw new UserError(
        'registry-unreachable',
        `no answer from the schema registry at ${endpoint.base}: ${reply.failure}`,
      );
    await sleep(100 * 2 ** attempt);
  }
}

async function askOnce(
  { base, headers }: Endpoint,
  path: string,
  body: object | undefined,
): Promise<Reply | { readonly failure: string }> {
  try {
    const response = await fetch(base + path, {
      method: body ? 'POST' : 'GET',
      headers,
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    });
    const { status } = response;
    const text = await response.text();
    return status < 500 ? { status, answer: answerOf(base, status, text) } : { failure: `status ${status}` };
  } catch (error) {
    if (error instanceof UserError) throw error;
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return { failure: cause instanceof Error ? cause.message : String(cause) };
  }
}

function answerOf(base: string, status: number, text: string): Answer {
  try {
    return JSON.parse(text) as Answer;
  } catch {
    throw new UserError(
      'registry-refused',
      `schemaRegistry.url: ${base} answered ${status} with something that is not JSON; expected the address of a ` +
        `schema registry with Confluent's API`,
    );
  }
}

function refusal({ base }: Endpoint, { status, answer }: Reply, doing: string): UserError {
  const code = status === 401 || status === 403 ? 'registry-denied' : 'registry-refused';
  const reason = answer.message ?? 'no reason given';
  return new UserError(code, `${doing}: the schema registry at ${base} answered ${status}: ${reason}`);
}

async function check(endpoint: Endpoint, subject: string, schema: AvroSchema): Promise<void> {
  const path = `/compatibility/subjects/${encodeURIComponent(subject)}/versions/latest?verbose=true`;
  const reply = await ask(endpoint, path, { schema: JSON.stringify(schema) });
  const { status, answer } = reply;
  if (status === 404 && answer.error_code !== undefined && NO_VERSION.includes(answer.error_code)) return;
  if (status !== 200) throw refusal(endpoint, reply, `checking ${subject}`);
  if (answer.is_compatible !== false) return;
  const reasons = answer.messages?.join('; ') || answer.reason || 'no reason given';
  throw new UserError(
    'schema-incompatible',
    `${subject}: the schema registry at ${endpoint.base} says that this release's schema is not compatible with ` +
      `the latest version: ${reasons}`,
  );
}

async function register(endpoint: Endpoint, subject: string, schema: AvroSchema): Promise<number> {
  const body = { schema: JSON.stringify(schema) };
  const reply = await ask(endpoint, `/subjects/${encodeURIComponent(subject)}/versions`, body);
  const { status, answer } = reply;
  if (status === 409)
    throw new UserError('schema-incompatible', `${subject}: ${answer.message ?? 'the schema is not compatible'}`);
  if (status !== 200 || answer.id === undefined) throw refusal(endpoint, reply, `registering ${subject}`);
  return answer.id;
}

async function schemaById(endpoint: Endpoint, id: number): Promise<AvroSchema | undefined> {
  const reply = await ask(endpoint, `/schemas/ids/${id}`);
  const { status, answer } = reply;
  if (status === 404 && answer.error_code === NO_SCHEMA) return undefined;
  if (status !== 200 || answer.schema === undefined) throw refusal(endpoint, reply, `reading schema ${id}`);
  return JSON.parse(answer.schema) as AvroSchema;
}

interface Answer {
  readonly id?: number;
  readonly schema?: string;
  readonly is_compatible?: boolean;
  readonly messages?: readonly string[];
  /** Apicurio's name for `messages`. */
  readonly reason?: string;
  readonly error_code?: number;
  readonly message?: string;
}
