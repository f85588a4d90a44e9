import { Option } from 'commander';
import { drawGraph, type GraphFormat, graphFormats } from '../../pipelines/plan/graph.js';
import { examples, type Register, setOption } from '../options.js';
import { print, toJson } from '../output.js';
import { readPlan } from './check.js';

export async function graph(
  file: string,
  options: { format: GraphFormat; set?: string[]; json?: boolean },
): Promise<void> {
  const plan = await readPlan(file, options.set);
  if (options.json) print(toJson(JSON.parse(drawGraph(plan, 'json'))));
  else print(drawGraph(plan, options.format));
}

export const registerGraph: Register = (rlsd) => {
  rlsd
    .command('graph <pipeline.yaml>')
    .description('draw the stages and topics of a pipeline')
    .addOption(new Option('--format <format>', 'output format').choices(graphFormats).default('mermaid'))
    .addOption(setOption())
    .addOption(new Option('--json', 'the plan as one JSON object on one line'))
    .addHelpText('after', examples(['rlsd graph pipeline.yaml'], ['rlsd graph pipeline.yaml --format dot | dot -Tsvg']))
    .action(graph);
};
