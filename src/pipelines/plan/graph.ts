import type { Plan, PlanStage } from './plan.js';

export const graphFormats = ['mermaid', 'dot', 'json'] as const;
export type GraphFormat = (typeof graphFormats)[number];

interface Edge {
  readonly from: string;
  readonly to: string;
  readonly dashed: boolean;
}

/** The plan as text: stages are boxes, topics are cylinders, lookups are dashed. */
export function drawGraph(plan: Plan, format: GraphFormat): string {
  const { spec, stages, topics } = plan;
  if (format === 'json')
    return JSON.stringify({ pipeline: spec.pipeline, stages: stages.map(described), topics }, null, 2);
  const edges = stages.flatMap((stage) => edgesOf(stage, plan));
  const shown = topics.filter(({ name }) => edges.some(({ from, to }) => [from, to].includes(topicId(name))));
  if (format === 'mermaid')
    return [
      'flowchart LR',
      ...stages.map(({ name }) => `  ${stageId(name)}[${name}]`),
      ...shown.map(({ name }) => `  ${topicId(name)}[(${name})]`),
      ...edges.map(({ from, to, dashed }) => `  ${from} ${dashed ? '-.->' : '-->'} ${to}`),
    ].join('\n');
  return [
    `digraph "${spec.pipeline}" {`,
    '  rankdir=LR;',
    ...stages.map(({ name }) => `  ${stageId(name)} [label="${name}", shape=box];`),
    ...shown.map(({ name }) => `  ${topicId(name)} [label="${name}", shape=cylinder];`),
    ...edges.map(({ from, to, dashed }) => `  ${from} -> ${to}${dashed ? ' [style=dashed]' : ''};`),
    '}',
  ].join('\n');
}

const described = ({ name, definition, input, output, tables }: PlanStage) => ({
  name,
  kind: definition.name,
  summary: definition.summary,
  input,
  output,
  tables,
});

function edgesOf({ name, input, output, tables, definition }: PlanStage, plan: Plan): Edge[] {
  const stage = stageId(name);
  const others = definition.otherTopics(plan).filter((topic) => topic.name !== input);
  return [
    { from: topicId(input), to: stage, dashed: false },
    { from: stage, to: topicId(output), dashed: false },
    ...tables.map((table) => ({ from: topicId(table), to: stage, dashed: true })),
    ...others.map((topic) =>
      topic.external
        ? { from: topicId(topic.name), to: stage, dashed: true }
        : { from: stage, to: topicId(topic.name), dashed: false },
    ),
  ];
}

const idOf = (kind: string, name: string) => `${kind}_${name.replace(/[^a-z0-9]/gi, '_')}`;
const topicId = (name: string) => idOf('topic', name);
const stageId = (name: string) => idOf('stage', name);
