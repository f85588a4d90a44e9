// The part of docs/metrics.md that follows from the lists of figures. `npm run records` writes it.
import { table } from './schema-fields.mjs';

const [begin, end] = ['<!-- figures: `npm run records` -->', '<!-- end of figures -->'];

/** The page with its tables of figures written again. */
export function withFigures(page, figures) {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`docs/metrics.md: expected the lines ${begin} and ${end}`);
  const sections = [
    ['Stage `learn`', 'figure', { ...figures.learnFigures, ...figures.learnFigureFamilies }],
    [
      'Stage `evaluate`',
      'figure',
      { ...figures.evaluateFigures, ...figures.sampledFigures, ...figures.evaluateFigureFamilies },
    ],
    ['Stage `leak`', 'figure', { ...figures.leakFigures, ...figures.leakFigureFamilies }],
    ['Columns of `rlsd lag`', 'column', figures.lagColumns],
  ];
  const text = sections.map(([title, kind, list]) => `## ${title}\n\n${rowsOf(kind, list)}`);
  return `${page.slice(0, from + begin.length)}\n\n${text.join('\n\n')}\n\n${page.slice(to)}`;
}

const names = (name) =>
  name
    .split(', ')
    .map((one) => `\`${one}\``)
    .join(', ');

const rowsOf = (kind, list) =>
  table(
    [kind, 'unit', 'meaning'],
    Object.entries(list).map(([name, { unit, meaning }]) => [names(name), unit, meaning]),
  );
