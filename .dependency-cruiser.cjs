// The layers, lowest first, and what each may import besides itself and `support`. An arrow in another direction is a design error.
const below = (...layers) => layers;
const data = below('records', 'topics', 'models');
const compute = below(...data, 'losses', 'methods', 'engines', 'learner');
const inputs = below(...data, 'verifiers', 'privileged', 'sources', 'engines');
const flow = below(...compute, ...inputs, 'operators', 'transforms', 'runtime');
const layers = {
  support: [],
  records: [],
  topics: ['records'],
  models: ['records'],
  losses: ['records'],
  methods: ['records', 'losses'],
  engines: ['records', 'models', 'losses'],
  learner: ['records', 'models', 'losses', 'engines'],
  verifiers: ['records', 'topics'],
  privileged: [...data, 'engines'],
  sources: ['records', 'topics'],
  operators: ['records', 'methods'],
  transforms: ['records', 'operators'],
  runtime: ['records', 'topics', 'operators'],
  pipelines: flow,
  runs: [...flow, 'pipelines'],
  replay: [...flow, 'pipelines', 'runs'],
  compare: [...flow, 'pipelines', 'runs', 'replay'],
  supervise: [...flow, 'pipelines', 'runs', 'replay', 'compare'],
  cli: [...flow, 'pipelines', 'runs', 'replay', 'compare', 'supervise'],
};
// Operators name the interfaces that they need where those live, as types.
const interfaces = [
  '^src/engines/policy[.]ts$',
  '^src/verifiers/verifier[.]ts$',
  '^src/privileged/store[.]ts$',
  '^src/learner/learner[.]ts$',
];

module.exports = {
  forbidden: [
    // Types may refer to each other; modules that load each other may not.
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    ...Object.entries(layers).map(([layer, allowed]) => ({
      name: `${layer}-imports`,
      severity: 'error',
      from: { path: `^src/${layer}/` },
      to: {
        path: '^src/',
        pathNot: [
          `^src/(${[layer, 'support', ...new Set(allowed)].join('|')})/`,
          ...(layer === 'operators' ? interfaces : []),
        ],
      },
    })),
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
  },
};
