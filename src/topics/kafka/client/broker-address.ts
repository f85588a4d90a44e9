const SUFFIX = '.ipv6.invalid';

/**
 * A broker's address without colons in its host: kafkajs splits addresses at the first colon. `hostOf` undoes it.
 * @example aliasOf('[::1]:9092') // '--1.ipv6.invalid:9092'
 */
export const aliasOf = (broker: string): string =>
  broker.replace(
    /^\[(.*)\]:(\d+)$/,
    (_, host: string, port: string) => `${host.replaceAll(':', '-')}${SUFFIX}:${port}`,
  );

/** A message of kafkajs with the addresses that the user gave. */
export const withoutAliases = (message: string): string =>
  message.replace(/([\w.-]+)\.ipv6\.invalid\b/g, (alias) => `[${hostOf(alias)}]`);

/** The host to connect to. */
export const hostOf = (host: string): string =>
  host.endsWith(SUFFIX) ? host.slice(0, -SUFFIX.length).replaceAll('-', ':') : host;
