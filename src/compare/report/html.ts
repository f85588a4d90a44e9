import type { ArmSummary, ComparisonReport } from '../summarize.js';
import { accuracyChart, styleOf } from './chart.js';
import { creditSection, creditStyle } from './credit.js';
import { htmlText, percentText, runLink, seedsText } from './format.js';
import { type ReportTable, reportTables } from './tables.js';

const style = `
  :root { color-scheme: light dark; }
  body { font: 15px/1.5 system-ui, sans-serif; max-width: 1000px; margin: 2rem auto; padding: 0 1rem; }
  table { border-collapse: collapse; font-variant-numeric: tabular-nums; display: block; overflow-x: auto; }
  th, td { text-align: left; padding: 0.25rem 0.8rem 0.25rem 0; border-bottom: 1px solid color-mix(in srgb, currentColor 18%, transparent); white-space: nowrap; }
  svg { width: 100%; height: auto; font-size: 12px; } svg text { fill: currentColor; }
  .key { display: flex; flex-wrap: wrap; gap: 0.3rem 1.2rem; padding: 0; list-style: none; }
  .key svg { width: 34px; height: 10px; margin-right: 0.4rem; }
  p { max-width: 46rem; }
${creditStyle}`;

/**
 * The comparison as one HTML file without scripts or outside references.
 * @param folder of the file, which links to runs are relative to
 */
export function htmlReport(comparison: ComparisonReport, folder: string): string {
  const { experiment, arms, threshold, seeds, credit, warnings } = comparison;
  const over = `mean over ${seedsText(seeds.length)} with 95 % confidence bands`;
  const charts = (['steps', 'seconds'] as const).map((axis) => {
    const by = axis === 'steps' ? 'training step' : "training time, without evaluations, at each arm's time per step";
    const label = `Held-out accuracy in percent by ${by}, ${over}`;
    return `<p>${htmlText(label)}. The dotted line is the threshold, ${percentText(threshold)} %.</p>
${accuracyChart(arms, { threshold, label, axis })}`;
  });
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${htmlText(experiment)}</title>
<style>${style}</style>
</head>
<body>
<h1>${htmlText(experiment)}</h1>
<h2>Held-out accuracy</h2>
${warnings.map((warning) => `<p><strong>${htmlText(warning)}</strong></p>`).join('\n')}
${charts.join('\n')}
<ul class="key">
${arms.map((arm) => keyOf(arms, arm)).join('\n')}
</ul>
${reportTables(comparison).map(tableOf).join('\n')}
${creditSection(credit, folder)}
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
  return `<li>${line}${htmlText(arm.name)}</li>`;
}

function tableOf({ title, caption, header, rows }: ReportTable): string {
  return `<h2>${htmlText(title)}</h2>
<p>${htmlText(caption)}</p>
<table>
<thead><tr>${header.map((cell) => `<th>${htmlText(cell)}</th>`).join('')}</tr></thead>
<tbody>
${rows.map((row) => `<tr>${row.map((cell) => `<td>${htmlText(cell)}</td>`).join('')}</tr>`).join('\n')}
</tbody>
</table>`;
}

/** Every run with its figures, linked to its folder. */
function runTable(arms: readonly ArmSummary[], folder: string): string {
  const rows = arms.flatMap(({ name, runs }) =>
    runs.map(({ seed, folder: run, final, area }) => {
      return `<tr><td>${htmlText(name)}</td><td>${runLink(folder, run, String(seed))}</td><td>${percentText(final)}</td><td>${percentText(area)}</td></tr>`;
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
