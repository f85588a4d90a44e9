import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { program } from '../../src/cli/program.js';
import { isExternal, type Plan, planOf } from '../../src/pipelines/plan/plan.js';
import { readSpec } from '../../src/pipelines/spec/parse.js';
import { blocksOf } from '../docs/markdown.js';
import { helmFolder, lacks } from '../needs.js';

// No cluster: what Helm renders is held against Kubernetes' schemas, the command line and the plan.
const root = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');
const chart = fileURLToPath(new URL('deploy/helm/rlsd-streams', root));
const folder = mkdtempSync(join(tmpdir(), 'rlsd-helm-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Container {
  readonly image: string;
  readonly command?: string[];
  readonly args?: string[];
  readonly env: { name: string; valueFrom?: object }[];
  readonly ports?: { name: string; containerPort: number }[];
  readonly volumeMounts: { name: string; mountPath: string }[];
  readonly resources: { limits: Record<string, string> };
  readonly securityContext: object;
  readonly [probe: `${string}Probe`]: { httpGet: { path: string; port: string } };
}
interface Rendered {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { name: string; labels: Record<string, string> };
  readonly data?: Record<string, string>;
  readonly spec: {
    replicas?: number;
    strategy?: object;
    selector?: { matchLabels: Record<string, string> };
    template: {
      metadata: { labels: Record<string, string>; annotations: Record<string, string> };
      spec: { containers: [Container]; volumes: { name: string }[]; tolerations?: object[]; hostUsers?: boolean };
    };
    scaleTargetRef: { name: string };
    maxReplicaCount: number;
    triggers: { metadata: Record<string, string>; authenticationRef?: { name: string } }[];
  };
}

async function render(name: string, values: object): Promise<Rendered[]> {
  const file = join(folder, `${name}.values.yaml`);
  writeFileSync(file, stringify(values));
  const helm = promisify(execFile)(join(helmFolder, 'bin/helm'), ['template', name, chart, '--values', file]);
  return parseAllDocuments((await helm).stdout).flatMap((document) => (document.toJS() as Rendered | null) ?? []);
}

const pipeline = (change: object = {}): string =>
  stringify({ ...parse(read('examples/arithmetic.yaml')), ...change, model: { base: '/data/arithmetic' } });

const secured = {
  brokers: ['one:9093', 'two:9093'],
  tls: { ca: { file: '/secrets/kafka-tls/ca.pem' } },
  sasl: { 'scram-sha-512': { username: 'trainer', password: { env: 'KAFKA_PASSWORD' } } },
  topicPrefix: 'team.',
  partitions: 12,
};
const plain = { brokers: ['kafka:9092'] };
const variants = {
  plain: { kafka: plain },
  secured: {
    run: 'sums',
    kafka: secured,
    pipeline: pipeline(),
    autoscaling: {
      enabled: true,
      secrets: { username: { secret: 'login', key: 'user' }, password: { secret: 'login', key: 'password' } },
    },
    defaults: {
      data: { claim: 'models' },
      secrets: {
        files: ['kafka-tls'],
        env: [{ name: 'KAFKA_PASSWORD', secret: 'login', key: 'password' }],
      },
    },
    stages: {
      verify: { hostUsers: false, kafka: { clientId: 'judge' }, securityContext: { procMount: 'Unmasked' } },
    },
  },
  card: {
    kafka: { brokers: 'kafka:9092' },
    pipeline: pipeline({ shape: 'grpo', privileged: [], teach: undefined }),
    stages: {
      teach: null,
      learn: {
        resources: { limits: { 'nvidia.com/gpu': '1' } },
        tolerations: [{ key: 'nvidia.com/gpu', operator: 'Exists' }],
        nodeSelector: { pool: 'cards' },
        job: { ttlSecondsAfterFinished: 86_400 },
      },
    },
  },
  external: {
    kafka: plain,
    pipeline: pipeline({ learn: { ...parse(read('examples/arithmetic.yaml')).learn, external: true } }),
  },
  foreign: {
    kafka: plain,
    pipeline: pipeline({ learn: { ...parse(read('examples/arithmetic.yaml')).learn, external: true } }),
    stages: { learn: { image: 'trainer:1', command: ['torchrun', 'learn.py'], args: ['kafka:9092'] } },
  },
};
type Variant = keyof typeof variants;

/** Values in the guide. */
const guide = blocksOf('docs/kubernetes.md')
  .filter(({ language }) => language === 'yaml')
  .map(({ text }, i) => [`guide-${i + 1}`, { kafka: plain, ...parse(text) }] as const);

const stagesOf = (objects: readonly Rendered[]) =>
  objects.filter(({ kind }) => kind === 'Deployment' || kind === 'Job');
const stageName = ({ metadata }: Rendered) => metadata.labels['app.kubernetes.io/component'] ?? '';
const containerOf = ({ spec }: Rendered) => spec.template.spec.containers[0];

/** The plan of a stage's pod and its `rlsd run`, as the command line reads them. */
function commandOf(stage: Rendered, values: { pipeline?: string }) {
  const [name, ...args] = containerOf(stage).args ?? [];
  const run = program().commands.find((known) => known.name() === name);
  if (!run) throw new Error(`${name} is no command`);
  const { operands, unknown } = run.parseOptions(args);
  const options = run.opts<{ run: string; stage: string[]; set: string[]; join: boolean; stay?: boolean }>();
  const [file = ''] = operands;
  if (values.pipeline) writeFileSync(join(folder, 'pipeline.yaml'), values.pipeline);
  const path = values.pipeline ? join(folder, 'pipeline.yaml') : fileURLToPath(new URL(file, root));
  const { spec, folder: base } = readSpec(path, options.set);
  return { file, unknown, options, spec, plan: planOf(spec, base) };
}

const heldByPlan = (plan: Plan) => plan.stages.filter((stage) => !isExternal(plan, stage)).map(({ name }) => name);

describe.skipIf(await lacks('helm'))('the Helm chart', () => {
  const rendered = new Map<string, Rendered[]>();
  const checks = new Map<string, ValidateFunction>();
  const objectsOf = (name: Variant) => rendered.get(name) ?? [];
  const all = () => Object.entries(variants) as [Variant, { pipeline?: string; kafka: object }][];

  beforeAll(async () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false, validateSchema: false });
    const schema = (name: string) =>
      JSON.parse(readFileSync(join(helmFolder, 'schemas/v1.37.0-local-strict', name), 'utf8'));
    ajv.addSchema(schema('_definitions.json'), '/api/_definitions.json');
    checks.set('Deployment', ajv.compile(schema('deployment-apps-v1.json')));
    checks.set('Job', ajv.compile(schema('job-batch-v1.json')));
    checks.set('ConfigMap', ajv.compile(schema('configmap-v1.json')));
    // What the chart uses of KEDA 2.
    const keda = JSON.parse(read('test/deploy/keda.schema.json'));
    for (const kind of ['ScaledObject', 'TriggerAuthentication'] as const)
      checks.set(kind, ajv.compile({ ...keda.$defs[kind], $defs: keda.$defs }));
    await Promise.all(
      [...all(), ...guide].map(async ([name, values]) => rendered.set(name, await render(name, values))),
    );
  });

  it('renders objects that fit the strict schemas of Kubernetes, with names of their own', () => {
    expect(guide.length).toBeGreaterThan(3);
    for (const [name, objects] of rendered) {
      expect(objects.length, name).toBeGreaterThan(5);
      for (const object of objects) {
        const check = checks.get(object.kind);
        expect(check?.(object), `${name}: ${object.kind} ${JSON.stringify(check?.errors)}`).toBe(true);
        expect(object.metadata.name).toMatch(/^[a-z0-9-]{1,63}$/);
      }
      expect(new Set(objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).size).toBe(objects.length);
    }
  });

  it('has a schema that knows misspelt fields', () => {
    const [stage] = stagesOf(objectsOf('plain'));
    const text = JSON.stringify(stage).replace('"periodSeconds"', '"periodSecond"');
    expect(checks.get('Deployment')?.(JSON.parse(text))).toBe(false);
  });

  it('runs each stage of the plan once, by a command line that rlsd takes: the learner as a Job', () => {
    for (const [name, values] of all()) {
      const stages = stagesOf(objectsOf(name)).filter((stage) => !containerOf(stage).command);
      const plans = stages.map((stage) => {
        const { file, unknown, options, spec, plan } = commandOf(stage, values);
        expect(unknown, name).toEqual([]);
        expect(options.stage).toEqual([stageName(stage)]);
        expect(options.run).toBe(`/runs/${name === 'secured' ? 'sums' : name}`);
        expect(options.join).toBe(true);
        // What has finished exits, and a Deployment would start it again.
        expect(options.stay ?? false, stageName(stage)).toBe(stage.kind === 'Deployment');
        expect(stage.kind).toBe(stageName(stage) === 'learn' ? 'Job' : 'Deployment');
        expect(file).toBe(values.pipeline ? '/pipeline/pipeline.yaml' : 'examples/arithmetic.yaml');
        expect(spec.topics).toMatchObject({ kafka: { ...values.kafka, brokers: expect.anything() } });
        return heldByPlan(plan);
      });
      expect(stages.map(stageName).sort(), name).toEqual([...(plans[0] ?? [])].sort());
    }
  });

  it('keeps the pipeline file as it is, and starts the pods again where it changes', () => {
    const text = variants.secured.pipeline;
    expect(objectsOf('secured').find(({ kind }) => kind === 'ConfigMap')?.data).toEqual({ 'pipeline.yaml': text });
    const sums = [objectsOf('secured'), objectsOf('card')].map(
      (objects) => stagesOf(objects)[0]?.spec.template.metadata.annotations['checksum/pipeline'],
    );
    expect(sums[0]).not.toBe(sums[1]);
  });

  it('probes and scrapes the port that the metrics are served on, and sets variables that the code reads', () => {
    const code = readdirSync(new URL('src', root), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => read(`src/${file}`))
      .join('\n');
    for (const stage of stagesOf(objectsOf('plain'))) {
      const { env, ports, startupProbe, readinessProbe, livenessProbe } = containerOf(stage);
      for (const { name } of env) expect(code).toContain(`process.env.${name}`);
      expect(env).toContainEqual({ name: 'RLSD_METRICS_PORT', value: '9464' });
      expect(ports).toEqual([{ name: 'metrics', containerPort: 9464 }]);
      for (const probe of [startupProbe, readinessProbe, livenessProbe])
        expect(probe?.httpGet).toEqual({ path: '/metrics', port: 'metrics' });
      expect(stage.spec.template.metadata.annotations).toMatchObject({ 'prometheus.io/port': '9464' });
    }
  });

  it('mounts each secret and each volume that is there, and selects its own pods', () => {
    for (const [name] of all())
      for (const stage of stagesOf(objectsOf(name))) {
        const { volumes } = stage.spec.template.spec;
        const { volumeMounts } = containerOf(stage);
        expect(volumeMounts.map((mount) => mount.name)).toEqual(volumes.map((volume) => volume.name));
        expect(stage.spec.template.metadata.labels).toMatchObject(stage.spec.selector?.matchLabels ?? {});
      }
    for (const stage of stagesOf(objectsOf('secured'))) {
      const { env, volumeMounts } = containerOf(stage);
      expect(env).toContainEqual({
        name: 'KAFKA_PASSWORD',
        valueFrom: { secretKeyRef: { name: 'login', key: 'password' } },
      });
      // Where the settings of the cluster look for it.
      expect(volumeMounts).toContainEqual({
        name: 'secret-kafka-tls',
        mountPath: '/secrets/kafka-tls',
        readOnly: true,
      });
    }
  });

  it('scales the stages by the lag of their group on their topic, as the plan and the prefix name them', () => {
    const scaled = objectsOf('secured').filter(({ kind }) => kind === 'ScaledObject');
    const stages = stagesOf(objectsOf('secured'));
    const { plan } = commandOf(stages[0] as Rendered, variants.secured);
    expect(scaled.map(stageName).sort()).toEqual(['rollout', 'verify']);
    for (const object of scaled) {
      const name = stageName(object);
      const target = stages.find(({ metadata }) => metadata.name === object.spec.scaleTargetRef.name);
      expect(target && stageName(target)).toBe(name);
      expect(target?.spec).not.toHaveProperty('replicas');
      expect(object.spec.maxReplicaCount).toBe(secured.partitions);
      expect(object.spec.triggers[0]).toMatchObject({
        metadata: {
          bootstrapServers: 'one:9093,two:9093',
          consumerGroup: `team.sums.${name}`,
          topic: `team.sums.${plan.stages.find((stage) => stage.name === name)?.input}`,
          tls: 'enable',
          sasl: 'scram_sha512',
        },
        authenticationRef: { name: 'secured-autoscaling' },
      });
    }
  });

  it('changes one stage: a card for the learner, settings of verify, one ingest at a time', () => {
    const stage = (variant: Variant, name: string) => {
      const found = stagesOf(objectsOf(variant)).find((one) => stageName(one) === name);
      if (!found) throw new Error(`${variant} has no ${name}`);
      return found;
    };
    const card = stage('card', 'learn');
    expect(containerOf(card).resources.limits).toEqual({ memory: '4Gi', 'nvidia.com/gpu': '1' });
    expect(card.spec.template.spec.tolerations).toHaveLength(1);
    expect(card.metadata.name).not.toBe(stage('plain', 'learn').metadata.name);
    const verify = stage('secured', 'verify');
    expect(verify.spec.template.spec.hostUsers).toBe(false);
    expect(containerOf(verify).securityContext).toMatchObject({ procMount: 'Unmasked', readOnlyRootFilesystem: true });
    expect(commandOf(verify, variants.secured).spec.topics).toMatchObject({ kafka: { clientId: 'judge' } });
    for (const name of ['ingest', 'evaluate']) expect(stage('plain', name).spec.strategy).toEqual({ type: 'Recreate' });
    const { command, image, livenessProbe } = containerOf(stage('foreign', 'learn'));
    expect({ command, image, livenessProbe }).toEqual({ command: ['torchrun', 'learn.py'], image: 'trainer:1' });
  });

  it.each([
    ['no brokers', {}, /kafka\.brokers: Array must have at least 1 items/],
    ['a misspelt setting', { kafka: plain, stages: { rollout: { replica: 2 } } }, /property replica is not allowed/],
    ['a file that is no YAML', { kafka: plain, pipeline: 'a: [' }, /pipeline: .*yaml/],
    [
      'autoscaling without a login',
      { kafka: secured, autoscaling: { enabled: true } },
      /autoscaling\.secrets: kafka\.sasl is set/,
    ],
  ])('refuses %s', async (_, values, message) => {
    await expect(render('refused', values)).rejects.toThrow(message);
  });
});
