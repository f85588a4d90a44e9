import { relative } from 'node:path';
import type { ArmSummary, Comparison } from '../summarize.js';
import { accuracyChart, styleOf } from './chart.js';
import { percentText } from './format.js';
import { type ReportTable, reportTables } from './tables.js';

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

const style = `
  :root { color-scheme: light dark; }
  body { font: 15px/1.5 system-ui, sans-serif; max-width: 1000px; margin: 2rem auto; padding: 0 1rem; }
  table { border-collapse: collapse; font-variant-numeric: tabular-nums; display: block; overflow-x: auto; }
  th, td { text-align: left; padding: 0.25rem 0.8rem 0.25rem 0; border-bottom: 1px solid color-mix(in srgb, currentColor 18%, transparent); white-space: nowrap; }
  svg { width: 100%; height: auto; font-size: 12px; } svg text { fill: currentColor; }
  .key { display: flex; flex-wrap: wrap; gap: 0.3rem 1.2rem; padding: 0; list-style: none; }
  .key svg { width: 34px; height: 10px; margin-right: 0.4rem; }
  p { max-width: 46rem; }
`;

/**
 * The comparison as one HTML file without scripts or outside references.
 * @param folder of the file, which links to runs are relative to
 */
export function htmlReport(comparison: Comparison, folder: string): string {
  const { experiment, arms, threshold, seeds } = comparison;
  const label = `Held-out accuracy in percent by training step, mean over ${seeds.length} seeds with 95 % confidence bands`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(experiment)}</title>
<style>${style}</style>
</head>
<body>
<h1>${escaped(experiment)}</h1>
<h2>Held-out accuracy</h2>
<p>${escaped(label)}. The dotted line is the threshold, ${percentText(threshold)} %.</p>
${accuracyChart(arms, { threshold, label })}
<ul class="key">
${arms.map((arm) => keyOf(arms, arm)).join('\n')}
</ul>
${reportTables(comparison).map(tableOf).join('\n')}
${runTable(arms, folder)}
</body>
</html>
`;
}

function keyOf(arms: readonly ArmSummary[], arm: ArmSummary): string {
  const { colour, dash } = styleOf(arms, arm);
  const line =
    `<svg viewBox="0 0 34 10" aria-hidden="true"><line x1="0" x2="34" y1="5" y2="5" stroke="${colour}" ` +
    `stroke-width="2" stroke-dasharray="${dash}"/></svg>`;
  return `<li>${line}${escaped(arm.name)}</li>`;
}

function tableOf({ title, caption, header, rows }: ReportTable): string {
  return `<h2>${escaped(title)}</h2>
<p>${escaped(caption)}</p>
<table>
<thead><tr>${header.map((cell) => `<th>${escaped(cell)}</th>`).join('')}</tr></thead>
<tbody>
${rows.map((row) => `<tr>${row.map((cell) => `<td>${escaped(cell)}</td>`).join('')}</tr>`).join('\n')}
</tbody>
</table>`;
}

/** Every run with its figures, linked to its folder. */
function runTable(arms: readonly ArmSummary[], folder: string): string {
  const rows = arms.flatMap(({ name, runs }) =>
    runs.map(({ seed, folder: run, final, area }) => {
      const link = relative(folder, run).split('/').map(encodeURIComponent).join('/');
      return (
        `<tr><td>${escaped(name)}</td><td><a ` +
        `href="${link}/">${seed}</a></td><td>${percentText(final)}</td><td>${percentText(area)}</td></tr>`
      );
    }),
  );
  return `<h2>Runs</h2>
<p>Held-out accuracy in percent of each seed. A seed links to the folder of its run.</p>
<table>
<thead><tr><th>arm</th><th>seed</th><th>end</th><th>mean over training</th></tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table>`;
}
