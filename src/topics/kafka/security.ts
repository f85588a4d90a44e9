import { UserError } from '../../errors.js';
import { type KafkaSettings, readSecret, type SaslSettings, type TokenSettings } from './settings.js';

/** The options of `tls.connect`; undefined for a plain connection. */
export function tlsOptions({ tls }: KafkaSettings): object | undefined {
  if (tls === undefined || tls === false) return undefined;
  if (tls === true) return {};
  const read = (name: 'ca' | 'cert' | 'key' | 'passphrase') => {
    const secret = tls[name];
    return secret && { [name]: readSecret(secret, `tls.${name}`) };
  };
  return { ...read('ca'), ...read('cert'), ...read('key'), ...read('passphrase') };
}

/** kafkajs's `sasl` option; undefined without a login. */
export function saslOptions(sasl: SaslSettings | undefined): object | undefined {
  if (sasl === undefined) return undefined;
  if ('oauthbearer' in sasl) {
    const get = tokenSource(sasl.oauthbearer);
    return { mechanism: 'oauthbearer', oauthBearerProvider: async () => ({ value: await get() }) };
  }
  for (const [mechanism, { username, password }] of Object.entries(sasl))
    return { mechanism, username, password: readSecret(password, `sasl.${mechanism}.password`) };
  return undefined;
}

/** Gives the token at each login; one from a server is kept until shortly before it expires. */
function tokenSource(settings: TokenSettings): () => Promise<string> {
  if ('token' in settings) return async () => readSecret(settings.token, 'sasl.oauthbearer.token');
  let held: { token: string; until: number } | undefined;
  return async () => {
    if (held && Date.now() < held.until) return held.token;
    const secret = readSecret(settings.clientSecret, 'sasl.oauthbearer.clientSecret');
    const fail = (found: string) => new UserError('kafka-credentials', `no token from ${settings.url}: ${found}`);
    const response = await fetch(settings.url, {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(`${encodeURIComponent(settings.clientId)}:${encodeURIComponent(secret)}`).toString('base64')}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        ...(settings.scope !== undefined && { scope: settings.scope }),
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
    const seconds = typeof body.expires_in === 'number' ? body.expires_in : 0;
    held = { token: body.access_token, until: Date.now() + seconds * 800 };
    return held.token;
  };
}
