// A real Apache Kafka broker for tests and for trying things: fetched once with Maven, started with Java on free
// loopback ports.
import { execFile, spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fetchJars, missingCommand } from './maven.mjs';

const run = promisify(execFile);

/** The release that runs where `KAFKA_VERSION` names no other. */
export const CURRENT = '4.4.0';
export const PREVIOUS = '3.9.2';
/** The first release with the features that brokers have had since. */
export const FIRST_OF_FOUR = '4.0.2';

/** Why no broker can be had here, in one line; undefined where one can. */
export async function brokerMissing() {
  if (process.env.KAFKA_BROKERS) return undefined;
  const missing = await missingCommand(['java', 'mvn']);
  return missing && `no Kafka broker: set KAFKA_BROKERS, or install Java 17 and Maven ("${missing}" was not found)`;
}

/** The folder with the jars of this release. */
const jars = (version) =>
  fetchJars(`kafka-${version}`, [`org.apache.kafka:kafka_2.13:${version}`, 'org.slf4j:slf4j-simple:1.7.36']);

/**
 * Java's archive of the classes that a broker loads: with it, one starts in half the processor time. The first broker
 * of a release writes it as it ends; Java ignores one of another Java.
 */
const archiveOf = (home) => join(home, 'classes.jsa');

/** What the release's own tool formats, besides the names of a node: the features of a new cluster. */
const formatted = (home) => join(home, 'formatted');

export async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}

/**
 * A certificate authority, a server certificate for 127.0.0.1 and localhost, and a client certificate, as PEM files.
 */
async function certificates(folder) {
  const at = (name) => join(folder, name);
  const openssl = (...args) => run('openssl', args, { cwd: folder });
  const key = ['-newkey', 'rsa:2048', '-nodes', '-keyout'];
  await openssl('req', '-x509', ...key, 'ca.key', '-out', 'ca.pem', '-days', '30', '-subj', '/CN=test authority');
  writeFileSync(at('server.ext'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
  writeFileSync(at('client.ext'), 'extendedKeyUsage=clientAuth\n');
  for (const name of ['server', 'client']) {
    await openssl('req', ...key, `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '30'];
    await openssl('x509', '-req', '-in', `${name}.csr`, ...signed, '-extfile', `${name}.ext`, '-out', `${name}.pem`);
  }
  writeFileSync(
    at('server.keystore.pem'),
    readFileSync(at('server.key'), 'utf8') + readFileSync(at('server.pem'), 'utf8'),
  );
  return { ca: at('ca.pem'), cert: at('client.pem'), key: at('client.key') };
}

/** As Kafka writes one; the first letter is fixed because one that begins with `-` reads as an option. */
const uuid = () => `A${randomBytes(16).toString('base64url').slice(1)}`;
const lines = (properties) =>
  Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');

const LISTENERS = ['plain', 'tls', 'mtls', 'sasl'];

/** @type {import('./broker.mjs').startBroker} */
export async function startBroker({ version, brokers = 1, tls = false, sasl = false, settings = {} } = {}) {
  const release = version ?? process.env.KAFKA_VERSION ?? CURRENT;
  const home = await jars(release);
  const folder = mkdtempSync(join(tmpdir(), 'rlsd-kafka-'));
  const files = tls ? await certificates(folder) : undefined;
  const names = LISTENERS.filter((name) => name === 'plain' || (name === 'sasl' ? sasl : tls));
  const ports = await freePorts(brokers * (names.length + 1));
  const nodes = Array.from({ length: brokers }, (_, i) => ({
    id: i + 1,
    controller: ports[i * (names.length + 1)],
    listeners: Object.fromEntries(names.map((name, j) => [name, ports[i * (names.length + 1) + 1 + j]])),
    folder: join(folder, `node${i + 1}`),
    /** Where this node writes an archive of its classes as it ends. In the cache, so that it can be renamed. */
    archive: i === 0 && !existsSync(archiveOf(home)) ? `${archiveOf(home)}.${randomUUID()}` : undefined,
    process: undefined,
  }));
  const protocol = { plain: 'PLAINTEXT', tls: 'SSL', mtls: 'SSL', sasl: tls ? 'SASL_SSL' : 'SASL_PLAINTEXT' };
  const cluster = uuid();
  const urls = (node) => names.map((name) => `${name.toUpperCase()}://127.0.0.1:${node.listeners[name]}`).join(',');
  const copies = Math.min(brokers, 3);

  for (const node of nodes) {
    mkdirSync(join(node.folder, 'data'), { recursive: true });
    const properties = {
      'process.roles': 'broker,controller',
      'node.id': node.id,
      'controller.quorum.voters': nodes.map((n) => `${n.id}@127.0.0.1:${n.controller}`).join(','),
      'controller.listener.names': 'CONTROLLER',
      listeners: `CONTROLLER://127.0.0.1:${node.controller},${urls(node)}`,
      'advertised.listeners': urls(node),
      'listener.security.protocol.map': [
        'CONTROLLER:PLAINTEXT',
        ...names.map((name) => `${name.toUpperCase()}:${protocol[name]}`),
      ].join(','),
      'inter.broker.listener.name': 'PLAIN',
      'log.dirs': join(node.folder, 'data'),
      'offsets.topic.replication.factor': copies,
      'offsets.topic.num.partitions': 3,
      'transaction.state.log.replication.factor': copies,
      'transaction.state.log.min.isr': Math.min(copies, 2),
      'transaction.state.log.num.partitions': 3,
      'default.replication.factor': copies,
      'min.insync.replicas': Math.min(copies, 2),
      'group.initial.rebalance.delay.ms': 0,
      'group.min.session.timeout.ms': 1000,
      'transaction.abort.timed.out.transaction.cleanup.interval.ms': 1000,
      'auto.create.topics.enable': false,
      'num.network.threads': 2,
      'num.io.threads': 4,
      'log.cleaner.dedupe.buffer.size': 4_000_000,
      'log.cleaner.threads': 1,
      ...(files && {
        'ssl.keystore.type': 'PEM',
        'ssl.keystore.location': join(folder, 'server.keystore.pem'),
        'ssl.truststore.type': 'PEM',
        'ssl.truststore.location': files.ca,
        'listener.name.mtls.ssl.client.auth': 'required',
      }),
      ...(sasl && {
        'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
        'listener.name.sasl.plain.sasl.jaas.config':
          'org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="alice-secret";',
        'listener.name.sasl.scram-sha-256.sasl.jaas.config':
          'org.apache.kafka.common.security.scram.ScramLoginModule required;',
        'listener.name.sasl.scram-sha-512.sasl.jaas.config':
          'org.apache.kafka.common.security.scram.ScramLoginModule required;',
        'listener.name.sasl.oauthbearer.sasl.jaas.config':
          'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";',
      }),
      ...settings,
    };
    writeFileSync(join(node.folder, 'server.properties'), lines(properties));
    if (sasl) {
      const scram = ['256', '512'].flatMap((bits) => [
        '--add-scram',
        `SCRAM-SHA-${bits}=[name=alice,password=alice-secret]`,
      ]);
      await format(home, node, cluster, scram);
    } else await formatAsBefore(home, node, cluster);
  }

  const start = async (i) => {
    const node = nodes[i];
    node.process = java(home, node, ['kafka.Kafka'], 'broker');
    await Promise.race([
      node.process.line(/Kafka Server started/),
      node.process.done.then(() => Promise.reject(new Error(`broker ${node.id} stopped while starting`))),
    ]);
  };
  const end = async (i, signal) => {
    const { process: child } = nodes[i];
    if (!child) return;
    nodes[i].process = undefined;
    child.kill(signal);
    await child.done.catch(() => {});
  };
  const everyNode = (action) => Promise.all(nodes.map((_, i) => action(i)));
  const stop = async () => {
    const [{ archive }] = nodes;
    // An archive is written only by a process that ends in good order.
    await everyNode((i) => end(i, i === 0 && archive ? 'SIGTERM' : 'SIGKILL'));
    if (archive && existsSync(archive)) renameSync(archive, archiveOf(home));
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  // A test run that is interrupted must not leave brokers behind.
  const atExit = () => {
    for (const node of nodes) node.process?.kill('SIGKILL');
  };
  process.once('exit', atExit);

  const addresses = (name) => nodes.filter((n) => n.listeners[name]).map((n) => `127.0.0.1:${n.listeners[name]}`);
  try {
    await everyNode(start);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    version: release,
    brokers: addresses('plain'),
    listeners: { tls: addresses('tls'), mtls: addresses('mtls'), sasl: addresses('sasl') },
    ...(files && { files }),
    kill: (i) => end(i, 'SIGKILL'),
    start,
    restart: async () => {
      await everyNode((i) => end(i, 'SIGTERM'));
      await everyNode(start);
    },
    stop: async () => {
      process.off('exit', atExit);
      await stop();
    },
  };
}

const format = (home, node, cluster, options = []) =>
  java(home, node, ['kafka.tools.StorageTool', 'format', '-t', cluster, ...options], 'format').done;

/** Formats as the first broker of this release was formatted, without a Java process for every broker. */
async function formatAsBefore(home, node, cluster) {
  const data = join(node.folder, 'data');
  if (existsSync(formatted(home))) {
    const meta = { version: 1, 'cluster.id': cluster, 'node.id': node.id, 'directory.id': uuid() };
    writeFileSync(join(data, 'meta.properties'), lines(meta));
    cpSync(formatted(home), data, { recursive: true });
    return;
  }
  await format(home, node, cluster);
  const fresh = mkdtempSync(`${formatted(home)}-`);
  cpSync(data, fresh, { recursive: true, filter: (path) => !path.endsWith('meta.properties') });
  try {
    renameSync(fresh, formatted(home));
  } catch {
    rmSync(fresh, { recursive: true, force: true }); // another process was first
  }
}

/** One Java process of this node; `done` fails with the end of its log where it exits with another status than 0. */
function java(home, node, command, what) {
  const log = (name, level) => `-Dorg.slf4j.simpleLogger.${name}=${level}`;
  const properties = join(node.folder, 'server.properties');
  const archive =
    what === 'broker' && node.archive ? ['ArchiveClassesAtExit', node.archive] : ['SharedArchiveFile', archiveOf(home)];
  const [main, ...args] = command;
  const child = spawn(
    'java',
    [
      '-Xmx256m',
      '-XX:+UseSerialGC',
      '-XX:TieredStopAtLevel=1',
      '-Xlog:disable',
      `-XX:${archive.join('=')}`,
      log('defaultLogLevel', 'error'),
      log('log.kafka.server', 'info'),
      '-cp',
      join(home, 'lib', '*'),
      main,
      ...args,
      ...(what === 'format' ? ['-c', properties] : [properties]),
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let tail = '';
  const waiting = [];
  const take = (text) => {
    tail = (tail + text).slice(-20_000);
    for (const entry of waiting) if (entry.pattern.test(tail)) entry.resolve();
  };
  child.stdout.setEncoding('utf8').on('data', take);
  child.stderr.setEncoding('utf8').on('data', take);
  const done = new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`${what} of Kafka node ${node.id} exited with ${code}:\n${tail}`)),
    );
  });
  done.catch(() => {});
  return {
    done,
    kill: (signal) => child.kill(signal),
    line: (pattern) => new Promise((resolve) => waiting.push({ pattern, resolve })),
  };
}
