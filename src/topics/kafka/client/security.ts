import { createSecureContext } from 'node:tls';
import { UserError } from '../../../support/errors.js';
import { type KafkaSettings, readSecret, type SaslSettings, type Secret, type TokenSettings } from '../settings.js';
import type { Authenticator } from './internals.js';
import { loadLogin, type Mechanism } from './login-module.js';

const PEM = { ca: 'CERTIFICATE', cert: 'CERTIFICATE', key: 'PRIVATE KEY', passphrase: undefined } as const;

/**
 * The options of `tls.connect`; undefined for a plain connection.
 * @throws {UserError} `no-secret`, `kafka-tls` if a file contains no certificate or key, or the two do not match
 */
export function tlsOptions({ tls }: KafkaSettings): object | undefined {
  if (tls === undefined || tls === false) return undefined;
  if (tls === true) return {};
  const read = (name: keyof typeof PEM) => {
    const secret = tls[name];
    if (!secret) return undefined;
    const value = readSecret(secret, `tls.${name}`);
    const kind = PEM[name];
    // Node silently ignores a CA that is not PEM, and would then reject the broker's certificate.
    if (kind && !new RegExp(`-----BEGIN [A-Z ]*${kind}-----`).test(value))
      throw new UserError('kafka-tls', `tls.${name}: ${placeOf(secret)} contains no PEM ${kind.toLowerCase()}`);
    return { [name]: value };
  };
  const options = { ...read('ca'), ...read('cert'), ...read('key'), ...read('passphrase') };
  try {
    createSecureContext(options);
  } catch (error) {
    const files = Object.entries(tls).map(([name, secret]) => `tls.${name} (${placeOf(secret)})`);
    throw new UserError('kafka-tls', `${files.join(', ')}: ${(error as Error).message}`);
  }
  return options;
}

const placeOf = (secret: Secret) => ('env' in secret ? `the environment variable ${secret.env}` : secret.file);

/** kafkajs's `sasl` option; undefined without a login. @throws {UserError} `no-secret`, `bad-module` */
export async function saslOptions(sasl: SaslSettings | undefined): Promise<object | undefined> {
  if (sasl === undefined) return undefined;
  if ('module' in sasl) {
    const login = await loadLogin(sasl.module);
    return typeof login === 'function' ? bearer(login) : login;
  }
  if ('oauthbearer' in sasl) return bearer(tokenSource(sasl.oauthbearer));
  for (const [mechanism, { username, password }] of Object.entries(sasl))
    return { mechanism, username, password: readSecret(password, `sasl.${mechanism}.password`) };
  return undefined;
}

/**
 * SASL OAUTHBEARER (RFC 7628). A server that refuses a token answers with its reasons in JSON and waits for one more
 * message; kafkajs's own implementation accepts any answer.
 */
function bearer(token: () => Promise<string>): Mechanism {
  const authenticationProvider: Authenticator = ({ saslAuthenticate }) => ({
    async authenticate() {
      const say = (message: string) =>
        saslAuthenticate({
          request: { encode: async () => lengthAnd(message) },
          // The bytes are length-prefixed.
          response: { decode: async (data) => data.subarray(4), parse: async (data) => data.toString('utf8') },
        });
      const reasons = await say(`n,,\x01auth=Bearer ${await token()}\x01\x01`);
      if (reasons === '') return;
      // The broker answers this message with its refusal.
      await say('\x01');
      throw new UserError('kafka-credentials', `the broker refused the token: ${reasons}`);
    },
  });
  return { mechanism: 'oauthbearer', authenticationProvider };
}

function lengthAnd(message: string): Buffer {
  const bytes = Buffer.from(message);
  const length = Buffer.alloc(4);
  length.writeInt32BE(bytes.byteLength);
  return Buffer.concat([length, bytes]);
}

/** Provides the token for each login. A token from a server is renewed once a fifth of its lifetime is left. */
function tokenSource(settings: TokenSettings): () => Promise<string> {
  if ('token' in settings) return async () => readSecret(settings.token, 'sasl.oauthbearer.token');
  let held: { readonly token: string; readonly renewAt: number; readonly expiresAt: number } | undefined;
  return async () => {
    if (held && Date.now() < held.renewAt) return held.token;
    try {
      const { token, seconds } = await requestToken(settings);
      held = { token, renewAt: Date.now() + seconds * 800, expiresAt: Date.now() + seconds * 1000 };
    } catch (error) {
      // An unreachable server must not end a run while the last token is still valid.
      if (!held || Date.now() >= held.expiresAt) throw error;
    }
    return held.token;
  };
}

type TokenServer = Exclude<TokenSettings, { readonly token: unknown }>;

/** The client credentials grant of OAuth 2. @throws {UserError} `kafka-credentials` */
async function requestToken(server: TokenServer): Promise<{ readonly token: string; readonly seconds: number }> {
  const secret = readSecret(server.clientSecret, 'sasl.oauthbearer.clientSecret');
  const login = `${encodeURIComponent(server.clientId)}:${encodeURIComponent(secret)}`;
  const fail = (found: string) => new UserError('kafka-credentials', `no token from ${server.url}: ${found}`);
  const response = await fetch(server.url, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(login).toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      ...(server.scope !== undefined && { scope: server.scope }),
    }).toString(),
    signal: AbortSignal.timeout(10_000),
  }).catch((error: Error) => {
    throw fail(error.cause instanceof Error ? error.cause.message : error.message);
  });
  const body = (await response.json().catch(() => ({}))) as {
    access_token?: unknown;
    expires_in?: unknown;
    error?: unknown;
  };
  if (!response.ok || typeof body.access_token !== 'string')
    throw fail(`status ${response.status}${typeof body.error === 'string' ? ` (${body.error})` : ''}`);
  return { token: body.access_token, seconds: typeof body.expires_in === 'number' ? body.expires_in : 0 };
}
