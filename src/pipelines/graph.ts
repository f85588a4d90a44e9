import type { Plan } from './plan.js';

export const graphFormats = ['mermaid', 'dot', 'json'] as const;
export type GraphFormat = (typeof graphFormats)[number];

/** The plan as text: stages are boxes, topics are cylinders, tables are dashed. */
export function drawGraph(plan: Plan, format: GraphFormat): string {
  const { stages, topics } = plan;
  if (format === 'json') return JSON.stringify({ pipeline: plan.spec.pipeline, stages, topics }, null, 2);
  const id = (kind: string, name: string) => `${kind}_${name.replace(/[^a-z0-9]/gi, '_')}`;
  const edges = stages.flatMap((stage) => [
    { from: id('topic', stage.input), to: id('stage', stage.name), dashed: false },
    { from: id('stage', stage.name), to: id('topic', stage.output), dashed: false },
    ...stage.tables.map((table) => ({ from: id('topic', table), to: id('stage', stage.name), dashed: true })),
    ...(stage.does === 'ingest'
      ? ['references', 'privileged'].map((t) => ({ from: id('stage', stage.name), to: id('topic', t), dashed: false }))
      : []),
  ]);
  const shown = topics.filter((topic) => edges.some((edge) => [edge.from, edge.to].includes(id('topic', topic.name))));
  if (format === 'mermaid')
    return [
      'flowchart LR',
      ...stages.map((stage) => `  ${id('stage', stage.name)}[${stage.name}]`),
      ...shown.map((topic) => `  ${id('topic', topic.name)}[(${topic.name})]`),
      ...edges.map(({ from, to, dashed }) => `  ${from} ${dashed ? '-.->' : '-->'} ${to}`),
    ].join('\n');
  return [
    `digraph "${plan.spec.pipeline}" {`,
    '  rankdir=LR;',
    ...stages.map((stage) => `  ${id('stage', stage.name)} [label="${stage.name}", shape=box];`),
    ...shown.map((topic) => `  ${id('topic', topic.name)} [label="${topic.name}", shape=cylinder];`),
    ...edges.map(({ from, to, dashed }) => `  ${from} -> ${to}${dashed ? ' [style=dashed]' : ''};`),
    '}',
  ].join('\n');
}
