import { drawGraph, type GraphFormat } from '../pipelines/graph.js';
import { readPlan } from './check.js';
import { print } from './output.js';

export async function graph(file: string, options: { format: GraphFormat; set?: string[] }): Promise<void> {
  print(drawGraph(await readPlan(file, options.set), options.format));
}
