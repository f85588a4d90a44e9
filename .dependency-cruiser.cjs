// The rooms of the house and who may import whom; an arrow in another direction is a bug in the design.
const rooms = {
  topics: [],
  operators: ['topics'],
  policy: ['topics'],
  learner: ['policy', 'topics'],
  verifiers: ['topics'],
  privileged: ['topics'],
  pipelines: ['topics', 'operators', 'policy', 'learner', 'verifiers', 'privileged'],
  cli: ['pipelines', 'topics', 'operators', 'policy', 'learner', 'verifiers', 'privileged'],
};

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true, dependencyTypesNot: ['type-only'] } },
    ...Object.entries(rooms).map(([room, allowed]) => ({
      name: `${room}-imports`,
      severity: 'error',
      from: { path: `^src/${room}/` },
      to: {
        path: '^src/',
        pathNot: [
          `^src/(${[room, ...allowed].join('|')})/`,
          // Operators name the small interfaces they need where these live, as types.
          ...(room === 'operators'
            ? [
                '^src/policy/policy[.]ts$',
                '^src/verifiers/verifier[.]ts$',
                '^src/privileged/store[.]ts$',
                '^src/learner/learner[.]ts$',
              ]
            : []),
          '^src/[a-z-]+[.]ts$',
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
