import type { AvroSchema } from '../../../records/avro.js';
import { UserError } from '../../../support/errors.js';
import { type RegistrySettings, readSecret } from '../settings.js';

/** The part of Confluent's schema registry API that a pipeline needs. */
export interface Registry {
  /** Asks whether a schema may follow a subject's latest version, and registers nothing. @throws {UserError} `schema-incompatible` */
  check(subject: string, schema: AvroSchema): Promise<void>;
  /**
   * The id of a schema under a subject, registered when it is new there.
   * @throws {UserError} `schema-incompatible` with the registry's reasons
   */
  register(subject: string, schema: AvroSchema): Promise<number>;
  /** The schema with this id; undefined where the registry has none. */
  byId(id: number): Promise<AvroSchema | undefined>;
}

const ATTEMPTS = 4;
/** The registry's codes for a subject and a version that it does not have. Another 404 means that the address is wrong. */
const NO_VERSION = [40401, 40402];
const NO_SCHEMA = 40403;

/** A client of the registry. Answers are kept, since an id never changes its meaning. */
export function openRegistry(settings: RegistrySettings): Registry {
  const base = settings.url.replace(/\/+$/, '');
  const password = settings.password ? readSecret(settings.password, 'schemaRegistry.password') : '';
  const headers = {
    accept: 'application/vnd.schemaregistry.v1+json',
    'content-type': 'application/vnd.schemaregistry.v1+json',
    ...(settings.username !== undefined && {
      authorization: `Basic ${Buffer.from(`${settings.username}:${password}`).toString('base64')}`,
    }),
  };
  const schemas = new Map<number, AvroSchema>();

  const ask = async (path: string, body?: object): Promise<{ status: number; answer: Answer }> => {
    for (let attempt = 1; ; attempt++) {
      let cause: string;
      try {
        const response = await fetch(base + path, {
          method: body ? 'POST' : 'GET',
          headers,
          ...(body && { body: JSON.stringify(body) }),
          signal: AbortSignal.timeout(10_000),
        });
        const { status } = response;
        const text = await response.text();
        if (status < 500) return { status, answer: answerOf(status, text) };
        cause = `status ${status}`;
      } catch (error) {
        if (error instanceof UserError) throw error;
        const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error;
        cause = inner instanceof Error ? inner.message : String(inner);
      }
      if (attempt === ATTEMPTS)
        throw new UserError('registry-unreachable', `no answer from the schema registry at ${base}: ${cause}`);
      await new Promise((resolve) => setTimeout(resolve, 100 * 2 ** attempt));
    }
  };

  const answerOf = (status: number, text: string): Answer => {
    try {
      return JSON.parse(text) as Answer;
    } catch {
      throw new UserError(
        'registry-refused',
        `schemaRegistry.url: ${base} answered ${status} with something that is not JSON; expected the address of a schema registry with Confluent's API`,
      );
    }
  };

  const refuse = (status: number, { message }: Answer, doing: string): never => {
    const code = status === 401 || status === 403 ? 'registry-denied' : 'registry-refused';
    throw new UserError(code, `${doing}: the schema registry at ${base} answered ${status}: ${message ?? ''}`);
  };

  const check: Registry['check'] = async (subject, schema) => {
    const path = `/compatibility/subjects/${encodeURIComponent(subject)}/versions/latest?verbose=true`;
    const { status, answer } = await ask(path, { schema: JSON.stringify(schema) });
    if (status === 404 && NO_VERSION.includes(answer.error_code ?? 0)) return;
    if (status !== 200) refuse(status, answer, `checking ${subject}`);
    if (answer.is_compatible === false)
      throw new UserError(
        'schema-incompatible',
        `${subject}: the schema registry at ${base} says that this release's schema is not compatible with the latest version: ${answer.messages?.join('; ') || answer.reason || 'no reason given'}`,
      );
  };

  return {
    check,
    async register(subject, schema) {
      await check(subject, schema);
      const name = encodeURIComponent(subject);
      const body = { schema: JSON.stringify(schema) };
      const { status, answer } = await ask(`/subjects/${name}/versions`, body);
      if (status === 409)
        throw new UserError('schema-incompatible', `${subject}: ${answer.message ?? 'the schema is not compatible'}`);
      if (status !== 200 || answer.id === undefined) return refuse(status, answer, `registering ${subject}`);
      schemas.set(answer.id, schema);
      return answer.id;
    },
    async byId(id) {
      const known = schemas.get(id);
      if (known) return known;
      const { status, answer } = await ask(`/schemas/ids/${id}`);
      if (status === 404 && answer.error_code === NO_SCHEMA) return undefined;
      if (status !== 200 || answer.schema === undefined) return refuse(status, answer, `reading schema ${id}`);
      const schema = JSON.parse(answer.schema) as AvroSchema;
      schemas.set(id, schema);
      return schema;
    },
  };
}

interface Answer {
  readonly id?: number;
  readonly schema?: string;
  readonly is_compatible?: boolean;
  readonly messages?: readonly string[];
  /** Apicurio's word for `messages`. */
  readonly reason?: string;
  readonly error_code?: number;
  readonly message?: string;
}
