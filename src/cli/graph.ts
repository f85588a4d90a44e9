import { drawGraph, type GraphFormat } from '../pipelines/graph.js';
import { readPlan } from './check.js';
import { print, toJson } from './output.js';

export async function graph(
  file: string,
  options: { format: GraphFormat; set?: string[]; json?: boolean },
): Promise<void> {
  const plan = await readPlan(file, options.set);
  if (options.json) print(toJson(JSON.parse(drawGraph(plan, 'json'))));
  else print(drawGraph(plan, options.format));
}
